-- Grain: one row per (period_start_date, item_id, location_id, table_name, run_id)

with source as (
    select * from {{ source('quality', 'isolated_result') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        table_name,
        reason,
        run_id
    from source
)

select * from final
