{# Numerators, their rows and denominators of the KPIs that one model measures, as columns of one aggregation. #}
{% macro kpi_sums(measured_in) -%}
    {%- for kpi in kpi_dictionary() if kpi.measured_in == measured_in -%}
        {{ exact_sum(kpi.numerator) }} as {{ kpi.code }}_numerator, count({{ kpi.numerator }}) as {{ kpi.code }}_row_count
        {%- if kpi.denominator -%}
            , {{ exact_sum(kpi.denominator) }} as {{ kpi.code }}_denominator
        {%- endif -%}
        {{ ", " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# A value on a scale where less is better, by the direction of its KPI. #}
{% macro as_shortfall(column) -%}
    case direction_code when 'higher_is_better' then -{{ column }} when 'zero_is_best' then abs({{ column }}) else {{ column }} end
{%- endmacro %}
