-- Grain: one row per (period_start_date, judged_code, order_id, line, item_id, location_id)

{{ config(materialized="incremental") }}

with order_exceptions as (
    select * from {{ ref("stg_engine__order_exception") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        period_start_date,
        judged_code,
        order_id,
        line,
        item_id,
        location_id,
        supplier_id,
        segment_code,
        owner,
        exception_code,
        is_exception,
        is_new,
        needs_approval,
        order_date,
        due_date,
        wanted_date,
        order_qty,
        wanted_qty,
        deviation_days,
        order_value_amount,
        cost_amount,
        {{ currency_code() }} as currency_code,
        reason,
        action,
        parameters_version,
        run_id,
        computed_at
    from order_exceptions
)

select * from final
