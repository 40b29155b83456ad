-- Grain: one row per (item_id, location_id) with a known supplier: the primary one and its terms

{{ config(materialized="ephemeral") }}

with item_locations as (
    select * from {{ ref("int_item_locations__known") }}
),

terms as (
    select
        item_locations.item_id,
        item_locations.location_id,
        terms.* exclude (item_id, location_id)
    from item_locations
    inner join {{ ref("stg_item_suppliers") }} as terms
        on item_locations.item_id = terms.item_id
        and terms.location_id in (item_locations.location_id, 'ALL')
    where {{ known_at_cut_off("terms") }}
    -- Terms for the location stand before terms for all locations.
    qualify row_number() over (
        partition by item_locations.item_id, item_locations.location_id, terms.supplier_id
        order by terms.location_id = item_locations.location_id desc
    ) = 1
),

primary_terms as (
    select * from terms
    qualify row_number() over (
        partition by item_id, location_id
        order by share_rate desc nulls last, lead_time_days nulls last, supplier_id
    ) = 1
),

newest_receipts as (
    select item_id, location_id, supplier_id
    from {{ ref("int_receipts__lead_times") }}
    where receipt_date < {{ cut_off_date() }} and {{ known_at_cut_off() }}
    qualify row_number() over (
        partition by item_id, location_id
        order by receipt_date desc, order_date desc, order_id desc, line desc, supplier_id
    ) = 1
),

suppliers as (
    select * from {{ ref("stg_suppliers") }}
    where {{ known_at_cut_off() }}
),

final as (
    select
        item_locations.item_id,
        item_locations.location_id,
        coalesce(primary_terms.supplier_id, newest_receipts.supplier_id) as supplier_id,
        primary_terms.unit_cost_amount,
        primary_terms.moq_qty,
        primary_terms.order_multiple_qty,
        primary_terms.order_cost_amount,
        primary_terms.price_breaks,
        coalesce(primary_terms.order_days, suppliers.order_days) as order_days,
        suppliers.min_order_amount as supplier_min_order_amount,
        coalesce(primary_terms.lead_time_days, suppliers.lead_time_days) as contract_lead_time_days,
        coalesce(primary_terms.lead_time_sd_days, suppliers.lead_time_sd_days) as contract_lead_time_sd_days
    from item_locations
    left join primary_terms using (item_id, location_id)
    left join newest_receipts using (item_id, location_id)
    left join suppliers
        on coalesce(primary_terms.supplier_id, newest_receipts.supplier_id) = suppliers.supplier_id
    where coalesce(primary_terms.supplier_id, newest_receipts.supplier_id) is not null
)

select * from final
