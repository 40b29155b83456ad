-- Grain: one row per (item_id, known_from_at): each version of a row of the feed `items`

with source as (
    select * from {{ source('raw', 'items') }}
),

final as (
    select
        {{ clean_text("item_id") }} as item_id,
        {{ clean_text("name") }} as item_name,
        {{ clean_text("category") }} as category,
        {{ clean_text("family") }} as family,
        {{ clean_text("uom") }} as uom,
        unit_cost as unit_cost_amount,
        unit_price as unit_price_amount,
        holding_cost_per_unit_year as holding_cost_per_unit_year_amount,
        launch_date,
        phase_out_date,
        {{ clean_text("successor_item_id") }} as successor_item_id,
        shelf_life_days,
        {{ clean_text("criticality") }} as criticality_code,
        line_down_cost as line_down_cost_per_day_amount,
        substitutable as is_substitutable,
        {{ clean_text("abc_override") }} as abc_override_code,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
