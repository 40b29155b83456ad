-- On no day does an item-location have two segments.
with validity as (
    select
        valid_from_date,
        valid_to_date,
        lead(valid_from_date) over (partition by item_id, location_id order by valid_from_date) as next_from_date
    from {{ ref("fct_segment") }}
)

select * from validity
where valid_to_date <= valid_from_date or valid_to_date > next_from_date
