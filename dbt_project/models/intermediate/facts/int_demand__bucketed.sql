-- Grain: one row per (period_start_date, item_id, location_id, bucket_start_date, known_from_at)

{{ config(materialized="incremental") }}

-- Scanned twice on purpose: holding millions of lines in memory costs more than reading them again.
with lines as not materialized (
    select
        {{ period_of("demand_date") }} as period_start_date,
        item_id,
        location_id,
        {{ bucket_of("demand_date") }} as bucket_start_date,
        -- Cut-offs lie at ends of periods, so what was learnt inside the event's period counts from its start.
        case
            when known_from_at < {{ period_end(period_of("demand_date")) }} then {{ period_of("demand_date") }}
            else known_from_at
        end as known_from_at,
        known_to_at,
        demand_qty,
        shipped_qty,
        demand_qty * unit_price_amount as demand_amount
    from {{ ref("stg_demand") }}
    where
        {{ in_window("demand_date") }}
        and known_to_at >= {{ period_end(period_of("demand_date")) }}
),

groups as materialized (
    select
        period_start_date,
        item_id,
        location_id,
        bucket_start_date,
        bool_and(known_from_at = period_start_date and known_to_at >= {{ forever_at() }}) as has_one_version,
        {{ demand_sums() | indent(8) }}
    from lines
    group by all
),

restated_lines as (
    select lines.*
    from lines
    semi join (select * from groups where not has_one_version) as restated
        using (period_start_date, item_id, location_id, bucket_start_date)
),

moments as (
    select distinct
        period_start_date, item_id, location_id, bucket_start_date, unnest([known_from_at, known_to_at]) as changed_at
    from restated_lines
),

intervals as (
    select
        period_start_date,
        item_id,
        location_id,
        bucket_start_date,
        changed_at as known_from_at,
        lead(changed_at, 1, {{ forever_at() }}) over (
            partition by period_start_date, item_id, location_id, bucket_start_date
            order by changed_at
        ) as known_to_at
    from moments
    where changed_at < {{ forever_at() }}
),

versions as (
    select
        intervals.*,
        {{ demand_sums() | indent(8) }}
    from intervals
    inner join restated_lines using (period_start_date, item_id, location_id, bucket_start_date)
    where
        restated_lines.known_from_at <= intervals.known_from_at
        and restated_lines.known_to_at >= intervals.known_to_at
    group by all
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        bucket_start_date,
        cast(period_start_date as timestamp) as known_from_at,
        {{ forever_at() }} as known_to_at,
        demand_qty,
        gross_demand_qty,
        returned_qty,
        shipped_qty,
        line_count,
        demand_amount
    from groups
    where has_one_version
    union all by name
    select * from versions
)

select * from final
