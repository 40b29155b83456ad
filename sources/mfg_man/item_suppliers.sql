-- Grain: one row per item, all of them from the one assumed supplier (suppliers.sql).
-- Lead time: whole weeks times 7. It is a plan, without any spread: lead_time_sd_days is not known, so null.
-- A minimum order quantity of 0 (38 items) means none, so null.
-- order_multiple: not known, so null. units_per_subpack is none: nothing says that orders are whole sub-packs, and a
-- sub-pack is larger than the minimum order of 2,757 items (docs/real-data.md).
select
    cast(sku as varchar) as item_id,
    'MAN-SUPPLIER' as supplier_id,
    7 * lead_time_weeks as lead_time_days,
    nullif(moq_units, 0) as moq,
    cast(null as double) as order_multiple,
    cost_price_eur as unit_cost,
    fixed_order_cost_eur as order_cost,
    'items.parquet' as source_file,
    file_row_number + 2 as source_line,
from read_parquet(getvariable('data') || '/items.parquet', file_row_number = true)
order by source_line
