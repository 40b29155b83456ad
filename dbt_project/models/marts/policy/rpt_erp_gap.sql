-- Grain: one row per (period_start_date, item_id, location_id) that the ERP holds values for

{{ config(materialized="incremental") }}

with policies as (
    select * from {{ ref("stg_engine__stock_policy") }}
    where {{ in_window("period_start_date") }}
),

erp_versions as (
    select * from {{ ref("stg_erp_parameters") }}
),

compared as (
    select
        policies.*,
        erp_versions.valid_from_date as erp_valid_from_date,
        erp_versions.safety_stock_qty as erp_safety_stock_qty,
        erp_versions.reorder_point_qty as erp_reorder_point_qty,
        erp_versions.order_qty as erp_order_qty,
        erp_versions.safety_stock_qty - policies.safety_stock_qty as gap_qty
    from policies
    inner join erp_versions
        on
            policies.item_id = erp_versions.item_id
            and erp_versions.location_id in (policies.location_id, 'ALL')
            and erp_versions.valid_from_date < {{ period_end("policies.period_start_date") }}
            and {{ known_at(period_end("policies.period_start_date"), "erp_versions") }}
    qualify row_number() over (
        partition by policies.period_start_date, policies.item_id, policies.location_id
        order by
            erp_versions.location_id = policies.location_id desc,
            erp_versions.valid_from_date desc,
            erp_versions.known_from_at desc,
            erp_versions.file_name asc,
            erp_versions.row_number desc
    ) = 1
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        segment_code,
        policy_family,
        erp_valid_from_date,
        erp_safety_stock_qty,
        safety_stock_qty,
        gap_qty as safety_stock_gap_qty,
        erp_reorder_point_qty,
        reorder_point_qty,
        erp_reorder_point_qty - reorder_point_qty as reorder_point_gap_qty,
        erp_order_qty,
        order_qty,
        unit_cost_amount,
        abs(gap_qty) * unit_cost_amount as gap_value_amount,
        -- Not by greatest(): of 0 and -0 it may give either.
        case when gap_qty > 0 then gap_qty else 0 end * unit_cost_amount as over_buffer_amount,
        case when gap_qty < 0 then -gap_qty else 0 end * unit_cost_amount as under_buffer_amount,
        row_number() over (
            partition by period_start_date
            order by abs(gap_qty) * unit_cost_amount desc nulls last, item_id, location_id
        ) as gap_rank,
        {{ currency_code() }} as currency_code,
        evidence_grade,
        parameters_version,
        run_id,
        computed_at
    from compared
)

select * from final
