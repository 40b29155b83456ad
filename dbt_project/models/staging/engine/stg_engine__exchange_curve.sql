-- Grain: one row per (period_start_date, segment_code, curve_code, point_number)

with source as (
    select * from {{ source('engine', 'exchange_curve') }}
),

final as (
    select
        period_start_date,
        segment_code,
        curve_code,
        point_number,
        fill_target_rate,
        fill_rate,
        stock_value_amount,
        expected_short_qty,
        item_location_count,
        is_current,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
