-- Grain: one row per (override_id, entered_at, known_from_at): each version of a row of the feed `forecast_overrides`

with source as (
    select * from {{ source('raw', 'forecast_overrides') }}
),

final as (
    select
        {{ clean_text("override_id") }} as override_id,
        {{ clean_text("item_id") }} as item_id,
        {{ location_or_all() }} as location_id,
        from_date,
        to_date,
        {{ clean_text("override_type") }} as override_type_code,
        value as override_value,
        {{ clean_text("person") }} as person,
        {{ clean_text("reason_code") }} as reason_code,
        {{ clean_text("evidence") }} as evidence,
        entered_at,
        expires_date,
        {{ clean_text("approval_state") }} as approval_state_code,
        {{ clean_text("approved_by") }} as approved_by,
        known_at,
        {{ lineage_columns() | indent(4) }}
    from source
)

select * from final
