-- Between its first and its newest cycle an item-location is never without a segment. A gap means that a correction
-- took away everything that was known of it for a while: worth a look, but no number is wrong.
{{ config(severity="warn") }}

with validity as (
    select
        item_id,
        location_id,
        valid_to_date,
        lead(valid_from_date) over (partition by item_id, location_id order by valid_from_date) as next_from_date
    from {{ ref("fct_segment") }}
)

select * from validity
where valid_to_date < next_from_date
