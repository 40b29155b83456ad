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

final as (
    select
        series.item_id,
        series.location_id,
        series.bucket_start_date,
        cast(series.raw_qty as double) as raw_qty,
        cast(-series.return_qty as double) as return_qty,
        cast(-series.outlier_qty as double) as outlier_qty,
        cast(-series.project_qty as double) as project_qty,
        cast(series.raw_qty + series.return_qty + series.outlier_qty + series.project_qty as double) as clean_qty,
        cast(series.lost_sales_qty as double) as lost_sales_qty,
        cast(series.raw_qty + series.return_qty + series.outlier_qty + series.project_qty + series.lost_sales_qty as double) as unconstrained_qty,
        cast(-series.promotion_qty as double) as promotion_qty,
        cast(series.raw_qty + series.return_qty + series.outlier_qty + series.project_qty + series.lost_sales_qty + series.promotion_qty as double)
            as baseline_qty,
        case when not series.is_left_out then cast(greatest(series.raw_qty + series.applied_qty, 0) as double) end
            as signal_qty,
        signals.signal_code,
        series.in_stock_rate,
        series.is_censored,
        signals.segment_code,
        {{ newest_cut_off() }} as as_of_date
    from series
    inner join signals on series.item_id = signals.item_id and series.location_id = signals.location_id
    -- What began after the last complete bucket was not judged yet.
    where series.bucket_start_date <= signals.last_bucket_start_date
)

select * from final
