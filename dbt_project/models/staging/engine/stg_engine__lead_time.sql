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
        lead_time_p50_days,
        lead_time_p90_days,
        lead_time_p95_days,
        receipt_count,
        open_order_count,
        own_weight_rate,
        lead_time_source_code,
        contract_lead_time_days,
        contract_gap_days,
        change_status_code,
        proposed_lead_time_days,
        yield_rate,
        yield_sd_rate,
        short_rate,
        reject_rate,
        yield_line_count,
        evidence_grade,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
