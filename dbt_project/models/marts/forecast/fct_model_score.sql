-- Grain: one row per (period_start_date, item_id, location_id, model_code)

{{ config(materialized="incremental") }}

with model_score as (
    select * from {{ ref("stg_engine__model_score") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        pool_code,
        model_code,
        horizon_buckets,
        fold_count,
        score_ratio,
        cumulative_rmse_qty,
        cumulative_bias_qty,
        is_champion,
        parameters_version,
        run_id,
        computed_at
    from model_score
)

select * from final
