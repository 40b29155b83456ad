-- Grain: one row per delivery line (`ID`), each closed by one receipt.
-- Lines from the project's own warehouse (`From RDC`, 5,404) are transfers: no supplier was waited for. They are left out.
-- Dates: the order as M/D/YY, the others as D-Mon-YY. What is no date there ("Date Not Captured") passes on as it stands,
-- so that the contract sets the row aside and says why. A delivery before its order does the same.
-- An item is its description, upper-cased: 174 of them, each with one brand. The country that receives is the location.
-- `Pack Price` is dollars for a pack, and the quantity counts packs. A price of 0 (10 lines) is no price, so null.
with lines as (
    select *
    from read_parquet(getvariable('data') || '/delivery_history.parquet', file_row_number = true)
    where "Fulfill Via" = 'Direct Drop'
)

select
    "PO / SO #" as order_id,
    "ID" as line,
    upper(trim("Item Description")) as item_id,
    upper(trim("Vendor")) as supplier_id,
    coalesce(
        strftime(try_strptime("PO Sent to Vendor Date", '%-m/%-d/%y'), '%Y-%m-%d'), "PO Sent to Vendor Date"
    ) as order_date,
    cast("Line Item Quantity" as double) as ordered_qty,
    coalesce(
        strftime(try_strptime("Scheduled Delivery Date", '%-d-%b-%y'), '%Y-%m-%d'), "Scheduled Delivery Date"
    ) as promised_date,
    coalesce(
        strftime(try_strptime("Delivered to Client Date", '%-d-%b-%y'), '%Y-%m-%d'), "Delivered to Client Date"
    ) as receipt_date,
    cast("Line Item Quantity" as double) as received_qty,
    nullif(cast("Pack Price" as double), 0) as unit_cost,
    trim("Country") as location_id,
    nullif("Shipment Mode", 'N/A') as mode,
    'delivery_history.parquet' as source_file,
    file_row_number + 2 as source_line,
from lines
order by source_line
