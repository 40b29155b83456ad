-- Grain: one row per (period_start_date, override_id): the newest entry known at the cut-off, of overrides still ahead

{{ config(materialized="incremental") }}

with entries as (
    select * from {{ ref("stg_forecast_overrides") }}
    where {{ known_at_cut_off() }} and entered_at < {{ cut_off_date() }}
),

newest as (
    select *
    from entries
    qualify row_number() over (partition by override_id order by entered_at desc, known_from_at desc) = 1
),

final as (
    select
        {{ period_start_date() }} as period_start_date,
        override_id,
        item_id,
        location_id,
        from_date,
        to_date,
        override_type_code,
        override_value,
        person,
        reason_code,
        evidence,
        entered_at,
        expires_date,
        approval_state_code,
        approved_by
    from newest
    where to_date >= {{ cut_off_date() }}
)

select * from final
