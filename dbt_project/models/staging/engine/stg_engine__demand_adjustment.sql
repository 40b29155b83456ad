-- Grain: one row per (period_start_date, item_id, location_id, bucket_start_date, reason_code, reason_detail)

with source as (
    select * from {{ source('engine', 'demand_adjustment') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        bucket_start_date,
        reason_code,
        reason_detail,
        adjustment_qty,
        adjustment_at_close_qty,
        raw_qty,
        method_code,
        in_stock_rate,
        evidence,
        explanation,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
