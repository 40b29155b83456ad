-- Grain: one row per (period_start_date, object_type_code, object_name) of cycles that were replayed

{{ config(materialized="table") }}

with replays as (
    select * from {{ ref("stg_engine__cycle_replay") }}
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
    from replays
)

select * from final
