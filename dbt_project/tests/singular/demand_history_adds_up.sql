-- Clean demand and what each reason took away add up to raw demand, raw demand and returns are those of the facts, and
-- what the forecast learnt is what the planning library says it learnt.
-- Where it fails: the ledger belongs to other facts than those in force; plan the newest cycle again.
{{ config(meta={"dagster": {"ref": {"name": "fct_demand_history"}}}) }}

with history as (
    select
        item_id,
        location_id,
        sum(raw_qty) as raw_qty,
        sum(clean_qty + return_qty + outlier_qty + project_qty) as put_together_qty,
        sum(signal_qty) as signal_qty,
        min(least(clean_qty, unconstrained_qty, baseline_qty)) as least_qty
    from {{ ref("fct_demand_history") }}
    group by item_id, location_id
),

told as (
    select item_id, location_id, raw_qty as told_raw_qty, signal_qty as told_signal_qty
    from {{ ref("stg_engine__demand_signal") }}
    where {{ period_end("period_start_date") }} = {{ newest_cut_off() }}
)

select history.*, told.told_raw_qty, told.told_signal_qty
from history
inner join told using (item_id, location_id)
where
    abs(history.raw_qty - told.told_raw_qty) > 1e-6 * (1 + history.raw_qty)
    or abs(history.put_together_qty - history.raw_qty) > 1e-6 * (1 + history.raw_qty)
    or abs(coalesce(history.signal_qty, 0) - told.told_signal_qty) > 1e-6 * (1 + told.told_signal_qty)
    or history.least_qty < -1e-6
