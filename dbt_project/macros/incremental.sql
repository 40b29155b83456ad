{#
    The materialization of models that are filled window by window. dbt-duckdb's own one serves any strategy and asks the
    database a dozen times for names and columns, which takes longer than a small company's rows (docs/decisions/0113).
    What it promises stands: contract and columns are checked before a row is touched, and a window is replaced whole or
    not at all, in one transaction.
#}
{% materialization incremental, adapter="duckdb" -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type="table") -%}
    {{ run_hooks(pre_hooks) }}
    {% if existing is none or existing.is_view or should_full_refresh() %}
        {% call statement("main") %}
            {% if existing is not none %}drop {{ existing.type }} {{ existing }} cascade;{% endif %}
            {{ create_table_as(False, target, compiled_code) }}
        {% endcall %}
    {% else %}
        {%- set made = api.Relation.create(identifier=this.identifier ~ "__window", type="table") -%}
        {% call statement("window") %}
            create or replace temp table {{ made }} as (
                {{ compiled_code }}
            )
        {% endcall %}
        {% if config.get("contract").enforced %}
            {{ get_assert_columns_equivalent("select * from " ~ made) }}
        {% endif %}
        {% do assert_same_columns(made, existing) %}
        {% call statement("main") %}
            {{ replace_window(made, target) }};
            drop table {{ made }}
        {% endcall %}
    {% endif %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({"relations": [target]}) }}
{%- endmaterialization %}


{# Raises dbt's own error, as `on_schema_change` says, when a window has other columns than its table. #}
{% macro assert_same_columns(made, existing) %}
    {%- set columns = [] -%}
    {%- for relation in (made, existing) -%}
        {%- set found = adapter.get_column_schema_from_query("from " ~ relation) -%}
        {%- set listed = [] -%}
        {%- for column in found -%}{%- do listed.append(column.name ~ " " ~ column.dtype) -%}{%- endfor -%}
        {%- do columns.append(listed | sort) -%}
    {%- endfor -%}
    {%- if columns[0] != columns[1] -%}
        {%- do process_schema_changes(config.get("on_schema_change"), made, existing) -%}
    {%- endif -%}
{% endmacro %}
