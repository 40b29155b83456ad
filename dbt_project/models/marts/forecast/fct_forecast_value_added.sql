-- Grain: one row per (period_start_date, segment_code, step_code, person, reason_code)

{{ config(materialized="incremental") }}

with judged as (
    select * from {{ ref("stg_engine__judged_forecast") }}
    where {{ in_window("period_start_date") }}
),

-- Each step from the forecast before it to its own; a bucket that a step left alone adds no error change to it.
steps as (
    {%- for code, before, after, condition in [
        ("statistical", "naive_qty", "baseline_qty", "true"),
        ("smoothing", "baseline_qty", "smoothed_qty", "smoothed_qty <> baseline_qty"),
        ("override", "smoothed_qty", "overridden_qty", "override_id is not null"),
        ("consensus", "overridden_qty", "final_qty", "final_qty <> overridden_qty"),
        ("total", "naive_qty", "final_qty", "true"),
    ] %}
    select
        period_start_date,
        segment_code,
        '{{ code }}' as step_code,
        {{ "person, reason_code" if code == "override" else "null as person, null as reason_code" }},
        actual_qty,
        abs({{ before }} - actual_qty) as error_before_qty,
        abs({{ after }} - actual_qty) as error_after_qty,
        {{ after }} - {{ before }} as change_qty
    from judged
    where {{ condition }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

summed as (
    select
        period_start_date,
        case when grouping(segment_code) = 1 then 'ALL' else segment_code end as segment_code,
        step_code,
        person,
        reason_code,
        count(*) as bucket_count,
        {%- for name in ["actual_qty", "change_qty", "error_before_qty", "error_after_qty"] %}
        {{ exact_sum(name) }} as {{ name }},
        {%- endfor %}
        {{ exact_sum("error_before_qty - error_after_qty") }} as value_added_qty
    from steps
    group by grouping sets (
        (period_start_date, segment_code, step_code, person, reason_code),
        (period_start_date, step_code, person, reason_code)
    )
),

final as (
    select
        period_start_date,
        segment_code,
        step_code,
        person,
        reason_code,
        bucket_count,
        actual_qty,
        change_qty,
        error_before_qty,
        error_after_qty,
        value_added_qty,
        error_before_qty / nullif(actual_qty, 0) as wape_before_rate,
        error_after_qty / nullif(actual_qty, 0) as wape_after_rate,
        value_added_qty / nullif(error_before_qty, 0) as value_added_rate
    from summed
)

select * from final
