{# Share of value for which the condition holds; where nothing has a value, share of rows. #}
{% macro covered_value_rate(condition) -%}
    coalesce(
        {{ exact_sum("case when " ~ condition ~ " then abc_value else 0 end") }} / nullif({{ exact_sum("abc_value") }}, 0),
        count(*) filter (where {{ condition }}) / count(*)
    )
{%- endmacro %}
