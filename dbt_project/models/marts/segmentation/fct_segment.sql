-- Grain: one row per (period_start_date, item_id, location_id)

{{ config(materialized="incremental", meta={"replaced_rows": "adjacent_cycles"}) }}

-- A new cycle ends the validity of the one before and is what the one after is compared with: all three are replaced.
with cycles as (
    select * from {{ ref("int_cycles__planned") }}
    {% if is_incremental() %}where {{ adjacent_cycles() }}{% endif %}
),

assignment as (
    select * from {{ ref("stg_engine__segment_assignment") }}
),

final as (
    select
        assignment.period_start_date,
        assignment.item_id,
        assignment.location_id,
        assignment.segment_code,
        previous.segment_code as previous_segment_code,
        coalesce(previous.segment_code <> assignment.segment_code, false) as is_changed,
        cycles.cut_off_date as valid_from_date,
        cycles.next_cut_off_date as valid_to_date,
        assignment.abc_code,
        assignment.xyz_code,
        assignment.raw_xyz_code,
        assignment.pattern_code,
        assignment.lifecycle_code,
        assignment.rule_code,
        assignment.value_metric_code,
        assignment.abc_value,
        assignment.value_share_rate,
        assignment.cumulative_share_rate,
        assignment.forecastability_ratio,
        assignment.simple_model_code,
        assignment.demand_cv_ratio,
        assignment.adi_buckets,
        assignment.cv2_ratio,
        assignment.nonzero_count,
        assignment.history_buckets,
        assignment.demand_trend_ratio,
        assignment.first_demand_date,
        assignment.last_demand_date,
        assignment.evidence_grade,
        assignment.parameters_version,
        assignment.run_id,
        assignment.computed_at
    from assignment
    inner join cycles on assignment.period_start_date = cycles.period_start_date
    left join assignment as previous
        on cycles.previous_period_start_date = previous.period_start_date
        and assignment.item_id = previous.item_id
        and assignment.location_id = previous.location_id
)

select * from final
