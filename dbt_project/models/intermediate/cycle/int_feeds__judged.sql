-- Grain: one row per (period_start_date, entity_name): the newest load that read the feed, of those that the cycle has seen

{{ config(materialized="incremental") }}

with loads as (
    select
        load_id,
        loaded_at,
        {{ period_of("max(newest_date) over (order by load_id)") }} as newest_period_date,
        {{ period_of("max(newest_date) over (order by load_id rows between unbounded preceding and 1 preceding)") }}
            as earlier_period_date
    from (
        select
            load_id,
            min(loaded_at) as loaded_at,
            -- A date in the future is a typing error or an order for next year.
            max(least(last_event_date, cast(loaded_at as date))) filter (where entity_name = 'demand') as newest_date
        from {{ ref("stg_quality__load") }}
        group by load_id
    )
),

-- A load was seen by the cycle if it came before the cut-off, or if it is the one that brought the period's history.
seen_loads as (
    select * from loads
    where
        loaded_at < {{ cut_off_date() }}
        or newest_period_date <= {{ period_start_date() }}
        or earlier_period_date is null
        or earlier_period_date < {{ period_start_date() }}
),

-- The newest judgement of each feed: what a later load took in is healed.
final as (
    select
        {{ period_start_date() }} as period_start_date,
        entity_name,
        load_id,
        newest_period_date
    from {{ ref("stg_quality__load") }}
    inner join seen_loads using (load_id)
    -- A feed that a load did not read again stands as it was judged before.
    where read_code = 'read'
    qualify row_number() over (partition by entity_name order by load_id desc) = 1
)

select * from final
