-- Grain: one row per item. 2,197 descriptions name 5,000 items, so the description is no key and no family.
-- The price is what the air force paid, so it is the cost of a unit. One price of 0 is no price, so null.
select
    cast(item as varchar) as item_id,
    trim(description) as name,
    nullif(price_gbp, 0) as unit_cost,
    'items.parquet' as source_file,
    file_row_number + 2 as source_line,
from read_parquet(getvariable('data') || '/items.parquet', file_row_number = true)
order by source_line
