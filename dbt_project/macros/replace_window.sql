{#
    Incremental strategy: delete every row of the window and insert the new ones, in dbt's own transaction.
    Unlike delete+insert by key it also clears a period whose new result is empty. A model whose rows depend on the
    cycles beside them says meta.replaced_rows = adjacent_cycles.
#}
{% macro get_incremental_replace_window_sql(arg_dict) %}
    {%- set columns = get_quoted_csv(arg_dict["dest_columns"] | map(attribute="name")) -%}
    delete from {{ arg_dict["target_relation"] }}
    where {{ adjacent_cycles() if config.get("meta", {}).get("replaced_rows") == "adjacent_cycles" else in_window("period_start_date") }};
    insert into {{ arg_dict["target_relation"] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict["temp_relation"] }}
{% endmacro %}
