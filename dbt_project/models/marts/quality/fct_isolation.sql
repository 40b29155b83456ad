-- Grain: one row per (period_start_date, item_id, location_id) that the cycle left out

{{ config(materialized="incremental") }}

with isolated as (
    select * from {{ ref("int_item_locations__isolated") }}
    where {{ in_window("period_start_date") }}
),

results as (
    select * from {{ ref("stg_quality__isolated_result") }}
    where {{ in_window("period_start_date") }}
),

policies as (
    select * from {{ ref("stg_engine__stock_policy") }}
    where {{ in_window("period_start_date") }}
),

-- What a step found in this very run was not known yet when the cycle began.
left_out as (
    select period_start_date, item_id, location_id, scope_code, cause_code, reason
    from isolated
    union all
    select period_start_date, item_id, location_id, 'item_location', 'implausible_result', min(reason)
    from results
    anti join isolated using (period_start_date, item_id, location_id)
    group by period_start_date, item_id, location_id
),

final as (
    select
        left_out.period_start_date,
        left_out.item_id,
        left_out.location_id,
        left_out.scope_code,
        left_out.cause_code,
        left_out.reason,
        coalesce(policies.policy_status_code, 'none') as policy_status_code,
        policies.policy_period_start_date
    from left_out
    left join policies using (period_start_date, item_id, location_id)
)

select * from final
