-- Grain: one row per (period_start_date, item_id, location_id)

with source as (
    select * from {{ source('engine', 'promotion_effect') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        uplift_rate,
        dip_rate,
        own_uplift_rate,
        own_event_count,
        pooled_uplift_rate,
        pool_code,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
