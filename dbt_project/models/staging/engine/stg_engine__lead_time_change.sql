-- Grain: one row per (period_start_date, supplier_id, location_id, change_number)

with source as (
    select * from {{ source('engine', 'lead_time_change') }}
),

final as (
    select
        period_start_date,
        supplier_id,
        location_id,
        change_number,
        status_code,
        direction_code,
        changed_from_date,
        detected_date,
        ended_date,
        detection_receipt_count,
        before_days,
        before_receipt_count,
        proposed_lead_time_days,
        receipt_count,
        effect_days,
        shift_ratio,
        item_location_count,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
