{#
    Sum that does not depend on the order of the rows, so that the same rows give the same bytes on any number of
    threads: floating point sums do not. Nine decimals, 29 digits before the point.
#}
{% macro exact_sum(expression) -%}
    cast(sum(cast({{ expression }} as decimal(38, 9))) as double)
{%- endmacro %}

{# Text without blanks around it; empty text is no value. #}
{% macro clean_text(column) -%} nullif(trim({{ column }}), '') {%- endmacro %}

{# A missing location means one location, ALL. #}
{% macro location_or_all(column="location_id") -%} coalesce(nullif(trim({{ column }}), ''), 'ALL') {%- endmacro %}

{% macro currency_code() -%} cast('{{ var("currency_code") }}' as varchar) {%- endmacro %}

{# Where a staging row came from and when it was known: the way back to the source row for auditors. #}
{% macro lineage_columns() -%}
    source_name,
    file_name,
    row_number,
    row_key,
    row_hash,
    load_id,
    loaded_at,
    landing_period_start_date,
    known_from_at,
    known_to_at,
    is_late_row
{%- endmacro %}
