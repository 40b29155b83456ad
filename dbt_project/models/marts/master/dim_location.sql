-- Grain: one row per (location_id)

{{ config(materialized="table") }}

with locations as (
    select * from {{ ref("stg_locations") }}
    where {{ known_at(newest_cut_off()) }}
),

-- Facts may name ALL, or a location that came without master data.
used as (
    select distinct location_id from {{ ref("fct_segment") }}
    union
    select distinct location_id from {{ ref("fct_demand") }}
),

final as (
    select
        location_id,
        coalesce(locations.location_name, case when location_id = 'ALL' then 'All locations' end) as location_name,
        locations.location_type_code,
        locations.region,
        locations.parent_location_id,
        locations.holding_cost_rate,
        locations.capacity_qty,
        locations.location_id is not null as has_master_data
    from used
    full outer join locations using (location_id)
)

select * from final
