-- Grain: one row per (from_location_id, to_location_id, transport_mode_code, known_from_at): each version of a row of the feed `lanes`

with source as (
    select * from {{ source('raw', 'lanes') }}
),

final as (
    select
        {{ clean_text("from_location_id") }} as from_location_id,
        {{ clean_text("to_location_id") }} as to_location_id,
        {{ clean_text("mode") }} as transport_mode_code,
        lead_time_days,
        lead_time_sd_days,
        cost_per_unit as cost_per_unit_amount,
        capacity as capacity_qty,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
