{# Every value is one of the codes, in the rows of the window where the model has periods. #}
{% test has_only_codes(model, column_name, codes, in_window_only=false) %}
select {{ column_name }}, count(*) as row_count
from {{ model }}
where ({{ column_name }} is null or {{ column_name }} not in ('{{ codes | join("', '") }}'))
{%- if in_window_only %}
    and {{ in_window("period_start_date") }}
{%- endif %}
group by {{ column_name }}
{% endtest %}
