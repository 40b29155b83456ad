-- Grain: one row per site, the one site without any stock book included.
-- Who replenishes a site is not in the source, so there is no parent location.
select
    site_code as location_id,
    site_district || ' ' || site_code as name,
    site_type as type,
    site_region as region,
    'sites.parquet' as source_file,
    file_row_number + 2 as source_line,
from read_parquet(getvariable('data') || '/sites.parquet', file_row_number = true)
order by source_line
