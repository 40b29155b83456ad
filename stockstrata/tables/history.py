"""Tables of the schemas `segmentation` and `history`."""

from stockstrata.tables.common import GRADE, GRAIN, KEY, PERIOD, SEGMENT, Column, Table

SEGMENT_ASSIGNMENT = Table(
    "segmentation.segment_assignment",
    GRAIN,
    (
        *KEY,
        Column("abc_code", "VARCHAR", "A, B or C by cumulative share of value."),
        Column("xyz_code", "VARCHAR", "X, Y or Z by the error of the best simple forecast."),
        Column("raw_xyz_code", "VARCHAR", "X, Y or Z by the plain variation of demand, for comparison."),
        Column("pattern_code", "VARCHAR", "smooth, erratic, intermittent, lumpy or insufficient."),
        Column("lifecycle_code", "VARCHAR", "npi, growth, mature, decline, eol or dormant."),
        SEGMENT,
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
        GRADE,
    ),
)

DEMAND_ADJUSTMENT = Table(
    "history.demand_adjustment",
    (*GRAIN, "bucket_start_date", "reason_code", "reason_detail"),
    (
        *KEY,
        Column("bucket_start_date", "DATE", "First day of the demand bucket."),
        Column(
            "reason_code",
            "VARCHAR",
            "return, negative_clipped, outlier, project, stockout_lost_sales, promotion_uplift or promotion_dip.",
        ),
        Column("reason_detail", "VARCHAR", "Stated reason of the return, order, or promotion; empty where none."),
        Column("adjustment_qty", "DOUBLE", "What the row adds to demand; below zero what it takes away, units."),
        Column(
            "adjustment_at_close_qty",
            "DOUBLE",
            "The same as told when the bucket closed, lost sales without later buckets: what back-tests learn, units.",
        ),
        Column("raw_qty", "DOUBLE", "Demand of the bucket before any adjustment, returns not deducted, units."),
        Column(
            "method_code",
            "VARCHAR",
            "netted_return, clipped_at_zero, robust_median_deviation, one_off_order, expected_demand, "
            "availability_weighted, censored_expectation, not_yet_available, not_estimated or promotion_ratio.",
        ),
        Column("in_stock_rate", "DOUBLE", "Share of the bucket in stock, 0 to 1; null unless stock is the reason."),
        Column("evidence", "VARCHAR", "Figures that the row rests on."),
        Column("explanation", "VARCHAR", "Why, in one sentence."),
    ),
    may_be_empty=True,
)

PROMOTION_EFFECT = Table(
    "history.promotion_effect",
    GRAIN,
    (
        *KEY,
        Column("uplift_rate", "DOUBLE", "Expected uplift of a promotion over the baseline, 0.6 for 60 percent."),
        Column("dip_rate", "DOUBLE", "Expected shortfall below the baseline after a promotion, 0 to 1."),
        Column("own_uplift_rate", "DOUBLE", "Mean uplift of its own past promotions; null where it had none."),
        Column("own_event_count", "BIGINT", "Past promotions of its own that could be measured."),
        Column("pooled_uplift_rate", "DOUBLE", "Mean uplift that the expectation leans on."),
        Column("pool_code", "VARCHAR", "family, all, stated (by the promotion; nothing measured) or none."),
    ),
    may_be_empty=True,
)

DEMAND_SIGNAL = Table(
    "history.demand_signal",
    GRAIN,
    (
        *KEY,
        SEGMENT,
        Column("signal_code", "VARCHAR", "raw, clean or unconstrained: the series that the forecast learns from."),
        Column(
            "signal_reason_code",
            "VARCHAR",
            "Why: fixed_by_parameter, less_error, incumbent_kept or too_few_seen, as in fct_demand_signal_choice.",
        ),
        Column("applied_reasons", "VARCHAR", "Reasons whose adjustments it is learnt with, joined by commas."),
        Column("last_bucket_start_date", "DATE", "Last complete bucket of the history."),
        Column("raw_qty", "DOUBLE", "Demand of the whole history before any adjustment, units."),
        Column("signal_qty", "DOUBLE", "Demand of the whole history as the forecast learns it, units."),
        Column("censored_bucket_count", "BIGINT", "Buckets that were not in stock throughout, so far as known."),
    ),
)

DEMAND_SIGNAL_CHOICE = Table(
    "history.demand_signal_choice",
    ("period_start_date", "segment_code", "signal_code"),
    (
        PERIOD,
        SEGMENT,
        Column("signal_code", "VARCHAR", "unconstrained (with lost sales) or clean (without); raw where fixed."),
        Column(
            "error_ratio",
            "DOUBLE",
            "Sum of RMSE over sum of mean demand, spans of eight weeks or until stock ran out; null: none.",
        ),
        Column("series_count", "BIGINT", "Series with lost sales that were judged."),
        Column("observation_count", "BIGINT", "Spans judged."),
        Column("is_chosen", "BOOLEAN", "Whether forecasts of the segment learn from it."),
        Column(
            "reason_code",
            "VARCHAR",
            "fixed_by_parameter; less_error; incumbent_kept (not beaten by the margin); too_few_seen (as before).",
        ),
    ),
)
