-- Grain: one row, the one supplier.
-- ASSUMPTION: the source names no supplier. One is made up to carry the terms, so any figure "per supplier" is a figure of
-- the whole store. The lead time differs by item and stands in item_suppliers.sql.
select
    'RAF-SUPPLIER' as supplier_id,
    'All suppliers (the source names none)' as name,
