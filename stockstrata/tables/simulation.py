"""Tables of replays, verdicts and certificates, in the schema `simulation`."""

from stockstrata.tables.common import GRAIN, KEY, PERIOD, SEGMENT, Column, Table

_SIDES = {
    "candidate": "the candidate's rules",
    "in_force": "the rules in force",
    "baseline": "the uniform policy",
}

_REPLAYED = (
    Column("replayed_from_date", "DATE", "First day of the replay; null where nothing could be replayed."),
    Column("cut_off_count", "BIGINT", "Past cut-offs that were planned again."),
    Column("frozen_cut_off_count", "BIGINT", "Of these, cut-offs of cycles, planned again from what was stored then."),
)


def _by_side(suffix: str, what: str) -> tuple[Column, ...]:
    return tuple(
        Column(f"{code}_{suffix}", "DOUBLE", f"{what.format(side=side)}; null where not replayed.")
        for code, side in _SIDES.items()
    )


REPLAYED_POLICY = Table(
    "simulation.replayed_policy",
    (*GRAIN, "cut_off_date"),
    (
        *KEY,
        Column("cut_off_date", "DATE", "Past cut-off that was planned again."),
        SEGMENT,
        Column("policy_family", "VARCHAR", "Family of the policy."),
        Column("reorder_point_qty", "DOUBLE", "Order when the inventory position is at or below this, units."),
        Column("order_qty", "DOUBLE", "Order quantity, units."),
        Column("order_up_to_qty", "DOUBLE", "Level that an order lifts the inventory position to, units."),
        Column("review_period_days", "DOUBLE", "Days between two reviews."),
        Column("lead_time_days", "DOUBLE", "Mean lead time planned with, calendar days."),
        Column("annual_demand_qty", "DOUBLE", "Expected demand of a year, units."),
        Column("source_code", "VARCHAR", "frozen: from what the cycle stored; moments: from demand known then."),
    ),
    may_be_empty=True,
)

REPLAY_ITEM_LOCATION = Table(
    "simulation.replay_item_location",
    GRAIN,
    (
        *KEY,
        SEGMENT,
        *_REPLAYED,
        Column("candidate_reorder_point_qty", "DOUBLE", "Reorder point of this cycle's candidate policy, units."),
        Column("candidate_order_qty", "DOUBLE", "Its order quantity, units."),
        Column("candidate_order_up_to_qty", "DOUBLE", "Its order-up-to level, units."),
        Column("demand_qty", "DOUBLE", "Demand that came while a policy was there to meet it, units."),
        *_by_side("short_qty", "Units that {side} would not have served at once, units"),
        *_by_side("mean_stock_qty", "Stock that {side} would have held on average, units"),
        *_by_side("stock_value_amount", "The same at today's unit cost, currency"),
        *_by_side("order_count", "Orders that {side} would have placed"),
        Column("actual_short_qty", "DOUBLE", "Units not shipped, or lost by the estimate, in fact; null if unknown."),
        Column("actual_mean_stock_qty", "DOUBLE", "Mean stock of the snapshots, units; null where there are none."),
        Column("actual_stock_value_amount", "DOUBLE", "The same at today's unit cost, currency; null if unknown."),
        Column("hidden_lost_qty", "DOUBLE", "Estimated sales that no record shows, for stock was out, units."),
        Column(
            "twin_stock_gap_qty",
            "DOUBLE",
            "Mean gap between real stock and that of the twin, fed what really came and went, units; null if unknown.",
        ),
        Column("unit_cost_amount", "DOUBLE", "Unit cost that stock is valued at, currency; null where not known."),
    ),
    may_be_empty=True,
)

REPLAY_SEGMENT = Table(
    "simulation.replay_segment",
    ("period_start_date", "segment_code"),
    (
        PERIOD,
        Column("segment_code", "VARCHAR", "Segment of the candidate, or ALL for the whole company."),
        Column("rules_hash", "VARCHAR", "SHA-256 of the candidate's rules: parameters in force and code."),
        Column("mode_code", "VARCHAR", "off, report or hold: what the gate does with what it finds."),
        Column("verdict_code", "VARCHAR", "passed, held, first, override or reported."),
        Column("verdict_reason", "VARCHAR", "Why, in words."),
        Column("override_approved_by", "VARCHAR", "Who put the candidate in force in spite of the gate; else empty."),
        Column("override_expires_date", "DATE", "Until when that holds; null where nobody did."),
        Column("judged_segment_code", "VARCHAR", "Whose figures were judged: ALL where the segment has too few."),
        Column("evidence_grade", "VARCHAR", "full: cycles alone; degraded: cut-offs before them, too; blocked: none."),
        Column("item_location_count", "BIGINT", "Item-locations with a candidate policy."),
        Column("compared_count", "BIGINT", "Of these, replayed under the rules in force too."),
        Column("least_item_locations", "BIGINT", "Fewest compared item-locations that a segment is judged by."),
        *_REPLAYED,
        Column("least_cut_offs", "BIGINT", "Fewest cut-offs that a segment is judged by."),
        Column("demand_qty", "DOUBLE", "Demand that came to what is compared, units."),
        *_by_side("fill_rate", "Share of that demand, by unit cost, that {side} would have served at once"),
        Column(
            "fill_change_rate",
            "DOUBLE",
            "Fill rate of the candidate less that in force, a share; null if not compared.",
        ),
        Column("service_margin_rate", "DOUBLE", "How far it may fall below, 0 to 1."),
        *_by_side("short_qty", "Units that {side} would not have served at once, units"),
        *_by_side("stock_value_amount", "Mean stock that {side} would have held, currency"),
        Column(
            "stock_change_rate", "DOUBLE", "Stock of the candidate over that in force less 1, a share; null if none."
        ),
        Column("stock_margin_rate", "DOUBLE", "How far it may rise, as a share."),
        Column("churn_rate", "DOUBLE", "Change of order-up-to levels that stay in the segment, share of their value."),
        Column("churn_limit_rate", "DOUBLE", "How large that may be, as a share."),
        Column("actual_item_location_count", "BIGINT", "Item-locations with stock snapshots."),
        Column("actual_fill_rate", "DOUBLE", "Share of demand, estimated lost sales included, served; null if none."),
        Column("actual_stock_value_amount", "DOUBLE", "Mean stock of the snapshots, currency; null if unknown."),
        Column(
            "in_force_at_actual_stock_value_amount",
            "DOUBLE",
            "What the rules in force (else the candidate's) would have held where there are snapshots, currency.",
        ),
        Column("twin_stock_gap_rate", "DOUBLE", "Gap of the twin's stock as a share of real stock; null if not known."),
        Column("twin_stock_limit_rate", "DOUBLE", "How large that may be, as a share."),
        Column("hidden_lost_rate", "DOUBLE", "Estimated share of demand, by unit cost, that no record shows."),
        Column("hidden_lost_limit_rate", "DOUBLE", "How large that may be, as a share."),
        Column("is_twin_credible", "BOOLEAN", "Whether both keep to their limits; null where neither is known."),
        Column("twin_reason", "VARCHAR", "Why the twin is credible or not, in words."),
    ),
)

CERTIFICATE = Table(
    "simulation.certificate",
    ("period_start_date", "segment_code"),
    (
        PERIOD,
        SEGMENT,
        Column("certified_count", "BIGINT", "Policies in force of the segment that the hash covers, stale ones not."),
        Column("policies_hash", "VARCHAR", "SHA-256 of these policies."),
        Column(
            "certificate_hash", "VARCHAR", "SHA-256 of these, of the figures, limits and verdict, and the parameters."
        ),
    ),
    may_be_empty=True,
)
