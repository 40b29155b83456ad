-- The error changes of all steps add up to that from the naive to the final forecast.
select
    period_start_date,
    segment_code,
    {{ exact_sum("case when step_code = 'total' then value_added_qty else 0 end") }} as total_qty,
    {{ exact_sum("case when step_code <> 'total' then value_added_qty else 0 end") }} as steps_qty
from {{ ref("fct_forecast_value_added") }}
where {{ in_window("period_start_date") }}
group by period_start_date, segment_code
having abs(total_qty - steps_qty) > 1e-6 * greatest(1, abs(total_qty))
