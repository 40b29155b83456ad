-- Grain: one row per (period_start_date, item_id, location_id)

with source as (
    select * from {{ source('engine', 'champion_backtest') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        model_code,
        reason_code,
        method_hash,
        tournament_date,
        newest_bucket_date,
        horizon_buckets,
        wanted_horizon_buckets,
        interval_buckets,
        fold_count,
        independent_fold_ratio,
        history_buckets,
        learnt_buckets,
        history_demand_qty,
        span_demand_qty,
        naive_score_qty,
        cumulative_rmse_qty,
        naive_rmse_qty,
        held_out_rmse_qty,
        interval_rmse_qty,
        interval_sd_qty,
        step_sd_qty,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
