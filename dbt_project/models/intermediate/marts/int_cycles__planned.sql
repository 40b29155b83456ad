-- Grain: one row per (period_start_date) that was planned

{{ config(materialized="table") }}

with cycles as (
    select distinct period_start_date
    from {{ ref("stg_engine__segment_assignment") }}
),

final as (
    select
        period_start_date,
        {{ period_end("period_start_date") }} as cut_off_date,
        lag(period_start_date) over (order by period_start_date) as previous_period_start_date,
        lead({{ period_end("period_start_date") }}, 1, {{ forever_date() }}) over (order by period_start_date)
            as next_cut_off_date
    from cycles
)

select * from final
