-- Grain: one row per (item_id, location_id) of the cycle, with the segment that was in force during the period

{{ config(materialized="ephemeral") }}

-- What a step of this run left out took part in no plan.
with left_out as (
    select * from {{ ref("stg_quality__isolated_result") }}
    where period_start_date = {{ period_start_date() }}
),

cycle as (
    select * from {{ ref("int_cycles__planned") }}
    where period_start_date = {{ period_start_date() }}
),

own as (
    select * from {{ ref("stg_engine__segment_assignment") }}
    where period_start_date = {{ period_start_date() }}
),

previous as (
    select assignment.*
    from {{ ref("stg_engine__segment_assignment") }} as assignment
    inner join cycle on assignment.period_start_date = cycle.previous_period_start_date
),

-- A cycle's segments hold from its cut-off, the end of its period: during the period those of the cycle before held.
-- What had no segment yet is reported under the first one that it got.
final as (
    select
        own.item_id,
        own.location_id,
        coalesce(previous.segment_code, own.segment_code) as segment_code,
        greatest(coalesce(own.abc_value, 0), 0) as abc_value
    from own
    left join previous using (item_id, location_id)
    anti join left_out using (item_id, location_id)
)

select * from final
