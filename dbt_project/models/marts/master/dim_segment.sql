-- Grain: one row per (segment_code)

{{ config(materialized="table") }}

with strategies as (
    select * from {{ ref("segment_strategies") }}
    where {{ in_force_at(newest_cut_off(), ["segment_code"]) }}
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
        valid_from_date,
        approved_by,
        reason
    from strategies
    union all by name
    select 'ALL' as segment_code, 'All segments' as segment_name
)

select * from final
