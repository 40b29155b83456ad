-- Grain: one row per (segment_code)

{{ config(materialized="table") }}

with strategies as (
    select * from {{ ref("segment_strategies") }}
    where {{ in_force_at(newest_cut_off(), ["segment_code"]) }}
),

targets as (
    select * from {{ ref("service_targets") }}
    where coalesce(item_id, '') = '' and {{ in_force_at(newest_cut_off(), ["segment_code", "item_id"]) }}
),

-- A target of the segment stands before the one for all.
with_target as (
    select
        strategies.*,
        targets.service_measure,
        targets.service_target
    from strategies
    left join targets on targets.segment_code in (strategies.segment_code, '*')
    qualify row_number() over (
        partition by strategies.segment_code order by targets.segment_code = strategies.segment_code desc
    ) = 1
),

final as (
    select
        segment_code,
        segment_name,
        fulfilment_code,
        service_measure,
        service_target,
        forecast_pool,
        policy_family,
        review_period_days,
        count_frequency_per_year,
        owner,
        bucket_type,
        selection_loss,
        valid_from_date,
        approved_by,
        reason
    from with_target
    union all by name
    select 'ALL' as segment_code, 'All segments' as segment_name
)

select * from final
