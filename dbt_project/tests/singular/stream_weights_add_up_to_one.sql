-- Weights of the forecast streams of a segment, and of a bucket, sum to 1.
select period_start_date, segment_code as scope_code, sum(weight_rate) as weight_rate
from {{ ref("fct_stream_weight") }}
where {{ in_window("period_start_date") }}
group by period_start_date, segment_code
having abs(sum(weight_rate) - 1) > 1e-9
union all
select period_start_date, item_id || ' ' || location_id || ' ' || bucket_start_date, sum(weight_rate)
from {{ ref("fct_forecast_stream") }}
where {{ in_window("period_start_date") }}
group by period_start_date, item_id, location_id, bucket_start_date
having abs(sum(weight_rate) - 1) > 1e-9
