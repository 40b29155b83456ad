-- Grain: one row per (period_start_date, item_id, location_id, analog_item_id, analog_location_id)

with source as (
    select * from {{ source('engine', 'new_product_analog') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        analog_item_id,
        analog_location_id,
        similarity_rate,
        weight_rate,
        is_launch,
        analog_level_qty,
        similarity_reason,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
