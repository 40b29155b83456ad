-- Grain: one row per item, all of them from the one assumed supplier (suppliers.sql).
-- Lead time: whole months of 365.25 / 12 days. It is a plan, without any spread: lead_time_sd_days is not known, so null.
-- A lead time of 0 months (627 items) is not stated rather than immediate: the others wait two months to 33, so null.
select
    cast(item as varchar) as item_id,
    'RAF-SUPPLIER' as supplier_id,
    round(nullif(lead_time_months, 0) * 365.25 / 12, 2) as lead_time_days,
    nullif(price_gbp, 0) as unit_cost,
    'items.parquet' as source_file,
    file_row_number + 2 as source_line,
from read_parquet(getvariable('data') || '/items.parquet', file_row_number = true)
order by source_line
