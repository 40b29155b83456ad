-- Grain: one row per (period_start_date, item_id, location_id)

with source as (
    select * from {{ source('engine', 'lead_time_demand') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        protection_interval_days,
        method_code,
        mean_qty,
        sd_qty,
        demand_sd_qty,
        lead_time_sd_qty,
        daily_mean_qty,
        p50_qty,
        p80_qty,
        p90_qty,
        p95_qty,
        p98_qty,
        p99_qty,
        interval_method_code,
        standard_quantiles,
        fallback_reason,
        evidence_grade,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
