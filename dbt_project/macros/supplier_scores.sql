{#
    Bounds of the 95 percent interval of a share (Wilson, 1927, JASA 22, 209), 0 to 1; null without cases. Of few cases it
    is wide, so a supplier with three good lines does not pass for better than one with 297 of 300.
#}
{% macro wilson_low(hits, cases) -%} {{ wilson_bound(hits, cases, "-") }} {%- endmacro %}

{% macro wilson_high(hits, cases) -%} {{ wilson_bound(hits, cases, "+") }} {%- endmacro %}

{% macro wilson_bound(hits, cases, sign) -%}
    {%- set z2 = "3.841459" -%}
    {%- set n = "nullif(" ~ cases ~ ", 0)" -%}
    {%- set p = "(cast(" ~ hits ~ " as double) / " ~ n ~ ")" -%}
    least(greatest(
        ({{ p }} + {{ z2 }} / (2 * {{ n }}) {{ sign }} sqrt({{ z2 }} * {{ p }} * (1 - {{ p }}) / {{ n }}
        + {{ z2 }} * {{ z2 }} / (4 * {{ n }} * {{ n }}))) / (1 + {{ z2 }} / {{ n }}), 0), 1)
{%- endmacro %}

{# Whether the first receipt of an order line came neither too late nor too early; null where nothing was promised. #}
{% macro on_time(lines) -%}
    case
        when {{ lines }}.promised_date is not null
            then coalesce({{ lines }}.first_receipt_date between
                {{ lines }}.promised_date - cast({{ lines }}.early_days as integer) and {{ lines }}.judged_date, false)
    end
{%- endmacro %}
