-- Grain: one row per (period_start_date, item_id, location_id): the summands of every KPI

{{ config(materialized="incremental") }}

with item_locations as (
    select * from {{ ref("int_item_locations__planned") }}
    where period_start_date = {{ period_start_date() }}
),

segments as (
    select * from {{ ref("int_item_locations__segmented") }}
),

demand as (
    select * exclude (period_start_date, known_from_at, known_to_at, bucket_start_date)
    from {{ ref("int_demand__bucketed") }}
    where period_start_date = {{ period_start_date() }} and {{ known_at_cut_off() }}
),

demand_sums as (
    select
        item_id,
        location_id,
        {{ exact_sum("demand_qty") }} as demand_qty,
        {{ exact_sum("gross_demand_qty") }} as gross_demand_qty,
        {{ exact_sum("returned_qty") }} as returned_qty,
        {{ exact_sum("demand_amount") }} as demand_amount
    from demand
    group by item_id, location_id
),

served as (
    select * from {{ ref("int_demand_lines__served") }}
    where period_start_date = {{ period_start_date() }}
),

stock as (
    select * from {{ ref("int_stock__valued") }}
    where is_stock_current
),

policies as (
    select * from {{ ref("stg_engine__stock_policy") }}
    where period_start_date = {{ period_start_date() }}
),

proposals as (
    select * from {{ ref("stg_engine__order_proposal") }}
    where period_start_date = {{ period_start_date() }}
),

final as (
    select
        item_locations.period_start_date,
        item_locations.item_id,
        item_locations.location_id,
        segments.segment_code,
        segments.abc_value,
        cast(date_diff('day', {{ period_start_date() }}, {{ cut_off_date() }}) as double) as period_days,
        coalesce(demand_sums.demand_qty, 0) as demand_qty,
        coalesce(demand_sums.gross_demand_qty, 0) as gross_demand_qty,
        coalesce(demand_sums.returned_qty, 0) as returned_qty,
        coalesce(
            demand_sums.demand_amount, coalesce(demand_sums.demand_qty, 0) * item_locations.unit_price_amount
        ) as demand_value_amount,
        coalesce(demand_sums.demand_qty, 0) * item_locations.unit_cost_amount as demand_cost_amount,
        served.judged_ordered_qty,
        served.judged_shipped_qty,
        served.due_line_count,
        served.on_time_in_full_line_count,
        stock.on_hand_qty,
        stock.stock_value_amount,
        stock.daily_demand_cost_amount,
        coalesce(policies.policy_family not in ('make_to_order', 'do_not_stock'), false) as is_stocked,
        policies.safety_stock_qty * policies.unit_cost_amount as safety_stock_value_amount,
        -- Nothing to order is worth nothing; an order of what has no price has no value that could be told.
        case
            when proposals.item_id is not null then proposals.order_value_amount
            when stock.item_id is not null then 0
        end as proposal_value_amount
    from item_locations
    inner join segments using (item_id, location_id)
    left join demand_sums using (item_id, location_id)
    left join served using (item_id, location_id)
    left join stock using (item_id, location_id)
    left join policies using (item_id, location_id)
    left join proposals using (item_id, location_id)
)

select * from final
