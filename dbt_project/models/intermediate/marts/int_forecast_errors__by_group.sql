-- Grain: one row per (segment_code, owner, lag_buckets) with forecasts judged in the tracking window of the cycle

{{ config(materialized="ephemeral") }}

{% set levels = ["p50", "p90", "p95"] %}
{% set group %}
    case when grouping(segment_code) = 1 then 'ALL' else segment_code end as segment_code,
    case when grouping(owner) = 1 then 'ALL' else owner end as owner,
    lag_buckets
{% endset %}
{% set sets = "grouping sets ((segment_code, owner, lag_buckets), (owner, lag_buckets), (lag_buckets))" %}

with tracked as (
    select * from {{ ref("int_forecasts__tracked") }}
),

-- Scaled measures are means over the buckets of a series, then over series; one without a scale is left out of them.
by_series as (
    select
        segment_code,
        owner,
        lag_buckets,
        item_id,
        location_id,
        count(*) as bucket_count,
        {{ exact_sum("actual_qty") }} as actual_qty,
        {{ exact_sum("final_qty") }} as forecast_qty,
        {{ exact_sum("abs(error_qty)") }} as absolute_error_qty,
        {{ exact_sum("abs(error_qty) / nullif(actual_qty, 0)") }} as relative_error,
        count(*) filter (where actual_qty > 0) as demand_bucket_count,
        count(*) filter (where is_covered_p90) as covered_count,
        {{ exact_sum("abs(error_qty) / naive_mae_qty") }} / count(*) as mase_ratio,
        sqrt({{ exact_sum("error_qty * error_qty / (naive_rmse_qty * naive_rmse_qty)") }} / count(*)) as rmsse_ratio,
        {%- for level in levels %}
        {{ exact_sum("pinball_" ~ level ~ "_ratio") }} / count(*) as pinball_{{ level }}_ratio
        {{- "," if not loop.last }}
        {%- endfor %}
    from tracked
    group by segment_code, owner, lag_buckets, item_id, location_id
),

by_bucket as (
    select {{ group }}, bucket_start_date, {{ exact_sum("error_qty") }} as error_qty
    from tracked
    group by grouping sets (
        (segment_code, owner, lag_buckets, bucket_start_date), (owner, lag_buckets, bucket_start_date),
        (lag_buckets, bucket_start_date)
    )
),

signals as (
    select
        segment_code,
        owner,
        lag_buckets,
        {{ exact_sum("error_qty") }} * count(*) / nullif({{ exact_sum("abs(error_qty)") }}, 0) as tracking_signal_ratio
    from by_bucket
    group by segment_code, owner, lag_buckets
),

sums as (
    select
        {{ group }},
        count(distinct (item_id, location_id)) as series_count,
        cast(sum(bucket_count) as bigint) as observation_count,
        cast(sum(demand_bucket_count) as bigint) as demand_bucket_count,
        cast(sum(covered_count) as bigint) as covered_count,
        {%- for name in ["actual_qty", "forecast_qty", "absolute_error_qty", "relative_error"] %}
        {{ exact_sum(name) }} as {{ name }},
        {%- endfor %}
        {%- for name in ["mase", "rmsse", "pinball_p50", "pinball_p90", "pinball_p95"] %}
        {{ exact_sum(name ~ "_ratio") }} / count({{ name }}_ratio) as {{ name }}_ratio{{ "," if not loop.last }}
        {%- endfor %}
    from by_series
    group by {{ sets }}
),

final as (
    select sums.*, signals.tracking_signal_ratio
    from sums
    inner join signals using (segment_code, owner, lag_buckets)
)

select * from final
