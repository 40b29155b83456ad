-- Grain: one row per (period_start_date)

{{ config(materialized="incremental") }}

with manifests as (
    select * from {{ ref("stg_engine__cycle_manifest") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        period_start_date,
        cut_off_at,
        source_name,
        code_version,
        code_hash,
        lock_hash,
        contracts_hash,
        input_hash,
        output_hash,
        load_count,
        newest_load_id,
        seed,
        parameters_version,
        run_id,
        computed_at
    from manifests
)

select * from final
