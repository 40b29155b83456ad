-- Grain: one row per invoice line of a product; an exact copy of a line keeps the key of the line it copies.
-- Rules, in this order; a raw line leaves by the first that fits (counts in docs/real-data.md):
--   1 overlap          both years hold 2010-12-01..09, line for line the same: the daily feed's copy is taken.
--   2 bad debt         invoices starting with A move money, no goods.
--   3 no product       postage, carriage, fees, samples, vouchers, manual entries, adjustments, tests.
--   4 stock correction price 0, no customer, alone on its invoice number: a write-off (negative) or a find (positive).
-- Invoices starting with C are cancellations or returns: they stay, negative, dated when they were written.
-- A price of 0 elsewhere is a sale whose value stands on another line, or goods given away: price unknown, so null.
-- Values pass on as the files spell them, so that the contract and not this SELECT judges a value that is no number.
with

year_one as (

    select
        'transactions_2009_2010.parquet' as source_file,
        file_row_number + 2 as source_line,
        file_row_number as position,
        InvoiceNo as invoice_no,
        StockCode as stock_code,
        Description as description,
        cast(Quantity as varchar) as quantity,
        cast(cast(InvoiceDate as timestamp) as varchar) as invoiced_at,
        cast(UnitPrice as varchar) as price,
        cast(CustomerID as varchar) as customer,
        Country as country,
    from read_parquet(getvariable('data') || '/transactions_2009_2010.parquet', file_row_number = true)
    where InvoiceDate < timestamp '2010-12-01'

),

-- row_number() over an empty window counts in reading order: file by file, line by line.
year_two_read as (

    select
        *,
        row_number() over () as position,
    from read_csv(
        getvariable('unpacked') || '/daily_csv/*.csv',
        header = true, all_varchar = true, filename = true, delim = ',', quote = '"'
    )

),

year_two as (

    select
        'daily_csv/' || parse_filename(filename) as source_file,
        position - min(position) over (partition by filename) + 2 as source_line,
        position,
        InvoiceNo as invoice_no,
        StockCode as stock_code,
        Description as description,
        Quantity as quantity,
        InvoiceDate as invoiced_at,
        UnitPrice as price,
        CustomerID as customer,
        Country as country,
    from year_two_read

),

lines as (

    select
        *,
        upper(trim(stock_code)) as item_code,
        try_cast(quantity as double) as quantity_value,
        try_cast(price as double) as price_value,
        count(*) over (partition by invoice_no) as invoice_line_count,
    from (select * from year_one union all select * from year_two)

),

demand_lines as (

    select * from lines
    where
        (invoice_no not like 'A%') is not false
        and (
            item_code not in (
                'POST', 'DOT', 'C2', 'C3', 'M', 'D', 'S', 'B', 'BANK CHARGES', 'AMAZONFEE', 'CRUK', 'PADS', 'GIFT'
            )
            and item_code not like 'GIFT\_%' escape '\'
            and item_code not like 'ADJUST%'
            and item_code not like 'TEST%'
        ) is not false
        and (price_value <= 0 and customer is null and invoice_line_count = 1) is not true

),

-- The number of a line inside its invoice and item: that of the first line with the same values.
first_copies as (

    select
        *,
        min(position) over (
            partition by invoice_no, item_code, description, quantity, invoiced_at, price, customer, country
        ) as first_position,
    from demand_lines

),

final as (

    select
        item_code as item_id,
        coalesce(cast(cast(try_cast(invoiced_at as timestamp) as date) as varchar), invoiced_at) as demand_date,
        quantity as demand_qty,
        invoice_no as order_id,
        item_code || '-'
            || dense_rank() over (partition by invoice_no, item_code order by first_position) as line,
        coalesce(cast(try_cast(try_cast(customer as double) as bigint) as varchar), customer) as customer_id,
        case
            when country = 'United Kingdom' then 'domestic'
            when country <> 'Unspecified' then 'export'
        end as channel,
        case when price_value = 0 then null else price end as unit_price,
        invoice_no like 'C%' as is_return,
        case when invoice_no like 'C%' then 'cancellation or return' end as reason,
        source_file,
        source_line,
    from first_copies

)

select * from final
order by source_file, source_line
