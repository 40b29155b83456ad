-- Grain: one row per (period_start_date, item_id, location_id, bucket_start_date, reason_code, reason_detail)

{{ config(materialized="incremental") }}

with adjustments as (
    select * from {{ ref("stg_engine__demand_adjustment") }}
    where {{ in_window("period_start_date") }}
),

signals as (
    select * from {{ ref("stg_engine__demand_signal") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        adjustments.period_start_date,
        adjustments.item_id,
        adjustments.location_id,
        adjustments.bucket_start_date,
        adjustments.reason_code,
        adjustments.reason_detail,
        adjustments.adjustment_qty,
        adjustments.adjustment_at_close_qty,
        adjustments.raw_qty,
        -- Without a signal no forecast was made that could apply it.
        coalesce(list_contains(string_split(signals.applied_reasons, ','), adjustments.reason_code), false)
            as is_applied,
        adjustments.method_code,
        adjustments.in_stock_rate,
        adjustments.evidence,
        adjustments.explanation,
        adjustments.parameters_version,
        adjustments.run_id,
        adjustments.computed_at
    from adjustments
    left join signals using (period_start_date, item_id, location_id)
)

select * from final
