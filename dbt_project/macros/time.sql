{# Time: planning periods, demand buckets, the window of this invocation, and what was known at its end. #}

{#
    The window comes from the environment, else from the vars. Vars that change from run to run make dbt parse the whole
    project anew each time (2 of 4.5 s), and so would an environment variable that is read while parsing.
#}
{% macro window_start() -%}
    {{ (env_var("STOCKSTRATA_WINDOW_START", "") if execute else "") or var("window_start") }}
{%- endmacro %}

{% macro window_end() -%}
    {{ (env_var("STOCKSTRATA_WINDOW_END", "") if execute else "") or var("window_end") }}
{%- endmacro %}

{% macro in_window(date_column) -%}
    {{ date_column }} >= date '{{ window_start() }}' and {{ date_column }} < date '{{ window_end() }}'
{%- endmacro %}

{% macro period_start_date() -%} date '{{ window_start() }}' {%- endmacro %}

{% macro cut_off_date() -%} date '{{ window_end() }}' {%- endmacro %}

{% macro period_of(date_column) -%}
    cast(date_trunc('{{ var("period_type") }}', {{ date_column }}) as date)
{%- endmacro %}

{# First day after the period that starts on the given day: the period's cut-off. #}
{% macro period_end(period_column) -%}
    cast({{ period_column }} + interval 1 {{ var("period_type") }} as date)
{%- endmacro %}

{% macro bucket_of(date_column) -%}
    cast(date_trunc('{{ var("bucket_type") }}', {{ date_column }}) as date)
{%- endmacro %}

{% macro forever_at() -%} timestamp '9999-12-31 00:00:00' {%- endmacro %}

{% macro forever_date() -%} date '9999-12-31' {%- endmacro %}

{# Versions of rows that were in force just before the cut-off. #}
{% macro known_at(cut_off, relation="") -%}
    {%- set prefix = relation ~ "." if relation else "" -%}
    {{ prefix }}known_from_at < {{ cut_off }} and {{ prefix }}known_to_at >= {{ cut_off }}
{%- endmacro %}

{% macro known_at_cut_off(relation="") -%} {{ known_at(cut_off_date(), relation) }} {%- endmacro %}

{# Parameter rows in force at a cut-off: the newest valid_from_date of each key. #}
{% macro in_force_at(cut_off, keys) -%}
    valid_from_date <= {{ cut_off }}
    qualify row_number() over (partition by {{ keys | join(", ") }} order by valid_from_date desc) = 1
{%- endmacro %}
