-- Grain: one row per (scope_code, item_id, location_id, cause_code): a figure that moved beyond belief

{{ config(materialized="ephemeral") }}

with limits as (
    select
        max(try_cast(setting_value as double)) filter (where setting_code = 'max_jump_ratio') as jump_ratio,
        max(try_cast(setting_value as double)) filter (where setting_code = 'pattern_min_nonzero_count') as nonzero_count
    from (
        select * from {{ ref("planning_settings") }}
        where {{ in_force_at(cut_off_date(), ["setting_code"]) }}
    )
),

buckets as (
    select item_id, location_id, bucket_start_date, {{ exact_sum("demand_qty") }} as demand_qty
    from {{ ref("int_demand__bucketed") }}
    where period_start_date < {{ cut_off_date() }} and {{ known_at_cut_off() }}
    group by item_id, location_id, bucket_start_date
),

jumps as (
    select
        item_id,
        location_id,
        max(demand_qty) as largest_qty,
        quantile_disc(demand_qty, 0.5) as median_qty,
        arg_max(bucket_start_date, demand_qty) as bucket_start_date
    from buckets
    where demand_qty > 0
    group by item_id, location_id
    having count(*) >= (select nonzero_count from limits)
),

costs as (
    select
        item_id,
        unit_cost_amount,
        known_to_at,
        lag(unit_cost_amount) over (partition by item_id order by known_from_at) as earlier_cost_amount
    from {{ ref("stg_items") }}
    where known_from_at < {{ cut_off_date() }} and unit_cost_amount > 0
),

final as (
    select
        'item_location' as scope_code,
        item_id,
        location_id,
        'demand_jump' as cause_code,
        'demand of ' || format('{:.10g}', largest_qty) || ' in the bucket of ' || bucket_start_date || ' is more than '
            || (select format('{:.10g}', jump_ratio) from limits) || ' times its median of '
            || format('{:.10g}', median_qty)
            || ': correct the source if it is a slip, else raise max_jump_ratio' as reason
    from jumps
    where largest_qty > (select jump_ratio from limits) * median_qty
    union all
    select
        'item',
        item_id,
        null,
        'cost_jump',
        'unit cost went from ' || format('{:.10g}', earlier_cost_amount) || ' to '
            || format('{:.10g}', unit_cost_amount) || ', more than '
            || (select format('{:.10g}', jump_ratio) from limits)
            || ' times up or down: correct the source if it is a slip, else raise max_jump_ratio'
    from costs
    where
        known_to_at >= {{ cut_off_date() }}
        and greatest(unit_cost_amount / earlier_cost_amount, earlier_cost_amount / unit_cost_amount)
            > (select jump_ratio from limits)
)

select * from final
