-- Grain: one row per (period_start_date, segment_code)

with source as (
    select * from {{ source('engine', 'certificate') }}
),

final as (
    select
        period_start_date,
        segment_code,
        certified_count,
        policies_hash,
        certificate_hash,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
