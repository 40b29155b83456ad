-- Grain: one row per (period_start_date, item_id, location_id, horizon_bucket)

with source as (
    select * from {{ source('engine', 'champion_backtest_lag') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        horizon_bucket,
        mean_qty,
        rmse_qty,
        error_count,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
