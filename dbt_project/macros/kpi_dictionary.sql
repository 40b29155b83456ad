{#
    The one home of every KPI. Numerator and denominator are summed over the rows of `measured_in`, then divided: a
    ratio of sums, never a mean of ratios. A KPI without denominator is the sum itself. A sum over no value at all is
    no data, not zero. Raise `version` when the meaning changes; the mart carries it.

    direction: higher_is_better, lower_is_better, zero_is_best, or neutral (reported, never judged).
#}
{% macro kpi_dictionary() %}
    {%- set owner = "inventory-planning@example.com" -%}
    {%- set kpis = [
        {"code": "demand_qty", "name": "Demand", "unit": "units", "direction": "neutral",
         "numerator": "demand_qty", "denominator": none,
         "definition": "Demand of the period, returns deducted."},
        {"code": "demand_value", "name": "Demand value", "unit": "currency", "direction": "neutral",
         "numerator": "demand_value_amount", "denominator": none,
         "definition": "Demand of the period at the price paid; where no price was paid on record, at the list price."},
        {"code": "fill_rate", "name": "Fill rate", "unit": "rate", "direction": "higher_is_better",
         "numerator": "judged_shipped_qty", "denominator": "judged_ordered_qty",
         "definition": "Quantity shipped from the first promise over quantity ordered, over the lines ordered in the period that state what was shipped; more than ordered counts as ordered."},
        {"code": "line_on_time_in_full_rate", "name": "Lines on time in full", "unit": "rate",
         "direction": "higher_is_better",
         "numerator": "on_time_in_full_line_count", "denominator": "due_line_count",
         "definition": "Lines served in full by the day promised (else requested) over the lines due in the period; a day of delivery stands before a day of shipment."},
        {"code": "return_rate", "name": "Return rate", "unit": "rate", "direction": "lower_is_better",
         "numerator": "returned_qty", "denominator": "gross_demand_qty",
         "definition": "Quantity returned over quantity demanded in the period."},
        {"code": "stock_value", "name": "Stock value", "unit": "currency", "direction": "neutral",
         "numerator": "stock_value_amount", "denominator": none,
         "definition": "Usable stock at the newest snapshot of the period at unit cost, where the cost is known."},
        {"code": "stock_out_rate", "name": "Stock-out rate", "unit": "rate", "direction": "lower_is_better",
         "numerator": "case when is_stocked and on_hand_qty is not null then cast(on_hand_qty <= 0 as integer) end",
         "denominator": "case when is_stocked and on_hand_qty is not null then 1 end",
         "definition": "Item-locations without usable stock at the newest snapshot of the period over those that the policy stocks and the snapshot shows."},
        {"code": "days_of_supply", "name": "Days of supply", "unit": "days", "direction": "lower_is_better",
         "numerator": "case when daily_demand_cost_amount is not null then stock_value_amount end",
         "denominator": "case when stock_value_amount is not null then daily_demand_cost_amount end",
         "definition": "Stock value over the expected demand of one day at unit cost."},
        {"code": "inventory_turnover", "name": "Inventory turnover", "unit": "turns per year",
         "direction": "higher_is_better",
         "numerator": "case when stock_value_amount is not null then demand_cost_amount * 365 / period_days end",
         "denominator": "stock_value_amount",
         "definition": "Demand of the period at unit cost, scaled to 365 days, over stock value at the end of the period."},
        {"code": "item_location_count", "name": "Planned item-locations", "unit": "item-locations",
         "direction": "neutral", "numerator": "1", "denominator": none,
         "definition": "Item-locations that the cycle planned."},
        {"code": "safety_stock_value", "name": "Safety stock value", "unit": "currency", "direction": "neutral",
         "numerator": "safety_stock_value_amount", "denominator": none,
         "definition": "Safety stock of the cycle's policies at the unit cost that the policy used."},
        {"code": "proposal_value", "name": "Value of order proposals", "unit": "currency", "direction": "neutral",
         "numerator": "proposal_value_amount", "denominator": none,
         "definition": "Orders that the cycle proposes, over the item-locations whose stock is known."},
        {"code": "forecast_wape", "name": "Forecast error (WAPE)", "unit": "rate", "direction": "lower_is_better",
         "numerator": "absolute_error_qty", "denominator": "actual_qty", "measured_in": "accuracy",
         "definition": "Sum of absolute errors of the frozen forecasts for the buckets of the period, all lags, over the demand that they forecast."},
        {"code": "forecast_bias", "name": "Forecast bias", "unit": "rate", "direction": "zero_is_best",
         "numerator": "forecast_qty - actual_qty", "denominator": "actual_qty", "measured_in": "accuracy",
         "definition": "Sum of forecast minus demand of the frozen forecasts for the buckets of the period, all lags, over that demand."},
    ] -%}
    {%- set complete = [] -%}
    {%- for kpi in kpis -%}
        {%- do complete.append(dict({"owner": owner, "version": 1, "measured_in": "item_locations"}, **kpi)) -%}
    {%- endfor -%}
    {{ return(complete) }}
{% endmacro %}
