-- Grain: one row per (location_id, known_from_at): each version of a row of the feed `locations`

with source as (
    select * from {{ source('raw', 'locations') }}
),

final as (
    select
        {{ clean_text("location_id") }} as location_id,
        {{ clean_text("name") }} as location_name,
        {{ clean_text("type") }} as location_type_code,
        {{ clean_text("region") }} as region,
        {{ clean_text("parent_location_id") }} as parent_location_id,
        holding_cost_rate,
        capacity as capacity_qty,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
