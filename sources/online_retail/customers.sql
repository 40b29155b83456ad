-- Grain: one row per customer number that stands on a demand line, by the rules of demand.sql (keep both alike; a test
-- compares them). Lines without a customer are demand of nobody known and make no row here.
-- Region: the country of the newest invoice (13 customers moved). Channel: domestic or export, none where the country is
-- "Unspecified". Name, tier and agreed service are not known.
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

final as (

    select
        coalesce(cast(try_cast(try_cast(customer as double) as bigint) as varchar), customer) as customer_id,
        nullif(country, 'Unspecified') as region,
        case
            when country = 'United Kingdom' then 'domestic'
            when country <> 'Unspecified' then 'export'
        end as channel,
    from demand_lines
    where customer is not null
    qualify row_number() over (partition by customer_id order by invoiced_at desc nulls last, country) = 1

)

select * from final
order by customer_id
