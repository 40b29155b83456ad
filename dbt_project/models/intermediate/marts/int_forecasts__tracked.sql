-- Grain: one row per (made_period_start_date, item_id, location_id, bucket_start_date) judged in the tracking window of the cycle

{{ config(materialized="ephemeral") }}

with settings as (
    select cast(setting_value as integer) as window_buckets
    from (
        select * from {{ ref("planning_settings") }}
        where {{ in_force_at(cut_off_date(), ["setting_code"]) }}
    )
    where setting_code = 'tracking_window_buckets'
),

judged as (
    select * from {{ ref("stg_engine__judged_forecast") }}
    where period_start_date <= {{ period_start_date() }}
),

strategies as (
    select * from {{ ref("segment_strategies") }}
    where {{ in_force_at(cut_off_date(), ["segment_code"]) }}
),

final as (
    select
        judged.made_period_start_date,
        judged.item_id,
        judged.location_id,
        judged.bucket_start_date,
        judged.lag_buckets,
        judged.segment_code,
        coalesce(strategies.owner, 'unknown') as owner,
        judged.actual_qty,
        judged.final_qty,
        judged.final_qty - judged.actual_qty as error_qty,
        judged.actual_qty <= judged.p90_qty as is_covered_p90,
        {%- for code, level in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95)] %}
        greatest(
            {{ level }} * (judged.actual_qty - judged.{{ code }}_qty),
            ({{ level }} - 1) * (judged.actual_qty - judged.{{ code }}_qty)
        ) / nullif(judged.naive_mae_qty, 0) as pinball_{{ code }}_ratio,
        {%- endfor %}
        nullif(judged.naive_mae_qty, 0) as naive_mae_qty,
        nullif(judged.naive_rmse_qty, 0) as naive_rmse_qty
    from judged
    left join strategies using (segment_code)
    where
        judged.bucket_start_date
        > (select max(bucket_start_date) from judged)
        - to_{{ var("bucket_type") }}s((select window_buckets from settings))
)

select * from final
