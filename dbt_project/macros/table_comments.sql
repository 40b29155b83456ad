{# Descriptions are written for all models at once, after the last of them: see `write_comments`. #}
{% macro persist_docs(relation, model, for_relation=true, for_columns=true) %}{% endmacro %}


{#
    Write the descriptions of what was built as comments, where they are not there yet. One look at all comments that
    there are replaces some twenty statements a model in every cycle.
#}
{% macro write_comments(results) %}
    {%- set held = {} -%}
    {%- set query -%}
        select schema_name || '.' || table_name, comment from duckdb_tables()
        where database_name = current_database() and comment is not null
        union all
        select schema_name || '.' || view_name, comment from duckdb_views()
        where database_name = current_database() and comment is not null
        union all
        select schema_name || '.' || table_name || '.' || column_name, comment from duckdb_columns()
        where database_name = current_database() and comment is not null
    {%- endset -%}
    {%- for row in (run_query(query) if execute else []) -%}{%- do held.update({row[0]: row[1]}) -%}{%- endfor -%}
    {%- set statements = [] -%}
    {%- for result in (results if execute else []) if result.status == "success" and result.node.config.get("persist_docs") -%}
        {%- set model = result.node -%}
        {%- set name = model.schema ~ "." ~ model.alias -%}
        {%- set kind = "view" if model.config.materialized == "view" else "table" -%}
        {%- if model.description and held.get(name) != model.description -%}
            {%- do statements.append("comment on " ~ kind ~ " " ~ name ~ " is " ~ duckdb_escape_comment(model.description)) -%}
        {%- endif -%}
        {%- for column in model.columns.values() if column.description and held.get(name ~ "." ~ column.name) != column.description -%}
            {%- do statements.append(
                "comment on column " ~ name ~ "." ~ adapter.quote(column.name) ~ " is " ~ duckdb_escape_comment(column.description)
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(statements | join(";\n")) }}
{% endmacro %}
