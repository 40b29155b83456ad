-- Grain: one row per (period_start_date)

{{ config(materialized="table") }}

with periods as (
    select distinct period_start_date from {{ ref("fct_demand") }}
    union
    select period_start_date from {{ ref("int_cycles__planned") }}
),

cycles as (
    select * from {{ ref("int_cycles__planned") }}
),

final as (
    select
        period_start_date,
        {{ period_end("period_start_date") }} - 1 as period_end_date,
        {{ period_end("period_start_date") }} as cut_off_date,
        cast('{{ var("period_type") }}' as varchar) as period_type_code,
        {% if var("period_type") == "week" -%}
            strftime(period_start_date, '%G-W%V')
        {%- else -%}
            strftime(period_start_date, '%Y-%m')
        {%- endif %} as period_name,
        year(period_start_date) as calendar_year,
        quarter(period_start_date) as calendar_quarter,
        month(period_start_date) as calendar_month,
        cast({{ period_end("period_start_date") }} - period_start_date as bigint) as period_days,
        cycles.period_start_date is not null as is_planned,
        coalesce({{ period_end("period_start_date") }} = {{ newest_cut_off() }}, false) as is_newest_cycle
    from periods
    left join cycles using (period_start_date)
)

select * from final
