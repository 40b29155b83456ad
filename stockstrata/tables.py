"""Column contracts of every table that Python writes: name, DuckDB type, meaning with unit.

`Warehouse` creates the tables from here and adds the stamp columns; Dagster shows the same columns.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class Table:
    """One table: its grain is the key of the rows inside a period."""

    name: str
    grain: tuple[str, ...]
    columns: tuple[Column, ...]
    may_be_empty: bool = False


STAMP = (
    Column("parameters_version", "VARCHAR", "Hash of the business parameters that the row was computed with."),
    Column("run_id", "VARCHAR", "Dagster run that wrote the row."),
    Column("computed_at", "TIMESTAMP", "When the row was written, UTC."),
)

_PERIOD = Column("period_start_date", "DATE", "First day of the planning period.")
_ITEM = Column("item_id", "VARCHAR", "Item.")
_LOCATION = Column("location_id", "VARCHAR", "Location; ALL where the company plans without locations.")
_SEGMENT = Column("segment_code", "VARCHAR", "Segment of the item-location in this cycle.")
_GRADE = Column("evidence_grade", "VARCHAR", "full, degraded, assumed or blocked: how well the inputs support the row.")
_POOL = Column("pool_code", "VARCHAR", "Forecast pool of the segment.")
_MODEL = Column("model_code", "VARCHAR", "Forecast model.")
_KEY = (_PERIOD, _ITEM, _LOCATION)
_GRAIN = ("period_start_date", "item_id", "location_id")


def _quantiles(what: str, codes: tuple[str, ...]) -> tuple[Column, ...]:
    return tuple(Column(f"p{c}_qty", "DOUBLE", f"{c} percent quantile of {what}, units.") for c in codes)


SEGMENT_ASSIGNMENT = Table(
    "segmentation.segment_assignment",
    _GRAIN,
    (
        *_KEY,
        Column("abc_code", "VARCHAR", "A, B or C by cumulative share of value."),
        Column("xyz_code", "VARCHAR", "X, Y or Z by the error of the best simple forecast."),
        Column("raw_xyz_code", "VARCHAR", "X, Y or Z by the plain variation of demand, for comparison."),
        Column("pattern_code", "VARCHAR", "smooth, erratic, intermittent, lumpy or insufficient."),
        Column("lifecycle_code", "VARCHAR", "npi, growth, mature, decline, eol or dormant."),
        _SEGMENT,
        Column("rule_code", "VARCHAR", "Segment rule that decided."),
        Column("value_metric_code", "VARCHAR", "Metric that ABC ranked by."),
        Column("abc_value", "DOUBLE", "Value over the ABC look-back, in the metric's unit."),
        Column("value_share_rate", "DOUBLE", "Share of the scope's value, 0 to 1."),
        Column("cumulative_share_rate", "DOUBLE", "Share of the scope's value up to and with this row, 0 to 1."),
        Column("forecastability_ratio", "DOUBLE", "RMSE of the best simple forecast over mean demand."),
        Column("simple_model_code", "VARCHAR", "Simple forecast with the least error."),
        Column("demand_cv_ratio", "DOUBLE", "Standard deviation of bucket demand over its mean."),
        Column("adi_buckets", "DOUBLE", "Average demand interval: buckets over buckets with demand."),
        Column("cv2_ratio", "DOUBLE", "Squared variation of the non-zero demand sizes."),
        Column("nonzero_count", "BIGINT", "Buckets with demand."),
        Column("history_buckets", "BIGINT", "Buckets since the series began."),
        Column("demand_trend_ratio", "DOUBLE", "Demand rate of the newest span over the span before."),
        Column("first_demand_date", "DATE", "First bucket with demand."),
        Column("last_demand_date", "DATE", "Last bucket with demand."),
        _GRADE,
    ),
)

LEAD_TIME = Table(
    "policy.lead_time",
    _GRAIN,
    (
        *_KEY,
        Column("supplier_id", "VARCHAR", "Supplier that the lead time is of; null where none is known."),
        Column("lead_time_days", "DOUBLE", "Mean lead time, calendar days."),
        Column("lead_time_sd_days", "DOUBLE", "Standard deviation of the lead time, calendar days."),
        Column("receipt_count", "BIGINT", "Closed receipts behind the figures."),
        Column("lead_time_source_code", "VARCHAR", "item_receipts, supplier_receipts, contract or assumption."),
        Column("contract_lead_time_days", "DOUBLE", "Lead time by contract, calendar days; null where none."),
        _GRADE,
    ),
)

MODEL_SCORE = Table(
    "forecast.model_score",
    (*_GRAIN, "model_code"),
    (
        *_KEY,
        _POOL,
        _MODEL,
        Column("horizon_buckets", "BIGINT", "Buckets ahead that demand was cumulated over."),
        Column("fold_count", "BIGINT", "Rolling origins evaluated."),
        Column("score_ratio", "DOUBLE", "RMSE of cumulative demand over the mean demand of that span; less is better."),
        Column("cumulative_rmse_qty", "DOUBLE", "RMSE of cumulative demand over the horizon, units."),
        Column("cumulative_bias_qty", "DOUBLE", "Mean of forecast minus actual over the horizon, units."),
        Column("is_champion", "BOOLEAN", "Whether the model was chosen."),
    ),
    may_be_empty=True,
)

CHAMPION = Table(
    "forecast.champion",
    _GRAIN,
    (
        *_KEY,
        _SEGMENT,
        _POOL,
        _MODEL,
        Column("block_buckets", "BIGINT", "Buckets that were forecast as one and split back; 1: each by itself."),
        Column("horizon_buckets", "BIGINT", "Buckets ahead that models were compared at."),
        Column("fold_count", "BIGINT", "Rolling origins evaluated."),
        Column("score_ratio", "DOUBLE", "Score of the champion; null where none could be validated."),
        Column("naive_score_ratio", "DOUBLE", "Score of the naive benchmark, seasonal where history allows."),
        Column("is_better_than_naive", "BOOLEAN", "Whether the champion beats the naive benchmark."),
        Column(
            "reason_code",
            "VARCHAR",
            "validated, tie_break, incumbent_kept, or the fallback: all_zero, too_short, no_finite_model.",
        ),
        _GRADE,
    ),
)

DEMAND_FORECAST = Table(
    "forecast.demand_forecast",
    (*_GRAIN, "bucket_start_date"),
    (
        *_KEY,
        Column("bucket_start_date", "DATE", "First day of the forecast bucket."),
        Column("horizon_bucket", "BIGINT", "Buckets ahead of the cut-off, from 1."),
        _MODEL,
        Column("mean_qty", "DOUBLE", "Expected demand of the bucket, units."),
        *_quantiles("the bucket's demand", ("10", "50", "80", "90", "95", "98")),
    ),
)

LEAD_TIME_DEMAND = Table(
    "forecast.lead_time_demand",
    _GRAIN,
    (
        *_KEY,
        Column("protection_interval_days", "DOUBLE", "Lead time plus review period, calendar days."),
        Column("method_code", "VARCHAR", "gamma, negative_binomial, poisson or degenerate."),
        Column("mean_qty", "DOUBLE", "Expected demand over the protection interval, units."),
        Column("sd_qty", "DOUBLE", "Standard deviation of that demand, lead-time variation included, units."),
        Column("demand_sd_qty", "DOUBLE", "Part of the standard deviation that comes from demand, units."),
        Column("lead_time_sd_qty", "DOUBLE", "Part of the standard deviation that comes from the lead time, units."),
        Column("daily_mean_qty", "DOUBLE", "Expected demand of one day of the interval, units per day."),
        *_quantiles("demand over the protection interval", ("50", "80", "90", "95", "98", "99")),
        _GRADE,
    ),
)

FORECAST_ACCURACY = Table(
    "forecast.forecast_accuracy",
    ("period_start_date", "evaluation_code", "segment_code", "lag_buckets"),
    (
        _PERIOD,
        Column("evaluation_code", "VARCHAR", "rolling_origin (back-test at this cut-off) or frozen_snapshot."),
        Column("segment_code", "VARCHAR", "Segment when the forecast was made."),
        Column("lag_buckets", "BIGINT", "Buckets between the forecast's cut-off and the bucket judged, from 1."),
        Column("series_count", "BIGINT", "Item-locations judged."),
        Column("observation_count", "BIGINT", "Pairs of forecast and actual."),
        Column("actual_qty", "DOUBLE", "Sum of actual demand, units."),
        Column("forecast_qty", "DOUBLE", "Sum of forecasts, units."),
        Column("absolute_error_qty", "DOUBLE", "Sum of absolute errors, units."),
        Column("wape_rate", "DOUBLE", "Sum of absolute errors over sum of actuals; null without demand."),
        Column("bias_rate", "DOUBLE", "Sum of forecast minus actual over sum of actuals; null without demand."),
        Column("mase_ratio", "DOUBLE", "Absolute error over that of the in-sample naive forecast, mean over series."),
        Column("pinball_p50_ratio", "DOUBLE", "Pinball loss at the median, scaled by the in-sample naive error."),
        Column("pinball_p90_ratio", "DOUBLE", "Pinball loss at 0.90, scaled likewise."),
        Column("pinball_p95_ratio", "DOUBLE", "Pinball loss at 0.95, scaled likewise."),
        Column("coverage_p90_rate", "DOUBLE", "Share of actuals at or below the 0.90 quantile."),
    ),
    may_be_empty=True,
)

HIERARCHY_FORECAST = Table(
    "forecast.hierarchy_forecast",
    ("period_start_date", "level_code", "node_id", "node_location_id", "bucket_start_date"),
    (
        _PERIOD,
        Column("level_code", "VARCHAR", "item_location, item, family, region or total."),
        Column("node_id", "VARCHAR", "Item, family or region; NONE where items or locations have none; ALL in total."),
        Column("node_location_id", "VARCHAR", "Location of an item-location; * at the levels above."),
        Column("bucket_start_date", "DATE", "First day of the forecast bucket."),
        Column("horizon_bucket", "BIGINT", "Buckets ahead of the cut-off, from 1."),
        Column("model_code", "VARCHAR", "Model of the node's own forecast."),
        Column("method_code", "VARCHAR", "Method that made it coherent; mixed where item-locations follow several."),
        Column("base_qty", "DOUBLE", "The node's own forecast of the bucket, units."),
        Column("reconciled_qty", "DOUBLE", "Forecast that agrees with all levels: the sum of its parts, units."),
    ),
)

HIERARCHY_CHOICE = Table(
    "forecast.hierarchy_choice",
    ("period_start_date", "level_code", "segment_code", "method_code"),
    (
        _PERIOD,
        Column("level_code", "VARCHAR", "Level judged: item_location by segment, the levels above for all segments."),
        Column("segment_code", "VARCHAR", "Segment judged; ALL at the levels above the item-location."),
        Column(
            "method_code",
            "VARCHAR",
            "bottom_up, middle_out_item, middle_out_family, middle_out_region, top_down, mint_struct, mint_var, "
            "mint_shrink; base: the level's own forecasts.",
        ),
        Column("error_ratio", "DOUBLE", "Sum of RMSE of demand over all buckets ahead over sum of demand; null: none."),
        Column("series_count", "BIGINT", "Nodes judged."),
        Column("origin_count", "BIGINT", "Earlier origins judged at."),
        Column("is_chosen", "BOOLEAN", "Whether the segment follows the method."),
        Column("is_flagged", "BOOLEAN", "Whether the segment's choice is not proven best by validation."),
        Column("is_applied", "BOOLEAN", "Whether stock policies of the segment are planned with it."),
        Column(
            "reason_code",
            "VARCHAR",
            "best; flagged: within_margin (bottom_up kept), fixed_by_parameter, not_validated; level: nothing chosen.",
        ),
    ),
)

SENSING_CHOICE = Table(
    "forecast.sensing_choice",
    ("period_start_date", "segment_code"),
    (
        _PERIOD,
        Column("segment_code", "VARCHAR", "Segment."),
        Column("weight_rate", "DOUBLE", "Share of the newest bucket's deviation that the next bucket takes, 0 to 1."),
        Column(
            "wape_rate",
            "DOUBLE",
            "Sum of absolute errors of the next bucket over sum of demand, without sensing; null without demand.",
        ),
        Column(
            "sensed_wape_rate",
            "DOUBLE",
            "Sum of absolute errors over sum of demand with sensing, at origins that the weight was not fitted on.",
        ),
        Column("observation_count", "BIGINT", "Pairs judged."),
        Column("is_sensing_on", "BOOLEAN", "Whether sensing was better by the segment's margin."),
        Column("reason_code", "VARCHAR", "improves, does_not_improve, too_few_pairs or switched_off."),
    ),
    may_be_empty=True,
)

SHORT_TERM_FORECAST = Table(
    "forecast.short_term_forecast",
    (*_GRAIN, "bucket_start_date"),
    (
        *_KEY,
        Column("bucket_start_date", "DATE", "First day of the forecast bucket."),
        Column("horizon_bucket", "BIGINT", "Buckets ahead of the cut-off, from 1."),
        Column("gross_qty", "DOUBLE", "Expected demand of the bucket as forecast, units."),
        Column("sensed_qty", "DOUBLE", "The same with the first buckets revised by the newest demand, units."),
        Column("order_qty", "DOUBLE", "Customer orders due in the bucket that were known at the cut-off, units."),
        Column("open_order_qty", "DOUBLE", "The part of them that had not been shipped at the cut-off, units."),
        Column("consumed_qty", "DOUBLE", "Part of sensed_qty that orders of this and nearby buckets stand for, units."),
        Column("net_qty", "DOUBLE", "Sensed minus consumed: demand still expected besides the orders, units."),
        Column("requirement_qty", "DOUBLE", "Open orders plus net forecast, units."),
        Column("is_sensing_on", "BOOLEAN", "Whether the bucket was revised."),
    ),
)

STOCK_POLICY = Table(
    "policy.stock_policy",
    _GRAIN,
    (
        *_KEY,
        _SEGMENT,
        Column("policy_family", "VARCHAR", "s_Q, s_S, R_S, R_s_S, make_to_order or do_not_stock."),
        Column("service_measure", "VARCHAR", "cycle_service_level or fill_rate: what the target counts."),
        Column("service_target", "DOUBLE", "Target of the measure, 0 to 1."),
        Column("lead_time_days", "DOUBLE", "Mean lead time, calendar days."),
        Column("lead_time_sd_days", "DOUBLE", "Standard deviation of the lead time, calendar days."),
        Column("review_period_days", "DOUBLE", "Days between two reviews."),
        Column("protection_interval_days", "DOUBLE", "Lead time plus review period, calendar days."),
        Column("lead_time_demand_qty", "DOUBLE", "Expected demand over the protection interval, units."),
        Column("lead_time_demand_sd_qty", "DOUBLE", "Its standard deviation, units."),
        Column("method_code", "VARCHAR", "Distribution of lead-time demand."),
        Column("safety_stock_qty", "DOUBLE", "Buffer above expected lead-time demand, units."),
        Column("safety_stock_demand_qty", "DOUBLE", "Part of the buffer for uncertain demand, units."),
        Column("safety_stock_supply_qty", "DOUBLE", "Part of the buffer for uncertain lead time, units."),
        Column("safety_stock_rounding_qty", "DOUBLE", "Part of the buffer from rounding to whole units, units."),
        Column("reorder_point_qty", "DOUBLE", "Order when the inventory position is at or below this, units."),
        Column("order_qty", "DOUBLE", "Order quantity, units."),
        Column("economic_order_qty", "DOUBLE", "Order quantity before minimum and multiple, units."),
        Column("order_up_to_qty", "DOUBLE", "Level that an order lifts the inventory position to, units."),
        Column("expected_service_rate", "DOUBLE", "The measure's expected value under the policy, 0 to 1."),
        Column("annual_demand_qty", "DOUBLE", "Expected demand per day of the protection interval x 365.25, units."),
        Column("unit_cost_amount", "DOUBLE", "Cost of one unit used, currency."),
        Column("order_cost_amount", "DOUBLE", "Cost of one order used, currency."),
        Column("holding_cost_rate", "DOUBLE", "Yearly holding cost as a share of unit cost used."),
        _GRADE,
        Column("grade_reason", "VARCHAR", "What is missing or assumed, in words; empty where the grade is full."),
        Column("policy_status_code", "VARCHAR", "current, or stale: the last good policy of what the cycle left out."),
        Column("policy_period_start_date", "DATE", "First day of the period whose cycle computed the policy."),
        Column("isolation_reason", "VARCHAR", "Why the cycle left the item-location out; empty where it did not."),
    ),
)

ORDER_PROPOSAL = Table(
    "policy.order_proposal",
    _GRAIN,
    (
        *_KEY,
        Column("supplier_id", "VARCHAR", "Supplier to order from; null where none is known."),
        Column("order_qty", "DOUBLE", "Quantity to order, units."),
        Column("order_date", "DATE", "Day to place the order."),
        Column("need_date", "DATE", "Day on which projected stock reaches the safety stock."),
        Column("expected_receipt_date", "DATE", "Order date plus lead time."),
        Column("inventory_position_qty", "DOUBLE", "On hand plus on order plus in transit minus allocated, units."),
        Column("on_hand_qty", "DOUBLE", "On hand, units."),
        Column("on_order_qty", "DOUBLE", "Open on purchase orders, units."),
        Column("in_transit_qty", "DOUBLE", "On the way besides purchase orders, units."),
        Column("allocated_qty", "DOUBLE", "Reserved, units."),
        Column("reorder_point_qty", "DOUBLE", "Reorder point that was reached, units."),
        Column("stock_date", "DATE", "Day of the stock figure that triggered the proposal."),
        Column("urgency_code", "VARCHAR", "overdue, urgent or normal."),
        Column("order_value_amount", "DOUBLE", "Order quantity times unit cost, currency."),
        Column("reason", "VARCHAR", "Why, in one sentence with the figures."),
        _GRADE,
    ),
    may_be_empty=True,
)

CYCLE_MANIFEST = Table(
    "audit.cycle_manifest",
    ("period_start_date",),
    (
        _PERIOD,
        Column("cut_off_at", "TIMESTAMP", "Nothing learnt at or after this moment was used, UTC."),
        Column("source_name", "VARCHAR", "Source that was planned."),
        Column("code_version", "VARCHAR", "Version of Stockstrata."),
        Column("code_hash", "VARCHAR", "Hash of the project's code and models."),
        Column("lock_hash", "VARCHAR", "Hash of requirements.lock."),
        Column("contracts_hash", "VARCHAR", "Hash of the input contract."),
        Column("input_hash", "VARCHAR", "Hash over the known rows, parameters, company and earlier cycles."),
        Column("output_hash", "VARCHAR", "Hash over the tables that the cycle wrote."),
        Column("load_count", "BIGINT", "Landed loads that the cycle could see."),
        Column("newest_load_id", "VARCHAR", "Newest load in the warehouse when the cycle ran, seen by it or not."),
        Column("seed", "BIGINT", "Seed of every random draw; 0 where none is drawn."),
    ),
)

CYCLE_OBJECT = Table(
    "audit.cycle_object",
    ("period_start_date", "object_type_code", "object_name"),
    (
        _PERIOD,
        Column(
            "object_type_code",
            "VARCHAR",
            "Read: landing_file, extract_file, known_rows, parameter, company, cycle (another cycle), environment "
            "(interpreter, processor, libraries). Made on the way: feature. Written: table.",
        ),
        Column("object_name", "VARCHAR", "File, table, period of the other cycle, or library."),
        Column("row_count", "BIGINT", "Rows in it; null where it has none."),
        Column("content_hash", "VARCHAR", "Hash of its content, run columns left out; of a library its version."),
    ),
)

CYCLE_MART = Table(
    "audit.cycle_mart",
    ("period_start_date", "mart_name"),
    (
        _PERIOD,
        Column("mart_name", "VARCHAR", "Published table."),
        Column("row_count", "BIGINT", "Rows of the period; of a mart that is built whole, all rows."),
        Column("content_hash", "VARCHAR", "Hash of those rows, run columns left out."),
    ),
)

CYCLE_REPLAY = Table(
    "audit.cycle_replay",
    ("period_start_date", "object_type_code", "object_name"),
    (
        _PERIOD,
        Column(
            "object_type_code",
            "VARCHAR",
            "As in audit_cycle_object, and code, lock and contracts (what planned), mart (what was published).",
        ),
        Column("object_name", "VARCHAR", "File, table, period of the other cycle, or library."),
        Column("recorded_hash", "VARCHAR", "Hash in the manifest of the cycle; null where it names no such object."),
        Column("replayed_hash", "VARCHAR", "Hash in the replay; null where it has no such object."),
        Column("held_hash", "VARCHAR", "Hash of what the warehouse holds at the replay; null where nothing is held."),
        Column(
            "verdict_code",
            "VARCHAR",
            "same; different; missing or unexpected in the replay; altered: the replay gives what was recorded, but "
            "the warehouse holds something else.",
        ),
    ),
)

TABLES = {
    table.name: table
    for table in (
        SEGMENT_ASSIGNMENT,
        LEAD_TIME,
        MODEL_SCORE,
        CHAMPION,
        DEMAND_FORECAST,
        LEAD_TIME_DEMAND,
        FORECAST_ACCURACY,
        HIERARCHY_FORECAST,
        HIERARCHY_CHOICE,
        SENSING_CHOICE,
        SHORT_TERM_FORECAST,
        STOCK_POLICY,
        ORDER_PROPOSAL,
        CYCLE_MANIFEST,
        CYCLE_OBJECT,
        CYCLE_MART,
        CYCLE_REPLAY,
    )
}
