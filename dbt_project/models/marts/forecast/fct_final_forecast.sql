-- Grain: one row per (period_start_date, item_id, location_id, bucket_start_date)

{{ config(materialized="incremental") }}

with forecasts as (
    select * from {{ ref("stg_engine__final_forecast") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        bucket_start_date,
        horizon_bucket,
        segment_code,
        naive_qty,
        baseline_qty,
        smoothed_qty,
        override_qty,
        consensus_qty,
        final_qty,
        step_code,
        override_id,
        person,
        reason_code,
        stream_mix,
        disagreement_rate,
        parameters_version,
        run_id,
        computed_at
    from forecasts
)

select * from final
