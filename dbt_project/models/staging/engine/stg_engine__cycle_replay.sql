-- Grain: one row per (period_start_date, object_type_code, object_name)

with source as (
    select * from {{ source('engine', 'cycle_replay') }}
),

final as (
    select
        period_start_date,
        object_type_code,
        object_name,
        recorded_hash,
        replayed_hash,
        held_hash,
        verdict_code,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
