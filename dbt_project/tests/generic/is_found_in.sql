{# Every value of the column is a value of the same column in another model. #}
{% test is_found_in(model, column_name, to, in_window_only=false) %}
select distinct {{ column_name }}
from {{ model }}
where {{ column_name }} not in (select {{ column_name }} from {{ to }})
{%- if in_window_only %}
    and {{ in_window("period_start_date") }}
{%- endif %}
{% endtest %}
