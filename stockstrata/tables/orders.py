"""Tables of proposals, purchases and exceptions, in the schema `policy`."""

from stockstrata.tables.common import GRADE, GRAIN, ITEM, KEY, LOCATION, PERIOD, SEGMENT, Column, Table

PURCHASE_RANKING = Table(
    "policy.purchase_ranking",
    (*GRAIN, "lot_number"),
    (
        *KEY,
        Column("lot_number", "BIGINT", "Lot of the proposed order, from 1."),
        SEGMENT,
        Column("supplier_id", "VARCHAR", "Supplier to order from; null where none is known."),
        Column("rank_number", "BIGINT", "Place in the list of all lots, the best return first."),
        Column("lot_qty", "DOUBLE", "Quantity of the lot, units."),
        Column("lot_value_amount", "DOUBLE", "Quantity times unit cost, currency; null where no cost is known."),
        Column("saved_qty", "DOUBLE", "Units saved from falling short over the protection interval."),
        Column("marginal_value_amount", "DOUBLE", "Margin saved less holding of the rest, currency; null if unknown."),
        Column("return_rate", "DOUBLE", "Marginal value as a share of the lot's value; null where not known."),
        Column("cumulative_amount", "DOUBLE", "Value of this and all better lots, currency."),
        Column("is_within_budget", "BOOLEAN", "Whether the purchase budget carries it; true where there is none."),
        GRADE,
    ),
    may_be_empty=True,
)

ORDER_PROPOSAL = Table(
    "policy.order_proposal",
    GRAIN,
    (
        *KEY,
        Column("supplier_id", "VARCHAR", "Supplier to order from; null where none is known."),
        Column("order_qty", "DOUBLE", "Quantity to order, units."),
        Column("policy_qty", "DOUBLE", "Part that the policy asks for, were any quantity and any day allowed, units."),
        Column("rounding_qty", "DOUBLE", "Part that minimum and multiple add, units."),
        Column("basket_qty", "DOUBLE", "Part that makes up the least value of the supplier's order, units."),
        Column("order_date", "DATE", "Day to place the order: the next on which the supplier takes orders."),
        Column("order_wait_days", "DOUBLE", "Days from the cut-off to it, days."),
        Column(
            "protection_interval_days",
            "DOUBLE",
            "Days from the cut-off until the order after this one can arrive: wait, lead time and review.",
        ),
        Column("need_date", "DATE", "Day on which the inventory position is used up at the forecast rate."),
        Column("buffer_date", "DATE", "Day on which the inventory position reaches the safety stock."),
        Column("expected_receipt_date", "DATE", "Order date plus lead time."),
        Column(
            "inventory_position_qty", "DOUBLE", "On hand, on order, in transit, less allocated and shortfall, units."
        ),
        Column("on_hand_qty", "DOUBLE", "On hand, units."),
        Column("on_order_qty", "DOUBLE", "Open on purchase orders, units."),
        Column("in_transit_qty", "DOUBLE", "On the way besides purchase orders, units."),
        Column("allocated_qty", "DOUBLE", "Reserved, units."),
        Column("expected_shortfall_qty", "DOUBLE", "Part of what is under way that is not expected in good, units."),
        Column("reorder_point_qty", "DOUBLE", "Reorder point of the policy, units."),
        Column("expected_arrival_stock_qty", "DOUBLE", "Lost sales: stock expected at arrival, units; else null."),
        Column("window_demand_qty", "DOUBLE", "Lost sales: demand from arrival to the next, units; else null."),
        Column("no_stock_out_rate", "DOUBLE", "Lost sales: chance wanted that none is lost, 0 to 1; else null."),
        Column("stock_date", "DATE", "Day of the stock figure that triggered the proposal."),
        Column(
            "urgency_code",
            "VARCHAR",
            "overdue: needed before the earliest receipt, a stock-out is expected; urgent: the safety stock is drawn "
            "on before it; normal: neither.",
        ),
        Column("order_value_amount", "DOUBLE", "Order quantity times unit cost, currency."),
        Column("rounding_cost_amount", "DOUBLE", "Extra holding by minimum and multiple, currency; null if not known."),
        Column("basket_cost_amount", "DOUBLE", "Extra holding by the supplier's least value, currency; null likewise."),
        Column("wait_cost_amount", "DOUBLE", "Extra holding by waiting for the order day, currency; null likewise."),
        Column("supplier_order_value_amount", "DOUBLE", "Value of all proposals to the supplier on the day, currency."),
        Column(
            "supplier_min_order_amount", "DOUBLE", "Least value of an order to it, currency; null where not stated."
        ),
        Column("reason", "VARCHAR", "Why, in one sentence with the figures."),
        GRADE,
    ),
    may_be_empty=True,
)

ORDER_EXCEPTION = Table(
    "policy.order_exception",
    ("period_start_date", "judged_code", "order_id", "line", "item_id", "location_id"),
    (
        PERIOD,
        Column(
            "judged_code",
            "VARCHAR",
            "placed: an order of the period; open: one still to come at the cut-off; proposed: not placed.",
        ),
        Column("order_id", "VARCHAR", "Order number; empty for a proposal."),
        Column("line", "VARCHAR", "Line of the order; empty for a proposal."),
        ITEM,
        LOCATION,
        Column("supplier_id", "VARCHAR", "Supplier; null where the order names none."),
        Column("segment_code", "VARCHAR", "Segment of the policy judged by; empty without one."),
        Column("owner", "VARCHAR", "Owner of the segment's strategy, who works through it; empty without a policy."),
        Column(
            "exception_code",
            "VARCHAR",
            "placed: matched, in_policy, emergency, early, oversized, undersized, late_release, not_stocked, "
            "unplanned_item, unjudged; open: expedite, late, defer, cancel; proposed: not_released.",
        ),
        Column("is_exception", "BOOLEAN", "Whether somebody should look at it."),
        Column("is_new", "BOOLEAN", "Whether it is an exception that the cycle before did not have."),
        Column("needs_approval", "BOOLEAN", "Whether its value asks for the approval of the owner."),
        Column("order_date", "DATE", "Day the order was placed; proposed: to be placed."),
        Column("due_date", "DATE", "Day promised; where unknown a lead time after the order; null without either."),
        Column(
            "wanted_date",
            "DATE",
            "Open: day on which it is needed, null where it is not; late_release, not_released: day to order.",
        ),
        Column("order_qty", "DOUBLE", "Placed: quantity ordered; open: quantity still to come; units."),
        Column("wanted_qty", "DOUBLE", "What the proposal or else the policy asked for when it was ordered, units."),
        Column(
            "deviation_days",
            "DOUBLE",
            "Days between due and wanted; emergency: days promised less than usual; proposals: days of delay.",
        ),
        Column("order_value_amount", "DOUBLE", "Order quantity at the cost paid or else the policy's, currency."),
        Column(
            "cost_amount",
            "DOUBLE",
            "Emergency: premium paid and the order's own cost; undersized: one more order; early, oversized, "
            "not_stocked, defer: holding until it is used, a year at most; expedite, late_release, not_released: "
            "units short at the cost of one short; currency; null where a rate is not known, 0 where there is "
            "nothing to pay.",
        ),
        Column("reason", "VARCHAR", "What was found, in one sentence with the figures."),
        Column("action", "VARCHAR", "What to do about it; empty where nothing is."),
    ),
    may_be_empty=True,
)
