{# Rows of the planned cycle and of its neighbours in time. #}
{% macro adjacent_cycles() -%}
    period_start_date in (
        select unnest([
            max(period_start_date) filter (where period_start_date < {{ period_start_date() }}),
            {{ period_start_date() }},
            min(period_start_date) filter (where period_start_date > {{ period_start_date() }})
        ])
        from {{ ref("int_cycles__planned") }}
    )
{%- endmacro %}
