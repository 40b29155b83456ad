-- Grain: one row per (period_start_date, item_id, location_id)

with source as (
    select * from {{ source('engine', 'segment_assignment') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        abc_code,
        xyz_code,
        raw_xyz_code,
        pattern_code,
        lifecycle_code,
        segment_code,
        rule_code,
        value_metric_code,
        abc_value,
        value_share_rate,
        cumulative_share_rate,
        forecastability_ratio,
        simple_model_code,
        demand_cv_ratio,
        adi_buckets,
        cv2_ratio,
        nonzero_count,
        history_buckets,
        demand_trend_ratio,
        first_demand_date,
        last_demand_date,
        evidence_grade,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
