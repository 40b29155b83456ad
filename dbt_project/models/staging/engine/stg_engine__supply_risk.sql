-- Grain: one row per (period_start_date, item_id, location_id)

with source as (
    select * from {{ source('engine', 'supply_risk') }}
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
        daily_loss_amount,
        expected_loss_amount,
        buffer_qty,
        buffer_cost_amount,
        second_source_cost_amount,
        break_even_disruptions_per_year,
        mitigation_code,
        risk_rank,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
