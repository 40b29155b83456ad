-- Grain: one row per (period_start_date, segment_code, kpi_code)

{{ config(materialized="incremental") }}

{% set kpis = kpi_dictionary() -%}

with item_location_sums as (
    select
        case when grouping(segment_code) = 1 then 'ALL' else segment_code end as segment_code,
        count(*) as item_location_count,
        {{ kpi_sums("item_locations") }}
    from {{ ref("int_item_locations__measured") }}
    where period_start_date = {{ period_start_date() }}
    group by grouping sets ((segment_code), ())
),

accuracy_sums as (
    select
        case when grouping(segment_code) = 1 then 'ALL' else segment_code end as segment_code,
        {{ kpi_sums("accuracy") }}
    from {{ ref("stg_engine__forecast_accuracy") }}
    where
        period_start_date = {{ period_start_date() }}
        and evaluation_code = 'frozen_snapshot'
        and segment_code <> 'ALL'
    group by grouping sets ((segment_code), ())
),

kpis as (
    {%- for kpi in kpis %}
    select
        segment_code,
        '{{ kpi.code }}' as kpi_code,
        cast({{ kpi.code }}_numerator as double) as numerator_value,
        {{ "cast(" ~ kpi.code ~ "_denominator as double)" if kpi.denominator else "cast(null as double)" }}
            as denominator_value,
        {{ kpi.code ~ "_row_count / item_location_count" if kpi.measured_in == "item_locations" else "cast(null as double)" }}
            as coverage_rate,
        {{ "true" if kpi.denominator else "false" }} as is_ratio
    from item_location_sums
    full outer join accuracy_sums using (segment_code)
    {{ "union all by name" if not loop.last }}
    {%- endfor %}
),

targets as (
    select * from {{ ref("kpi_targets") }}
    where {{ in_force_at(cut_off_date(), ["kpi_code", "segment_code"]) }}
),

valued as (
    select
        kpis.*,
        case when is_ratio then numerator_value / nullif(denominator_value, 0) else numerator_value end as kpi_value,
        coalesce(own.target_value, general.target_value) as target_value,
        coalesce(own.warning_value, general.warning_value) as warning_value
    from kpis
    left join targets as own on kpis.kpi_code = own.kpi_code and kpis.segment_code = own.segment_code
    left join targets as general on kpis.kpi_code = general.kpi_code and general.segment_code = '*'
),

-- Turned so that less is always better: a value is held against target and warning in one way.
compared as (
    select
        valued.*,
        dictionary.* exclude (kpi_code),
        {{ as_shortfall("kpi_value") }} as shortfall,
        {{ as_shortfall("target_value") }} as target_shortfall,
        {{ as_shortfall("warning_value") }} as warning_shortfall
    from valued
    inner join {{ ref("dim_kpi") }} as dictionary using (kpi_code)
),

final as (
    select
        {{ period_start_date() }} as period_start_date,
        segment_code,
        kpi_code,
        kpi_name,
        unit,
        numerator_value,
        denominator_value,
        kpi_value,
        coverage_rate,
        target_value,
        warning_value,
        case
            when kpi_value is null then 'no_data'
            when target_value is null or direction_code = 'neutral' then 'no_target'
            when shortfall <= target_shortfall then 'on_target'
            when shortfall <= warning_shortfall then 'warning'
            else 'off_target'
        end as status_code,
        direction_code,
        definition_version,
        {{ currency_code() }} as currency_code
    from compared
)

select * from final
