-- Grain: one row per part that has a month of demand, zero or not: the source has no list of parts.
-- Name, price and cost are not known.
select
    part as item_id,
    'monthly_demand.parquet' as source_file,
    min(file_row_number) + 2 as source_line,
from read_parquet(getvariable('data') || '/monthly_demand.parquet', file_row_number = true)
group by all
order by source_line
