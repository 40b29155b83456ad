-- Grain: one row per (item_id, location_id, capability_code, input_code) of the cycle: whether the input is there

{{ config(materialized="ephemeral") }}

with inputs as (
    unpivot (select * from {{ ref("int_item_locations__evidence") }})
    on columns('^has_.*')
    into name has_input value is_present
),

capabilities as (
    select * from {{ ref("capabilities") }}
),

final as (
    select
        inputs.item_id,
        inputs.location_id,
        inputs.segment_code,
        inputs.abc_value,
        inputs.history_days,
        capabilities.capability_code,
        capabilities.capability_name,
        capabilities.input_code,
        capabilities.input_name,
        capabilities.unlocks,
        capabilities.grade_when_missing,
        capabilities.full_coverage_rate,
        capabilities.min_history_days,
        inputs.is_present and inputs.history_days >= coalesce(capabilities.min_history_days, 0) as is_met
    from inputs
    inner join capabilities on inputs.has_input = 'has_' || capabilities.input_code
)

select * from final
