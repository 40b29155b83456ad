-- Grain: one row per (calendar_date, location_id, known_from_at): each version of a row of the feed `calendar`

with source as (
    select * from {{ source('raw', 'calendar') }}
),

final as (
    select
        calendar_date,
        {{ location_or_all() }} as location_id,
        is_working_day,
        {{ clean_text("event_name") }} as event_name,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
