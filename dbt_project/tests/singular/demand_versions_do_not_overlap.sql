-- At any moment at most one version of a bucket holds.
with versions as (
    select
        *,
        lead(known_from_at) over (
            partition by period_start_date, item_id, location_id, bucket_start_date order by known_from_at
        ) as next_from_at
    from {{ ref("int_demand__bucketed") }}
    where {{ in_window("period_start_date") }}
        and (known_to_at < {{ forever_at() }} or known_from_at > period_start_date)
)

select * from versions
where known_to_at <= known_from_at or known_to_at > next_from_at
