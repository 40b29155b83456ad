-- Grain: one row per (item_id, location_id, bucket_start_date)

{{ config(materialized="table") }}

with signals as (
    select * from {{ ref("stg_engine__demand_signal") }}
    where {{ period_end("period_start_date") }} = {{ newest_cut_off() }}
),

facts as (
    select item_id, location_id, bucket_start_date, sum(cast(gross_demand_qty as decimal(38, 9))) as raw_qty
    from {{ ref("fct_demand") }}
    group by item_id, location_id, bucket_start_date
),

adjustments as (
    select
        item_id,
        location_id,
        bucket_start_date,
        {% for name, reasons in [
            ("return", "'return', 'negative_clipped'"), ("outlier", "'outlier'"), ("project", "'project'"),
            ("lost_sales", "'stockout_lost_sales'"), ("promotion", "'promotion_uplift', 'promotion_dip'"),
        ] -%}
        coalesce(sum(cast(adjustment_qty as decimal(38, 9))) filter (where reason_code in ({{ reasons }})), 0)
            as {{ name }}_qty,
        {% endfor -%}
        coalesce(sum(cast(adjustment_qty as decimal(38, 9))) filter (where is_applied), 0) as applied_qty,
        coalesce(bool_or(method_code = 'not_yet_available' and is_applied), false) as is_left_out,
        min(in_stock_rate) as in_stock_rate,
        bool_or(reason_code = 'stockout_lost_sales') as is_censored
    from {{ ref("fct_demand_adjustment") }}
    where {{ period_end("period_start_date") }} = {{ newest_cut_off() }}
    group by item_id, location_id, bucket_start_date
),

series as (
    select
        item_id,
        location_id,
        bucket_start_date,
        coalesce(raw_qty, 0) as raw_qty,
        coalesce(return_qty, 0) as return_qty,
        coalesce(outlier_qty, 0) as outlier_qty,
        coalesce(project_qty, 0) as project_qty,
        coalesce(lost_sales_qty, 0) as lost_sales_qty,
        coalesce(promotion_qty, 0) as promotion_qty,
        coalesce(applied_qty, 0) as applied_qty,
        coalesce(is_left_out, false) as is_left_out,
        coalesce(is_censored, false) as is_censored,
        coalesce(in_stock_rate, 1) as in_stock_rate
    from facts
    full outer join adjustments using (item_id, location_id, bucket_start_date)
),

summed as (
    select
        *,
        raw_qty + return_qty + outlier_qty + project_qty as clean_qty,
        raw_qty + return_qty + outlier_qty + project_qty + lost_sales_qty as unconstrained_qty
    from series
),

final as (
    select
        summed.item_id,
        summed.location_id,
        summed.bucket_start_date,
        cast(summed.raw_qty as double) as raw_qty,
        cast(-summed.return_qty as double) as return_qty,
        cast(-summed.outlier_qty as double) as outlier_qty,
        cast(-summed.project_qty as double) as project_qty,
        cast(summed.clean_qty as double) as clean_qty,
        cast(summed.lost_sales_qty as double) as lost_sales_qty,
        cast(summed.unconstrained_qty as double) as unconstrained_qty,
        cast(-summed.promotion_qty as double) as promotion_qty,
        cast(summed.unconstrained_qty + summed.promotion_qty as double) as baseline_qty,
        case when not summed.is_left_out then cast(greatest(summed.raw_qty + summed.applied_qty, 0) as double) end
            as signal_qty,
        signals.signal_code,
        signals.signal_reason_code,
        summed.in_stock_rate,
        summed.is_censored,
        signals.segment_code,
        {{ newest_cut_off() }} as as_of_date
    from summed
    inner join signals on summed.item_id = signals.item_id and summed.location_id = signals.location_id
    -- What began after the last complete bucket was not judged yet.
    where summed.bucket_start_date <= signals.last_bucket_start_date
)

select * from final
