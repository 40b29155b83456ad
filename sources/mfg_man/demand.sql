-- Grain: one row per item and week; a week like 2012-W01 becomes the Monday of that ISO week, 2012-01-02.
-- Weeks of zero demand are kept (480,450 of 517,650): they say that the item was on offer, so that the 1,510 items that
-- never sold are planned as well. Fractional demand stays as it is: the unit of measure is not stated.
-- A week that is no ISO week (2014-W53, W00) passes on as text and falls to the contract, row by row.
-- There is one place only, so no location.
with

weekly as (

    select
        sku,
        week,
        demand,
        file_row_number + 2 as source_line,
        try_strptime(week || '-1', '%G-W%V-%u') as monday,
    from read_parquet(getvariable('data') || '/weekly_demand.parquet', file_row_number = true)

),

final as (

    select
        cast(sku as varchar) as item_id,
        case
            when strftime(monday, '%G-W%V') = week then strftime(monday, '%Y-%m-%d')
            else week
        end as demand_date,
        demand as demand_qty,
        'weekly_demand.parquet' as source_file,
        source_line,
    from weekly

)

select * from final
order by source_line
