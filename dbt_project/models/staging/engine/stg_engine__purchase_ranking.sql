-- Grain: one row per (period_start_date, item_id, location_id, lot_number)

with source as (
    select * from {{ source('engine', 'purchase_ranking') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        lot_number,
        segment_code,
        supplier_id,
        rank_number,
        lot_qty,
        lot_value_amount,
        saved_qty,
        marginal_value_amount,
        return_rate,
        cumulative_amount,
        is_within_budget,
        evidence_grade,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
