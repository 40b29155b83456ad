-- Grain: one row per (period_start_date, item_id, location_id, analog_item_id, analog_location_id)

{{ config(materialized="incremental") }}

with analogs as (
    select * from {{ ref("stg_engine__new_product_analog") }}
    where {{ in_window("period_start_date") }}
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
    from analogs
)

select * from final
