-- Grain: one row per (period_start_date, item_id, location_id, bucket_start_date)

with source as (
    select * from {{ source('engine', 'short_term_forecast') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        bucket_start_date,
        horizon_bucket,
        gross_qty,
        sensed_qty,
        order_qty,
        open_order_qty,
        consumed_qty,
        net_qty,
        requirement_qty,
        is_sensing_on,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
