{#
    The columns identify a row. A model replaced by window proves the window only: earlier windows were proven when
    they were written.
#}
{% test is_unique_by(model, columns, in_window_only=false) %}
select {{ columns | join(", ") }}, count(*) as row_count
from {{ model }}
{%- if in_window_only %}
where {{ in_window("period_start_date") }}
{%- endif %}
group by {{ columns | join(", ") }}
having count(*) > 1
{% endtest %}
