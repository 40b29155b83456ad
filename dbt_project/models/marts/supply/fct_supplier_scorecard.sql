-- Grain: one row per (period_start_date, supplier_id, location_id, category, segment_code); ALL where not told apart

{{ config(materialized="incremental") }}

with order_lines as (
    select * from {{ ref("fct_supplier_line") }}
    where {{ in_window("period_start_date") }}
),

sums as (
    select
        period_start_date,
        supplier_id,
        case when grouping(location_id) = 1 then 'ALL' else location_id end as location_id,
        case when grouping(category) = 1 then 'ALL' else category end as category,
        case when grouping(segment_code) = 1 then 'ALL' else segment_code end as segment_code,
        concat_ws(',', case when grouping(location_id) = 0 then 'location' end,
            case when grouping(category) = 0 then 'category' end,
            case when grouping(segment_code) = 0 then 'segment' end) as told_apart,
        count(*) as line_count,
        count(is_otif) as promised_line_count,
        count(*) filter (where is_on_time) as on_time_line_count,
        count(*) filter (where is_in_full) as in_full_line_count,
        count(*) filter (where is_otif) as otif_line_count,
        {{ exact_sum("ordered_qty") }} as ordered_qty,
        {{ exact_sum("received_in_time_qty") }} as received_in_time_qty,
        {{ exact_sum("least(received_qty, ordered_qty)") }} as filled_qty,
        {{ exact_sum("received_qty") }} as received_qty,
        {{ exact_sum("rejected_qty") }} as rejected_qty,
        count(lead_time_days) as lead_time_count,
        {{ exact_sum("lead_time_days") }} as lead_time_sum_days,
        {{ exact_sum("lead_time_days * lead_time_days") }} as lead_time_square_sum,
        {{ exact_sum("received_qty * (unit_cost_amount - contract_unit_cost_amount)") }} as price_variance_amount,
        {{ exact_sum("case when contract_unit_cost_amount > 0 and unit_cost_amount > 0 then received_qty * contract_unit_cost_amount end") }}
            as contract_value_amount
    from order_lines
    group by grouping sets (
        (period_start_date, supplier_id),
        (period_start_date, supplier_id, location_id),
        (period_start_date, supplier_id, category),
        (period_start_date, supplier_id, segment_code)
    )
),

final as (
    select
        period_start_date,
        supplier_id,
        location_id,
        category,
        segment_code,
        coalesce(nullif(told_apart, ''), 'supplier') as scope_code,
        line_count,
        promised_line_count,
        on_time_line_count,
        in_full_line_count,
        otif_line_count,
        cast(otif_line_count as double) / nullif(promised_line_count, 0) as otif_rate,
        {{ wilson_low("otif_line_count", "promised_line_count") }} as otif_low_rate,
        {{ wilson_high("otif_line_count", "promised_line_count") }} as otif_high_rate,
        cast(on_time_line_count as double) / nullif(promised_line_count, 0) as on_time_rate,
        ordered_qty,
        filled_qty,
        received_qty,
        rejected_qty,
        filled_qty / nullif(ordered_qty, 0) as fill_rate,
        rejected_qty / nullif(received_qty, 0) as reject_rate,
        lead_time_sum_days / nullif(lead_time_count, 0) as lead_time_mean_days,
        case
            when lead_time_count > 1
                then sqrt(greatest(lead_time_square_sum - lead_time_sum_days * lead_time_sum_days / lead_time_count, 0)
                    / (lead_time_count - 1))
        end as lead_time_sd_days,
        price_variance_amount,
        price_variance_amount / nullif(contract_value_amount, 0) as price_variance_rate,
        {{ currency_code() }} as currency_code
    from sums
)

select * from final
