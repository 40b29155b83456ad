-- Grain: one row per (item_id, location_id) that the cycle plans

{{ config(materialized="ephemeral") }}

with moving as (
    select item_id, location_id
    from {{ ref("int_item_locations__demand") }}
    where period_start_date = {{ period_start_date() }}
    union
    select item_id, location_id
    from {{ ref("int_stock__positions") }}
    where period_start_date = {{ period_start_date() }} and has_stock_feed
),

parametrised as (
    select distinct item_id, location_id
    from {{ ref("stg_erp_parameters") }}
    where coalesce(valid_from_date, date '1900-01-01') < {{ cut_off_date() }} and {{ known_at_cut_off() }}
),

-- ERP values given without a location hold for all locations: they add ALL only for an item that has no other.
final as (
    select item_id, location_id from moving
    union
    select item_id, location_id
    from parametrised
    where location_id <> 'ALL' or item_id not in (select item_id from moving)
)

select * from final
