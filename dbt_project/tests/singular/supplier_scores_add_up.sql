-- The rows that tell locations, categories or segments apart add up to the supplier's own row, and that to its lines.
with totals as (
    select period_start_date, supplier_id, scope_code, sum(line_count) as line_count,
        sum(otif_line_count) as otif_line_count, round(sum(ordered_qty), 6) as ordered_qty,
        round(sum(rejected_qty), 6) as rejected_qty
    from {{ ref("fct_supplier_scorecard") }}
    where {{ in_window("period_start_date") }}
    group by period_start_date, supplier_id, scope_code
),

order_lines as (
    select period_start_date, supplier_id, count(*) as line_count, count(*) filter (where is_otif) as otif_line_count,
        round(sum(ordered_qty), 6) as ordered_qty, round(sum(rejected_qty), 6) as rejected_qty
    from {{ ref("fct_supplier_line") }}
    where {{ in_window("period_start_date") }}
    group by period_start_date, supplier_id
)

select totals.*
from totals
full outer join order_lines using (period_start_date, supplier_id)
where totals.line_count is distinct from order_lines.line_count
    or totals.otif_line_count is distinct from order_lines.otif_line_count
    or abs(totals.ordered_qty - order_lines.ordered_qty) > 1e-3
    or abs(totals.rejected_qty - order_lines.rejected_qty) > 1e-3
