{# Cut-off of the newest cycle, also while an older one is planned again. #}
{% macro newest_cut_off() -%} (select max(cut_off_date) from {{ ref("int_cycles__planned") }}) {%- endmacro %}
