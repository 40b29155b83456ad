-- Grain: one row per (item_id)

{{ config(materialized="table") }}

with items as (
    select * from {{ ref("stg_items") }}
    where {{ known_at(newest_cut_off()) }}
),

final as (
    select
        item_id,
        item_name,
        category,
        family,
        uom,
        unit_cost_amount,
        unit_price_amount,
        holding_cost_per_unit_year_amount,
        {{ currency_code() }} as currency_code,
        launch_date,
        phase_out_date,
        successor_item_id,
        shelf_life_days,
        criticality_code,
        line_down_cost_per_day_amount,
        is_substitutable,
        abc_override_code,
        load_id,
        file_name,
        row_number
    from items
)

select * from final
