-- Grain: one row per (period_start_date, item_id, location_id)

{{ config(materialized="incremental") }}

with champion_register as (
    select * from {{ ref("stg_engine__champion_register") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        segment_code,
        pool_code,
        champion_model_code,
        champion_since_date,
        challenger_model_code,
        decision_code,
        trigger_code,
        tournament_date,
        loss_code,
        champion_score_qty,
        challenger_score_qty,
        margin_rate,
        tracking_signal_ratio,
        error_signal_ratio,
        reason,
        parameters_version,
        run_id,
        computed_at
    from champion_register
)

select * from final
