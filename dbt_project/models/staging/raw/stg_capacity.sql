-- Grain: one row per (resource_id, period_start_date, known_from_at): each version of a row of the feed `capacity`

with source as (
    select * from {{ source('raw', 'capacity') }}
),

final as (
    select
        {{ clean_text("resource_id") }} as resource_id,
        period_start_date,
        capacity_qty,
        {{ clean_text("uom") }} as uom,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
