-- Grain: one row per (period_start_date, segment_code, owner, lag_buckets)

{{ config(materialized="incremental") }}

with errors as (
    select
        *,
        absolute_error_qty / nullif(actual_qty, 0) as wape_rate,
        (forecast_qty - actual_qty) / nullif(actual_qty, 0) as bias_rate
    from {{ ref("int_forecast_errors__by_group") }}
),

-- Where a segment has no target of its own, that of all holds.
targets as (
    select
        segment_code,
        max(target_value) filter (where kpi_code = 'forecast_wape') as wape_target_rate,
        max(warning_value) filter (where kpi_code = 'forecast_wape') as wape_warning_rate,
        max(target_value) filter (where kpi_code = 'forecast_bias') as bias_target_rate,
        max(warning_value) filter (where kpi_code = 'forecast_bias') as bias_warning_rate
    from (
        select * from {{ ref("kpi_targets") }}
        where {{ in_force_at(cut_off_date(), ["kpi_code", "segment_code"]) }}
    )
    group by segment_code
),

aimed as (
    select
        errors.*,
        {%- for name in ["wape_target_rate", "wape_warning_rate", "bias_target_rate", "bias_warning_rate"] %}
        coalesce(own.{{ name }}, general.{{ name }}) as {{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    from errors
    left join targets as own on errors.segment_code = own.segment_code
    left join targets as general on general.segment_code = '*'
),

final as (
    select
        {{ period_start_date() }} as period_start_date,
        segment_code,
        owner,
        lag_buckets,
        series_count,
        observation_count,
        actual_qty,
        forecast_qty,
        {%- for name in ["wape", "bias"] %}
        {{ name }}_rate,
        {{ name }}_target_rate,
        case
            when {{ name }}_rate is null then 'no_data'
            when {{ name }}_target_rate is null then 'no_target'
            when abs({{ name }}_rate) <= {{ name }}_target_rate then 'on_target'
            when abs({{ name }}_rate) <= {{ name }}_warning_rate then 'warning'
            else 'off_target'
        end as {{ name }}_status_code,
        {%- endfor %}
        case when demand_bucket_count = observation_count then relative_error / observation_count end as mape_rate,
        mase_ratio,
        rmsse_ratio,
        tracking_signal_ratio,
        pinball_p50_ratio,
        pinball_p90_ratio,
        pinball_p95_ratio,
        covered_count / observation_count as coverage_p90_rate
    from aimed
)

select * from final
