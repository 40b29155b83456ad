-- Grain: one row per item code, letter case set aside (85123a and 85123A are one item).
-- There is no item master: an item is a code that stands on a demand line, by the rules of demand.sql (keep both alike;
-- a test compares them). Codes seen in stock corrections alone are no items.
-- Name: the description written most often on its priced sales lines; notes such as "damaged" stand on other lines.
-- Price: the median price of its priced sales lines, the lower of two middle ones, so that it is a price really asked.
-- Not known, so null: unit cost, launch date (the first sale seen is not the launch: the history starts in the middle).
with

lines as (

    select
        InvoiceNo as invoice_no,
        upper(trim(StockCode)) as item_code,
        trim(Description) as description,
        cast(Quantity as double) as quantity_value,
        cast(UnitPrice as double) as price_value,
        cast(CustomerID as varchar) as customer,
        Country as country,
        cast(InvoiceDate as timestamp) as invoiced_at,
    from read_parquet(getvariable('data') || '/transactions_2009_2010.parquet')
    where InvoiceDate < timestamp '2010-12-01'
    union all
    select
        InvoiceNo,
        upper(trim(StockCode)),
        trim(Description),
        try_cast(Quantity as double),
        try_cast(UnitPrice as double),
        CustomerID,
        Country,
        try_cast(InvoiceDate as timestamp),
    from read_csv(
        getvariable('unpacked') || '/daily_csv/*.csv',
        header = true, all_varchar = true, delim = ',', quote = '"'
    )

),

counted_lines as (

    select
        *,
        count(*) over (partition by invoice_no) as invoice_line_count,
    from lines

),

demand_lines as (

    select * from counted_lines
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

descriptions as (

    select
        item_code,
        description,
        count(*) filter (quantity_value > 0 and price_value > 0) as sale_line_count,
        count(*) as line_count,
    from demand_lines
    group by item_code, description

),

names as (

    select
        item_code,
        description as name,
    from descriptions
    qualify row_number() over (
        partition by item_code order by sale_line_count desc, line_count desc, description nulls last
    ) = 1

),

prices as (

    select
        item_code,
        quantile_disc(price_value, 0.5) filter (quantity_value > 0 and price_value > 0) as unit_price,
    from demand_lines
    group by item_code

),

final as (

    select
        names.item_code as item_id,
        names.name,
        prices.unit_price,
    from names
    inner join prices on names.item_code = prices.item_code

)

select * from final
order by item_id
