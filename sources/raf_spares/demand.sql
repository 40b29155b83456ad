-- Grain: one row per item and month, dated the first day of the month.
-- Months of zero demand are kept (377,305 of 420,000): they say that the item was on offer. There is one place only, so no
-- location.
select
    cast(item as varchar) as item_id,
    coalesce(strftime(month, '%Y-%m-%d'), 'no month') as demand_date,
    demand as demand_qty,
    'monthly_demand.parquet' as source_file,
    file_row_number + 2 as source_line,
from read_parquet(getvariable('data') || '/monthly_demand.parquet', file_row_number = true)
order by source_line
