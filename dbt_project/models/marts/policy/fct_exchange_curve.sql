-- Grain: one row per (period_start_date, segment_code, curve_code, point_number)

{{ config(materialized="incremental") }}

with source as (
    select * from {{ ref("stg_engine__exchange_curve") }}
    where {{ in_window("period_start_date") }}
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
        {{ currency_code() }} as currency_code,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
