"""Tables of lead times and supply risk, in the schema `policy`."""

from stockstrata.tables.common import GRADE, GRAIN, KEY, LOCATION, PERIOD, Column, Table

_SUPPLY_COLUMNS = (
    Column(
        "change_status_code",
        "VARCHAR",
        "proposed or confirmed where the supplier's lead time to the location has changed; none.",
    ),
    Column("proposed_lead_time_days", "DOUBLE", "Mean lead time since an unconfirmed change, days; null where none."),
    Column(
        "yield_rate", "DOUBLE", "Share of the units ordered on closed lines that came and was good, mean; 1 if unknown."
    ),
    Column("yield_sd_rate", "DOUBLE", "Standard deviation of that share from line to line."),
    Column("short_rate", "DOUBLE", "Share of the units ordered on closed lines that never came."),
    Column("reject_rate", "DOUBLE", "Share of the units received that was refused."),
    Column("yield_line_count", "BIGINT", "Closed order lines of the item at its supplier behind the yield."),
)

LEAD_TIME = Table(
    "policy.lead_time",
    GRAIN,
    (
        *KEY,
        Column("supplier_id", "VARCHAR", "Supplier that the lead time is of; null where none is known."),
        Column("lead_time_days", "DOUBLE", "Mean lead time, calendar days."),
        Column("lead_time_sd_days", "DOUBLE", "Standard deviation of the lead time, calendar days."),
        Column("lead_time_p50_days", "DOUBLE", "Median of the lead time, calendar days."),
        Column("lead_time_p90_days", "DOUBLE", "Lead time that 90 percent of orders do not exceed, calendar days."),
        Column("lead_time_p95_days", "DOUBLE", "Lead time that 95 percent of orders do not exceed, calendar days."),
        Column("receipt_count", "BIGINT", "Closed receipts behind the figures, of the group that the source names."),
        Column("open_order_count", "BIGINT", "Open orders of the item-location that count with their age."),
        Column("own_weight_rate", "DOUBLE", "Weight of its own receipts against those of its supplier, 0 to 1."),
        Column(
            "lead_time_source_code",
            "VARCHAR",
            "item_receipts, supplier_receipts, lane_receipts, contract or assumption.",
        ),
        Column("contract_lead_time_days", "DOUBLE", "Lead time by contract, calendar days; null where none."),
        Column("contract_gap_days", "DOUBLE", "Mean lead time less that by contract, calendar days; null where none."),
        *_SUPPLY_COLUMNS,
        GRADE,
    ),
)

LEAD_TIME_CHANGE = Table(
    "policy.lead_time_change",
    ("period_start_date", "supplier_id", "location_id", "change_number"),
    (
        PERIOD,
        Column("supplier_id", "VARCHAR", "Supplier."),
        LOCATION,
        Column("change_number", "BIGINT", "Number of the change inside the look-back, from 1."),
        Column(
            "status_code",
            "VARCHAR",
            "proposed (few receipts since), confirmed (in force), rolled_back (normal again later), normal_again (back "
            "to the level before the last change) or superseded.",
        ),
        Column("direction_code", "VARCHAR", "longer or shorter."),
        Column("changed_from_date", "DATE", "First receipt of the new level."),
        Column("detected_date", "DATE", "Receipt that made it certain enough."),
        Column("ended_date", "DATE", "Receipt that showed the next change; null where none came."),
        Column("detection_receipt_count", "BIGINT", "Receipts from the change to its detection."),
        Column("before_days", "DOUBLE", "Mean lead time of the level before, calendar days."),
        Column("before_receipt_count", "BIGINT", "Receipts of the level before."),
        Column("proposed_lead_time_days", "DOUBLE", "Mean lead time since the change, calendar days."),
        Column("receipt_count", "BIGINT", "Receipts since the change, up to the next one."),
        Column("effect_days", "DOUBLE", "What the lead time became longer by; below 0 shorter, calendar days."),
        Column("shift_ratio", "DOUBLE", "The same of the logarithm, in its standard deviations."),
        Column("item_location_count", "BIGINT", "Planned item-locations that depend on the supplier there."),
    ),
    may_be_empty=True,
)

SUPPLY_RISK = Table(
    "policy.supply_risk",
    GRAIN,
    (
        *KEY,
        Column("supplier_id", "VARCHAR", "Supplier that the item-location is planned with."),
        Column("criticality_code", "VARCHAR", "Criticality of the item; null where not told."),
        Column("supplier_count", "BIGINT", "Suppliers with terms for the item there."),
        Column("is_single_source", "BOOLEAN", "Whether no other supplier has terms for it."),
        Column("alternative_supplier_id", "VARCHAR", "The other supplier that would deliver first; null where none."),
        Column("alternative_lead_time_days", "DOUBLE", "Days until it delivers; null where none."),
        Column("on_hand_qty", "DOUBLE", "Stock on hand at the cut-off, units."),
        Column("cover_days", "DOUBLE", "Days that it lasts at expected demand, at most 3,650."),
        Column("daily_loss_amount", "DOUBLE", "Margin and standing lines of a day without stock, currency."),
        Column("expected_loss_amount", "DOUBLE", "Expected loss of a year over the disruption scenarios, currency."),
        Column("buffer_qty", "DOUBLE", "Stock on top that would bridge the usual disruption, units."),
        Column("buffer_cost_amount", "DOUBLE", "Its holding cost of a year and the loss that is left, currency."),
        Column(
            "second_source_cost_amount",
            "DOUBLE",
            "Yearly cost of a second source and the loss left, currency; null where there is one.",
        ),
        Column(
            "break_even_disruptions_per_year",
            "DOUBLE",
            "Disruptions a year from which a second source pays; null where it saves nothing or there is one.",
        ),
        Column("mitigation_code", "VARCHAR", "bear, buffer or second_source: what costs least."),
        Column("risk_rank", "BIGINT", "Place by expected loss, from 1."),
    ),
    may_be_empty=True,
)
