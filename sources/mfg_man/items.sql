-- Grain: one row per item, with and without demand (1,510 of 3,451 have none in 150 weeks).
-- Cost and holding cost are the source's own (holding is 20 % of cost a year for every item). Name, category, price and
-- unit of measure are not known.
select
    cast(sku as varchar) as item_id,
    cost_price_eur as unit_cost,
    holding_cost_eur_per_unit_year as holding_cost_per_unit_year,
    'items.parquet' as source_file,
    file_row_number + 2 as source_line,
from read_parquet(getvariable('data') || '/items.parquet', file_row_number = true)
order by source_line
