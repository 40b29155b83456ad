-- Grain: one row per (period_start_date, level_code, node_id, node_location_id, bucket_start_date)

{{ config(materialized="incremental") }}

with source as (
    select * from {{ ref("stg_engine__hierarchy_forecast") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        period_start_date,
        level_code,
        node_id,
        node_location_id,
        bucket_start_date,
        horizon_bucket,
        model_code,
        method_code,
        base_qty,
        reconciled_qty,
        final_qty,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
