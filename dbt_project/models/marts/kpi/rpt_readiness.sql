-- Grain: one row per (period_start_date, capability_code, segment_code)

{{ config(materialized="incremental") }}

with needs as materialized (
    select * from {{ ref("int_capabilities__inputs") }}
),

item_locations as (
    select
        capability_code,
        segment_code,
        item_id,
        location_id,
        any_value(abc_value) as abc_value,
        bool_and(is_met) as is_covered
    from needs
    group by capability_code, segment_code, item_id, location_id
),

capability_coverage as (
    select
        capability_code,
        case when grouping(segment_code) = 1 then 'ALL' else segment_code end as segment_code,
        {{ covered_value_rate("is_covered") }} as covered_value_rate
    from item_locations
    group by grouping sets ((capability_code, segment_code), (capability_code))
),

input_coverage as (
    select
        capability_code,
        capability_name,
        case when grouping(segment_code) = 1 then 'ALL' else segment_code end as segment_code,
        input_name,
        unlocks,
        grade_when_missing,
        full_coverage_rate,
        min_history_days,
        max(history_days) as history_days,
        {{ covered_value_rate("is_met") }} as covered_rate
    from needs
    group by
        grouping sets ((segment_code), ()),
        capability_code, capability_name, input_name, unlocks, grade_when_missing, full_coverage_rate, min_history_days
),

input_grades as (
    select
        *,
        case
            when covered_rate >= full_coverage_rate then 'full'
            when covered_rate > 0 then 'degraded'
            else grade_when_missing
        end as grade_code,
        input_name || case
            when covered_rate > 0 then printf(' (%.0f of 100 by value)', floor(100 * covered_rate)) else ''
        end as input_text
    from input_coverage
),

capability_grades as (
    select
        capability_code,
        capability_name,
        segment_code,
        max(history_days) as history_days,
        max(min_history_days) as needed_history_days,
        max(list_position(['full', 'degraded', 'assumed', 'blocked'], grade_code)) as worst_grade,
        string_agg(input_text, '; ' order by input_text) filter (where covered_rate > 0) as present_inputs,
        string_agg(input_text, '; ' order by input_text) filter (where grade_code <> 'full') as missing_input,
        string_agg(unlocks, '; ' order by unlocks) filter (where grade_code <> 'full') as unlocks
    from input_grades
    group by capability_code, capability_name, segment_code
),

final as (
    select
        {{ period_start_date() }} as period_start_date,
        capability_code,
        capability_name,
        segment_code,
        ['full', 'degraded', 'assumed', 'blocked'][worst_grade] as grade_code,
        covered_value_rate,
        cast(history_days as bigint) as history_days,
        cast(needed_history_days as bigint) as needed_history_days,
        present_inputs,
        missing_input,
        unlocks
    from capability_grades
    inner join capability_coverage using (capability_code, segment_code)
)

select * from final
