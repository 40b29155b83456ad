-- Grain: one row per part and month, dated the first day of the month.
-- Months of zero demand are kept (97,398 of 130,252): they say that the part was on offer. 165 series hold their first 12 to
-- 14 months alone (6,122 months are missing); nothing says whether the part was dropped or not counted, so nothing is
-- filled in. There is one place only, so no location.
select
    part as item_id,
    coalesce(strftime(month, '%Y-%m-%d'), 'no month') as demand_date,
    demand as demand_qty,
    'monthly_demand.parquet' as source_file,
    file_row_number + 2 as source_line,
from read_parquet(getvariable('data') || '/monthly_demand.parquet', file_row_number = true)
order by source_line
