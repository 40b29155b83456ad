-- Grain: one row per (item_id, location_id) of the cycle: which inputs it has

{{ config(materialized="ephemeral") }}

with item_locations as (
    select
        *,
        count(*) over (partition by item_id) > 1 as has_several_locations
    from {{ ref("int_item_locations__planned") }}
    where period_start_date = {{ period_start_date() }}
),

measured as (
    select * from {{ ref("int_item_locations__measured") }}
    where period_start_date = {{ period_start_date() }}
),

lead_times as (
    select * from {{ ref("stg_engine__lead_time") }}
    where period_start_date = {{ period_start_date() }}
),

items as (
    select * from {{ ref("stg_items") }}
    where {{ known_at_cut_off() }}
),

locations_with_parent as (
    select location_id from {{ ref("stg_locations") }}
    where parent_location_id is not null and {{ known_at_cut_off() }}
),

spoken_of as (
    select * from {{ ref("int_items__spoken_of") }}
),

final as (
    select
        item_locations.item_id,
        item_locations.location_id,
        measured.segment_code,
        measured.abc_value,
        coalesce({{ cut_off_date() }} - item_locations.first_demand_date, 0) as history_days,
        true as has_history,
        coalesce(item_locations.unit_cost_amount, item_locations.unit_price_amount) is not null as has_value,
        item_locations.unit_cost_amount is not null as has_unit_cost,
        coalesce(item_locations.launch_date, item_locations.phase_out_date) is not null as has_lifecycle_dates,
        coalesce(lead_times.lead_time_source_code in ('item_receipts', 'supplier_receipts'), false) as has_receipts,
        coalesce(lead_times.lead_time_source_code <> 'assumption', false) as has_lead_time,
        coalesce(
            item_locations.moq_qty, item_locations.order_multiple_qty, item_locations.order_cost_amount
        ) is not null as has_supplier_terms,
        measured.on_hand_qty is not null as has_stock,
        measured.judged_ordered_qty is not null as has_shipped_qty,
        coalesce(measured.due_line_count, 0) > 0 as has_due_lines,
        item_locations.has_several_locations,
        items.shelf_life_days is not null as has_shelf_life,
        item_locations.location_id in (select location_id from locations_with_parent) as has_parent_location,
        coalesce(spoken_of.has_promotions, false) as has_promotions,
        coalesce(spoken_of.has_forecast_overrides, false) as has_forecast_overrides,
        coalesce(spoken_of.has_forecast_streams, false) as has_forecast_streams,
        exists (
            from {{ ref("int_cycles__planned") }} where period_start_date < {{ period_start_date() }}
        ) as has_frozen_forecast
    from item_locations
    inner join measured using (item_id, location_id)
    left join lead_times using (item_id, location_id)
    left join items on item_locations.item_id = items.item_id
    left join spoken_of on item_locations.item_id = spoken_of.item_id
)

select * from final
