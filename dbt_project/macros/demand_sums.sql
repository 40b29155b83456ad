{# What a group of demand lines adds up to. Returns are negative quantities. #}
{% macro demand_sums() -%}
{{ exact_sum("demand_qty") }} as demand_qty,
{{ exact_sum("greatest(demand_qty, 0)") }} as gross_demand_qty,
{{ exact_sum("greatest(-demand_qty, 0)") }} as returned_qty,
{{ exact_sum("shipped_qty") }} as shipped_qty,
count(*) as line_count,
{{ exact_sum("demand_amount") }} as demand_amount
{%- endmacro %}
