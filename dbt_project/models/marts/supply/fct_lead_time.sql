-- Grain: one row per (period_start_date, item_id, location_id)

{{ config(materialized="incremental") }}

with source as (
    select * from {{ ref("stg_engine__lead_time") }}
    where {{ in_window("period_start_date") }}
),

erp as (
    select item_id, location_id, lead_time_days
    from {{ ref("stg_erp_parameters") }}
    where valid_from_date < {{ cut_off_date() }} and {{ known_at_cut_off() }}
    qualify row_number() over (partition by item_id, location_id order by valid_from_date desc, known_from_at desc) = 1
),

final as (
    select
        source.period_start_date,
        source.item_id,
        source.location_id,
        source.supplier_id,
        source.lead_time_days,
        source.lead_time_sd_days,
        source.lead_time_p50_days,
        source.lead_time_p90_days,
        source.lead_time_p95_days,
        source.receipt_count,
        source.open_order_count,
        source.own_weight_rate,
        source.lead_time_source_code,
        source.contract_lead_time_days,
        source.contract_gap_days,
        erp.lead_time_days as erp_lead_time_days,
        source.lead_time_days - erp.lead_time_days as erp_gap_days,
        source.change_status_code,
        source.proposed_lead_time_days,
        source.yield_rate,
        source.yield_sd_rate,
        source.short_rate,
        source.reject_rate,
        source.yield_line_count,
        source.evidence_grade,
        source.parameters_version,
        source.run_id,
        source.computed_at
    from source
    left join erp on source.item_id = erp.item_id and source.location_id = erp.location_id
)

select * from final
