-- Grain: one row per (period_start_date, item_id, location_id)

{{ config(materialized="incremental") }}

with lead_time_demand as (
    select * from {{ ref("stg_engine__lead_time_demand") }}
    where {{ in_window("period_start_date") }}
),

champions as (
    select * from {{ ref("stg_engine__champion") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        lead_time_demand.period_start_date,
        lead_time_demand.item_id,
        lead_time_demand.location_id,
        champions.pool_code,
        champions.model_code,
        champions.reason_code as model_reason_code,
        champions.is_better_than_naive,
        lead_time_demand.protection_interval_days,
        lead_time_demand.method_code,
        lead_time_demand.interval_method_code,
        lead_time_demand.mean_qty,
        lead_time_demand.sd_qty,
        lead_time_demand.demand_sd_qty,
        lead_time_demand.lead_time_sd_qty,
        lead_time_demand.daily_mean_qty,
        lead_time_demand.p50_qty,
        lead_time_demand.p80_qty,
        lead_time_demand.p90_qty,
        lead_time_demand.p95_qty,
        lead_time_demand.p98_qty,
        lead_time_demand.p99_qty,
        lead_time_demand.fallback_reason,
        lead_time_demand.evidence_grade,
        lead_time_demand.parameters_version,
        lead_time_demand.run_id,
        lead_time_demand.computed_at
    from lead_time_demand
    left join champions using (period_start_date, item_id, location_id)
)

select * from final
