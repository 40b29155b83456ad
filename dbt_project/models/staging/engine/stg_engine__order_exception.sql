-- Grain: one row per (period_start_date, judged_code, order_id, line, item_id, location_id)

with source as (
    select * from {{ source('engine', 'order_exception') }}
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
        reason,
        action,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
