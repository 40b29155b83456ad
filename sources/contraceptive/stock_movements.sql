-- Grain: one row per product, site, month and kind of movement that is not zero, dated the last day of the month,
-- because the book states months and is closed then.
-- Receipts, issues (what was distributed, negative) and adjustments together close the book: opening stock plus the
-- movements of the month is the closing stock, in every row. Orders are left out: stock_ordered has no order number, no
-- order date and no receipt, so neither an order line nor a lead time can be told from it.
with

books as (

    select
        *,
        file_row_number + 2 as source_line,
        printf('%04d-%02d-01', year, month) as month_text,
    from read_parquet(getvariable('data') || '/logistics.parquet', file_row_number = true)

),

movements as (

    unpivot (
        select
            product_code,
            site_code,
            month_text,
            source_line,
            stock_received as receipt,
            -stock_distributed as issue,
            stock_adjustment as adjustment,
        from books
    )
    on receipt, issue, adjustment
    into name movement_type value qty

),

final as (

    select
        concat_ws('-', site_code, product_code, month_text[:7], movement_type) as movement_id,
        product_code as item_id,
        site_code as location_id,
        coalesce(strftime(last_day(try_strptime(month_text, '%Y-%m-%d')), '%Y-%m-%d'), month_text) as movement_date,
        qty,
        movement_type,
        'logistics.parquet' as source_file,
        source_line,
    from movements
    where qty <> 0

)

select * from final
order by source_line, movement_type
