-- Grain: one row per (period_start_date, item_id, location_id)

{{ config(materialized="incremental") }}

with source as (
    select * from {{ ref("stg_engine__supply_risk") }}
    where {{ in_window("period_start_date") }}
),

tiers as (
    select period_start_date, supplier_id, development_code from {{ ref("fct_supplier_tier") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        supplier_id,
        criticality_code,
        supplier_count,
        is_single_source,
        alternative_supplier_id,
        alternative_lead_time_days,
        on_hand_qty,
        cover_days,
        case when alternative_lead_time_days is not null then greatest(alternative_lead_time_days - cover_days, 0) end as transition_gap_days,
        tiers.development_code,
        daily_loss_amount,
        expected_loss_amount,
        buffer_qty,
        buffer_cost_amount,
        second_source_cost_amount,
        break_even_disruptions_per_year,
        mitigation_code,
        risk_rank,
        {{ currency_code() }} as currency_code,
        parameters_version,
        run_id,
        computed_at
    from source
    left join tiers using (period_start_date, supplier_id)
)

select * from final
