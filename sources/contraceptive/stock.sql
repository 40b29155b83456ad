-- Grain: one row per product, site and month: the closing stock, dated the last day of the month.
-- A closing stock of zero is a fact and stays. In 142 books the opening stock is not the closing stock of the month
-- before; the closing stock is taken as it stands.
with

books as (

    select
        *,
        file_row_number + 2 as source_line,
        printf('%04d-%02d-01', year, month) as month_text,
    from read_parquet(getvariable('data') || '/logistics.parquet', file_row_number = true)

),

final as (

    select
        product_code as item_id,
        site_code as location_id,
        coalesce(strftime(last_day(try_strptime(month_text, '%Y-%m-%d')), '%Y-%m-%d'), month_text) as stock_date,
        stock_end as on_hand_qty,
        'logistics.parquet' as source_file,
        source_line,
    from books

)

select * from final
order by source_line
