-- Grain: one row per (period_start_date, item_id, location_id, bucket_start_date)

with source as (
    select * from {{ source('engine', 'buffer_plan') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        segment_code,
        bucket_start_date,
        horizon_bucket,
        lead_time_demand_qty,
        protected_demand_qty,
        safety_stock_qty,
        reorder_point_qty,
        order_up_to_qty,
        season_ratio,
        evidence_grade,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
