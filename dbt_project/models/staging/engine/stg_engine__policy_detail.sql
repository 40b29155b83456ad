-- Grain: one row per (period_start_date, item_id, location_id)

with source as (
    select * from {{ source('engine', 'policy_detail') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        policy_family,
        family_source_code,
        rule_code,
        family_reason,
        order_band_low_qty,
        order_band_high_qty,
        order_unit_price_amount,
        order_year_cost_amount,
        shelf_life_days,
        card_count,
        card_qty,
        red_zone_qty,
        yellow_zone_qty,
        green_zone_qty,
        net_flow_qty,
        net_flow_zone_code,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
