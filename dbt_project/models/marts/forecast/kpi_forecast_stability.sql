-- Grain: one row per (period_start_date, segment_code)

{{ config(materialized="incremental") }}

with tracking as (
    select
        case when grouping(segment_code) = 1 then 'ALL' else segment_code end as segment_code,
        count(*) as item_location_count,
        count(*) filter (where is_biased) as biased_count,
        count(*) filter (where plan_bucket_count > 0) as compared_count,
        {{ exact_sum("previous_plan_qty") }} as previous_plan_qty,
        {{ exact_sum("plan_qty") }} as plan_qty,
        {{ exact_sum("plan_change_qty") }} as plan_change_qty
    from {{ ref("stg_engine__forecast_tracking") }}
    where period_start_date = {{ period_start_date() }}
    group by grouping sets ((segment_code), ())
),

exceptions as (
    select
        case when grouping(segment_code) = 1 then 'ALL' else segment_code end as segment_code,
        count(*) as exception_count,
        count(*) filter (where is_new) as new_exception_count,
        count(*) filter (where is_listed) as listed_exception_count,
        {{ exact_sum("value_at_stake_amount") }} as value_at_stake_amount,
        {{ exact_sum("case when is_listed then value_at_stake_amount else 0 end") }} as listed_value_at_stake_amount
    from {{ ref("stg_engine__forecast_exception") }}
    where period_start_date = {{ period_start_date() }}
    group by grouping sets ((segment_code), ())
),

final as (
    select
        {{ period_start_date() }} as period_start_date,
        tracking.segment_code,
        tracking.item_location_count,
        tracking.biased_count,
        tracking.compared_count,
        tracking.previous_plan_qty,
        tracking.plan_qty,
        tracking.plan_change_qty,
        tracking.plan_change_qty / nullif(tracking.previous_plan_qty, 0) as churn_rate,
        coalesce(exceptions.exception_count, 0) as exception_count,
        coalesce(exceptions.new_exception_count, 0) as new_exception_count,
        coalesce(exceptions.listed_exception_count, 0) as listed_exception_count,
        coalesce(exceptions.value_at_stake_amount, 0) as value_at_stake_amount,
        coalesce(exceptions.listed_value_at_stake_amount, 0) as listed_value_at_stake_amount,
        exceptions.listed_value_at_stake_amount / nullif(exceptions.value_at_stake_amount, 0) as listed_value_rate,
        {{ currency_code() }} as currency_code
    from tracking
    left join exceptions using (segment_code)
)

select * from final
