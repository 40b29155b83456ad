-- Grain: one row per (period_start_date, item_id, location_id, model_code)

with source as (
    select * from {{ source('engine', 'model_score') }}
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
    from source
)

select * from final
