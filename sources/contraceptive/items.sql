-- Grain: one row per product.
-- The unit is the last word of the French name: BOITE (box) or UNITE (piece). Prices and costs are not known.
select
    product_code as item_id,
    trim(product_name) as name,
    product_type as category,
    nullif(regexp_extract(trim(product_name), '(BOITE|UNITE)$', 1), '') as uom,
    'products.parquet' as source_file,
    file_row_number + 2 as source_line,
from read_parquet(getvariable('data') || '/products.parquet', file_row_number = true)
order by source_line
