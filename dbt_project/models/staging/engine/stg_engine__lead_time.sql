-- Grain: one row per (period_start_date, item_id, location_id)

with source as (
    select * from {{ source('engine', 'lead_time') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        supplier_id,
        lead_time_days,
        lead_time_sd_days,
        receipt_count,
        lead_time_source_code,
        contract_lead_time_days,
        evidence_grade,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
