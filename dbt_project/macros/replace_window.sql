{#
    Delete every row of the window and insert the new ones; unlike a merge by key it also clears a period whose new
    result is empty. A model whose rows depend on the cycles beside them says meta.replaced_rows = adjacent_cycles.
#}
{% macro replace_window(made, target) %}
    delete from {{ target }}
    where {{ adjacent_cycles() if config.get("meta", {}).get("replaced_rows") == "adjacent_cycles" else in_window("period_start_date") }};
    insert into {{ target }} by name from {{ made }}
{% endmacro %}
