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

DEMAND_ADJUSTMENT = Table(
    "history.demand_adjustment",
    (*_GRAIN, "bucket_start_date", "reason_code", "reason_detail"),
    (
        *_KEY,
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
    _GRAIN,
    (
        *_KEY,
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
    _GRAIN,
    (
        *_KEY,
        _SEGMENT,
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

DEMAND_SIGNAL_CHOICE = Table(
    "history.demand_signal_choice",
    ("period_start_date", "segment_code", "signal_code"),
    (
        _PERIOD,
        _SEGMENT,
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

LEAD_TIME = Table(
    "policy.lead_time",
    _GRAIN,
    (
        *_KEY,
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
        _GRADE,
    ),
)

LEAD_TIME_CHANGE = Table(
    "policy.lead_time_change",
    ("period_start_date", "supplier_id", "location_id", "change_number"),
    (
        _PERIOD,
        Column("supplier_id", "VARCHAR", "Supplier."),
        _LOCATION,
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
    _GRAIN,
    (
        *_KEY,
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

MODEL_SCORE = Table(
    "forecast.model_score",
    (*_GRAIN, "model_code"),
    (
        *_KEY,
        _POOL,
        _MODEL,
        Column("horizon_buckets", "BIGINT", "Buckets ahead that demand was cumulated over."),
        Column("fold_count", "BIGINT", "Rolling origins evaluated."),
        Column(
            "score_ratio",
            "DOUBLE",
            "Loss over the protection interval over the mean demand of that span; less is better.",
        ),
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
        Column("bucket_type", "VARCHAR", "Bucket that models were fitted to: day, week, month or quarter."),
        Column("block_buckets", "BIGINT", "Buckets that were forecast as one and split back; 1: each by itself."),
        Column("horizon_buckets", "BIGINT", "Buckets ahead that models were compared at."),
        Column("fold_count", "BIGINT", "Rolling origins evaluated."),
        Column("score_ratio", "DOUBLE", "Score of the champion; null where none could be validated."),
        Column("naive_score_ratio", "DOUBLE", "Score of the naive benchmark, seasonal where history allows."),
        Column("is_better_than_naive", "BOOLEAN", "Whether the champion beats the naive benchmark."),
        Column(
            "reason_code",
            "VARCHAR",
            "validated, tie_break, incumbent_kept, champion_kept; of a new item-location analog_prior or "
            "analog_posterior; or the fallback: all_zero, too_short, no_finite_model, no_analog.",
        ),
        _GRADE,
    ),
)

CHAMPION_REGISTER = Table(
    "forecast.champion_register",
    _GRAIN,
    (
        *_KEY,
        _SEGMENT,
        _POOL,
        Column("champion_model_code", "VARCHAR", "Model that forecasts the item-location."),
        Column("champion_since_date", "DATE", "Cut-off of the cycle since which it does."),
        Column("challenger_model_code", "VARCHAR", "Model with the least loss beside it; null where none was scored."),
        Column(
            "decision_code",
            "VARCHAR",
            "first_selection, kept or replaced by a tournament; refitted without one; fallback where no model could be "
            "validated.",
        ),
        Column(
            "trigger_code",
            "VARCHAR",
            "Why a tournament was held: never_selected, no_champion, pool_changed, method_changed, cadence, "
            "horizon_changed, history_changed, drift or refit_failed; none where none was.",
        ),
        Column("tournament_date", "DATE", "Cut-off of the cycle of the last tournament: what the scores are of."),
        Column("loss_code", "VARCHAR", "rmse, mae or pinball of demand over the protection interval."),
        Column("champion_score_qty", "DOUBLE", "Loss of the champion, units; null for a fallback."),
        Column("challenger_score_qty", "DOUBLE", "Loss of the challenger, units; null where there is none."),
        Column("margin_rate", "DOUBLE", "Share by which the challenger's loss is lower; below 0 where it is higher."),
        Column(
            "tracking_signal_ratio",
            "DOUBLE",
            "Cumulative error since the last tournament in its standard deviations; above 0 the forecast was too high.",
        ),
        Column(
            "error_signal_ratio",
            "DOUBLE",
            "Mean absolute error since then above the one expected, in its standard deviations.",
        ),
        Column("reason", "VARCHAR", "The decision in one sentence with its figures."),
    ),
)

CHAMPION_BACKTEST = Table(
    "forecast.champion_backtest",
    _GRAIN,
    (
        *_KEY,
        _MODEL,
        Column("reason_code", "VARCHAR", "Why it was chosen: validated, tie_break, incumbent_kept or champion_kept."),
        Column("method_hash", "VARCHAR", "Hash of the models and settings that the tournament went by."),
        Column("tournament_date", "DATE", "Cut-off of the cycle of the tournament."),
        Column("newest_bucket_date", "DATE", "First day of the newest bucket that it knew."),
        Column("horizon_buckets", "BIGINT", "Buckets ahead that models were compared at."),
        Column("wanted_horizon_buckets", "BIGINT", "Protection interval in whole buckets."),
        Column("interval_buckets", "DOUBLE", "Protection interval, buckets."),
        Column("fold_count", "BIGINT", "Rolling origins evaluated."),
        Column("independent_fold_ratio", "DOUBLE", "What they are worth, since their horizons overlap."),
        Column("history_buckets", "BIGINT", "History used, buckets."),
        Column("learnt_buckets", "BIGINT", "Buckets that the earliest origin could learn from."),
        Column("history_demand_qty", "DOUBLE", "Demand of the history used, units."),
        Column("span_demand_qty", "DOUBLE", "Mean actual demand over the spans judged, units."),
        Column("naive_score_qty", "DOUBLE", "Loss of the naive benchmark, units; null where it has none."),
        Column("cumulative_rmse_qty", "DOUBLE", "RMSE of cumulative demand over the horizon, units."),
        Column("naive_rmse_qty", "DOUBLE", "The same of the naive benchmark, units; null where it has none."),
        Column(
            "held_out_rmse_qty", "DOUBLE", "RMSE of choosing without the origin judged, units; null for one origin."
        ),
        Column(
            "interval_rmse_qty",
            "DOUBLE",
            "RMSE of cumulative demand over the protection interval, units; null where every origin ran out of stock.",
        ),
        Column("interval_sd_qty", "DOUBLE", "Standard deviation of that demand as the cycle used it, units."),
        Column("step_sd_qty", "DOUBLE", "Standard deviation of one bucket's error as the cycle used it, units."),
    ),
    may_be_empty=True,
)

CHAMPION_BACKTEST_LAG = Table(
    "forecast.champion_backtest_lag",
    (*_GRAIN, "horizon_bucket"),
    (
        *_KEY,
        Column("horizon_bucket", "BIGINT", "Buckets ahead of the origin, from 1."),
        Column("mean_qty", "DOUBLE", "Forecast of that bucket at the tournament, units."),
        Column("rmse_qty", "DOUBLE", "RMSE of one bucket at this lag, units; null where none was judged."),
        Column("error_count", "BIGINT", "Errors behind it."),
    ),
    may_be_empty=True,
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
        Column("baseline_qty", "DOUBLE", "Expected demand without promotions, units."),
        Column("uplift_qty", "DOUBLE", "What promotions known at the cut-off add; below zero in the dip after, units."),
        Column("sd_qty", "DOUBLE", "Standard deviation of the bucket's demand, units."),
        *_quantiles("the bucket's demand", ("10", "50", "80", "90", "95", "98")),
    ),
)

LEAD_TIME_DEMAND = Table(
    "forecast.lead_time_demand",
    _GRAIN,
    (
        *_KEY,
        Column("protection_interval_days", "DOUBLE", "Lead time plus review period, calendar days."),
        Column(
            "method_code",
            "VARCHAR",
            "gamma, negative_binomial, poisson, degenerate, conformal, empirical or learned; with _count for whole "
            "units.",
        ),
        Column("mean_qty", "DOUBLE", "Expected demand over the protection interval, units."),
        Column("sd_qty", "DOUBLE", "Standard deviation of that demand, lead-time variation included, units."),
        Column("demand_sd_qty", "DOUBLE", "Part of the standard deviation that comes from demand, units."),
        Column("lead_time_sd_qty", "DOUBLE", "Part of the standard deviation that comes from the lead time, units."),
        Column("daily_mean_qty", "DOUBLE", "Expected demand of one day of the interval, units per day."),
        *_quantiles("demand over the protection interval", ("50", "80", "90", "95", "98", "99")),
        Column(
            "interval_method_code",
            "VARCHAR",
            "Way to the distribution: error_moments, window_moments, conformal, empirical, learned or learned_half "
            "(see interval_method).",
        ),
        Column(
            "standard_quantiles",
            "DOUBLE[]",
            "Shape of conformal, empirical and learned demand: quantiles of (demand - mean_qty) / sd_qty at "
            "stockstrata.shaped.PROBABILITIES; null for the other distributions.",
        ),
        Column("fallback_reason", "VARCHAR", "What the forecast had to make do with, in words; empty where nothing."),
        _GRADE,
    ),
)

INTERVAL_METHOD = Table(
    "forecast.interval_method",
    ("period_start_date", "segment_code", "interval_method_code"),
    (
        _PERIOD,
        Column("segment_code", "VARCHAR", "Segment in this cycle."),
        Column(
            "interval_method_code",
            "VARCHAR",
            "Way to the distribution of lead-time demand: error_moments, window_moments, conformal, empirical, learned "
            "or learned_half.",
        ),
        _POOL,
        Column(
            "judged_on_code",
            "VARCHAR",
            "The segment; where it has too few origins earlier_cycle, whose way it keeps, or else its pool.",
        ),
        Column("series_count", "BIGINT", "Item-locations of the segment that were judged."),
        Column("observation_count", "BIGINT", "Pairs of item-location and origin judged."),
        Column(
            "pinball_ratio",
            "DOUBLE",
            "Pinball loss of demand over the interval at 0.50, 0.90, 0.95 and 0.98, over the mean absolute change of "
            "the series, mean; null where nothing was judged.",
        ),
        Column("coverage_p90_rate", "DOUBLE", "Share of origins with demand at or below the 0.90 quantile."),
        Column("coverage_p95_rate", "DOUBLE", "Share at or below the 0.95 quantile."),
        Column("coverage_p98_rate", "DOUBLE", "Share at or below the 0.98 quantile."),
        Column("is_chosen", "BOOLEAN", "Whether the segment takes this way."),
        Column(
            "base_method_code",
            "VARCHAR",
            "Way that a learned one is averaged with, and that stands in where nothing can be learnt; else the way "
            "taken.",
        ),
        Column(
            "standard_quantiles",
            "DOUBLE[]",
            "Quantiles of pooled errors of a conformal way that is taken or fallen back to, at "
            "stockstrata.shaped.PROBABILITIES; else null.",
        ),
    ),
)

FORECAST_ACCURACY = Table(
    "forecast.forecast_accuracy",
    ("period_start_date", "evaluation_code", "segment_code", "lag_buckets"),
    (
        _PERIOD,
        Column(
            "evaluation_code", "VARCHAR", "rolling_origin (back-tests of the cycle's tournaments) or frozen_snapshot."
        ),
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

NEW_PRODUCT_FORECAST = Table(
    "forecast.new_product_forecast",
    _GRAIN,
    (
        *_KEY,
        _SEGMENT,
        Column("launch_bucket_date", "DATE", "First day of the bucket of the launch, past or planned."),
        Column("age_buckets", "BIGINT", "Complete buckets since then; 0 before it."),
        Column(
            "status_code",
            "VARCHAR",
            "Who forecasts: analog_prior, analog_posterior, handed_over (the pool, by its lower error), no_analog (the "
            "pool, for want of analogs).",
        ),
        Column("status_reason", "VARCHAR", "Why, in words."),
        Column("analog_count", "BIGINT", "Analogs, named in new_product_analog."),
        Column("launch_analog_count", "BIGINT", "Of them with a launch inside the history."),
        Column("prior_level_qty", "DOUBLE", "Settled demand of a bucket by the analogs, units; null without any."),
        Column("prior_level_sd_qty", "DOUBLE", "Its standard deviation between launches, units; null without any."),
        Column("expected_sales_qty", "DOUBLE", "Expected by the analogs since the launch, units; null without any."),
        Column("actual_sales_qty", "DOUBLE", "Sold since the launch in complete buckets, units."),
        Column("credibility_rate", "DOUBLE", "Weight of own sales in the posterior level, 0 to 1; null likewise."),
        Column("posterior_level_qty", "DOUBLE", "Settled demand of a bucket after own sales, units; null likewise."),
        Column("posterior_level_sd_qty", "DOUBLE", "Its standard deviation, units; null likewise."),
        Column("judged_origin_count", "BIGINT", "Origins at which the launch model and the pool were both judged."),
        Column("launch_rmse_qty", "DOUBLE", "Error of cumulative demand of the launch model, units; null if none."),
        Column("pool_rmse_qty", "DOUBLE", "Error of the pool's champion at the same origins, units; null if none."),
    ),
    may_be_empty=True,
)

NEW_PRODUCT_ANALOG = Table(
    "forecast.new_product_analog",
    (*_GRAIN, "analog_item_id", "analog_location_id"),
    (
        *_KEY,
        Column("analog_item_id", "VARCHAR", "Item that it is like."),
        Column("analog_location_id", "VARCHAR", "Location of that item."),
        Column("similarity_rate", "DOUBLE", "Weighted share of the attributes that agree, 0 to 1 (Gower)."),
        Column("weight_rate", "DOUBLE", "Weight in level and curve; those of an item-location sum to 1."),
        Column("is_launch", "BOOLEAN", "Whether the analog's own launch was compared; if not, its newest year."),
        Column("analog_level_qty", "DOUBLE", "Settled demand of a bucket of the analog, units."),
        Column("similarity_reason", "VARCHAR", "In what they agree, in words."),
    ),
    may_be_empty=True,
)

DAILY_FORECAST = Table(
    "forecast.daily_forecast",
    (*_GRAIN, "day_date"),
    (
        *_KEY,
        Column("day_date", "DATE", "Day that the forecast is of."),
        Column("bucket_start_date", "DATE", "First day of the forecast bucket that the day lies in."),
        Column("mean_qty", "DOUBLE", "Expected demand of the day; those of a bucket add up to its forecast, units."),
        Column("final_qty", "DOUBLE", "Demand of the day that the cycle plans with, after people and streams, units."),
    ),
    may_be_empty=True,
)

FINAL_FORECAST = Table(
    "forecast.final_forecast",
    (*_GRAIN, "bucket_start_date"),
    (
        *_KEY,
        Column("bucket_start_date", "DATE", "First day of the forecast bucket."),
        Column("horizon_bucket", "BIGINT", "Buckets ahead of the cut-off, from 1."),
        _SEGMENT,
        Column("naive_qty", "DOUBLE", "Demand of the same bucket a year before, else of the newest bucket, units."),
        Column("baseline_qty", "DOUBLE", "Statistical forecast, never changed, units."),
        Column("smoothed_qty", "DOUBLE", "Baseline within the limit on plan-to-plan change, units."),
        Column("override_qty", "DOUBLE", "Forecast after the override in force, units; null where none is."),
        Column("consensus_qty", "DOUBLE", "Blend of the forecast streams, units; null where no stream speaks of it."),
        Column("final_qty", "DOUBLE", "Forecast that the cycle plans with, units."),
        Column(
            "step_code", "VARCHAR", "statistical, smoothing, override or consensus: what decided the final forecast."
        ),
        Column("override_id", "VARCHAR", "Override in force; null where none is."),
        Column("person", "VARCHAR", "Who asked for the override; null where none is in force."),
        Column("reason_code", "VARCHAR", "Reason of the override; null where none is in force."),
        Column("stream_mix", "VARCHAR", "Streams of the consensus with their weights; empty where there is none."),
        Column("disagreement_rate", "DOUBLE", "Weighted mean distance of the streams from their blend, share of it."),
    ),
)

OVERRIDE_EFFECT = Table(
    "forecast.override_effect",
    ("period_start_date", "override_id"),
    (
        _PERIOD,
        Column("override_id", "VARCHAR", "Override."),
        _ITEM,
        Column("location_id", "VARCHAR", "Location; ALL where the override speaks of all locations of the item."),
        Column("segment_code", "VARCHAR", "Segment whose limits hold, the first of several; null outside the plan."),
        Column("override_type_code", "VARCHAR", "set_qty_per_bucket, add_qty or factor."),
        Column("override_value", "DOUBLE", "Quantity in units, or factor, by type."),
        Column("from_date", "DATE", "First day whose demand is changed."),
        Column("to_date", "DATE", "Last day whose demand is changed."),
        Column("expires_date", "DATE", "Cut-off from which it has no effect any more; null where none is stated."),
        Column("person", "VARCHAR", "Who asked for it."),
        Column("reason_code", "VARCHAR", "Why, as a code of the company's own."),
        Column("evidence", "VARCHAR", "What it rests on."),
        Column("entered_at", "TIMESTAMP", "When the newest entry known at the cut-off was made, UTC."),
        Column("approval_state_code", "VARCHAR", "proposed, approved or rejected."),
        Column("approved_by", "VARCHAR", "Who approved or rejected it; null where nobody has."),
        Column("bucket_count", "BIGINT", "Forecast buckets of item-locations that it speaks of."),
        Column("baseline_qty", "DOUBLE", "Forecast of these buckets before it, units."),
        Column("change_qty", "DOUBLE", "What it adds to them in all, units; below zero where it takes away."),
        Column("change_rate", "DOUBLE", "Sum of absolute changes, share of the forecast; null where that is zero."),
        Column("change_amount", "DOUBLE", "Sum of absolute changes at unit cost, currency."),
        Column("is_approval_needed", "BOOLEAN", "Whether it changes more than may be changed without approval."),
        Column(
            "status_code",
            "VARCHAR",
            "effective, superseded, awaiting_approval, rejected, expired, invalid or out_of_scope.",
        ),
        Column("applied_bucket_count", "BIGINT", "Buckets whose final forecast it decides."),
        Column("reason", "VARCHAR", "Why it has that status, in words."),
    ),
    may_be_empty=True,
)

FORECAST_STREAM = Table(
    "forecast.forecast_stream",
    (*_GRAIN, "bucket_start_date", "stream_code"),
    (
        *_KEY,
        Column("bucket_start_date", "DATE", "First day of the forecast bucket."),
        Column("stream_code", "VARCHAR", "Who forecasts; statistical for the forecast of the models."),
        _SEGMENT,
        Column("stream_qty", "DOUBLE", "Demand that the stream expects in the bucket, units."),
        Column("weight_rate", "DOUBLE", "Weight of the stream in the blend of the bucket, share of 0 to 1."),
    ),
    may_be_empty=True,
)

STREAM_WEIGHT = Table(
    "forecast.stream_weight",
    ("period_start_date", "segment_code", "stream_code"),
    (
        _PERIOD,
        Column("segment_code", "VARCHAR", "Segment."),
        Column("stream_code", "VARCHAR", "Who forecasts; statistical for the forecast of the models."),
        Column("observation_count", "BIGINT", "Buckets of item-locations in which the stream was judged."),
        Column("actual_qty", "DOUBLE", "Demand of these buckets, units."),
        Column("absolute_error_qty", "DOUBLE", "Sum of the stream's absolute errors, units."),
        Column("statistical_error_qty", "DOUBLE", "Sum of absolute errors of the statistical forecast there, units."),
        Column("wape_rate", "DOUBLE", "Sum of absolute errors over sum of actuals; null without demand."),
        Column("relative_error_ratio", "DOUBLE", "Error over that of the statistical forecast; null where not judged."),
        Column("weight_rate", "DOUBLE", "Weight in the segment, share of 0 to 1; weights of a segment sum to 1."),
    ),
    may_be_empty=True,
)

JUDGED_FORECAST = Table(
    "forecast.judged_forecast",
    ("period_start_date", "made_period_start_date", "item_id", "location_id", "bucket_start_date"),
    (
        _PERIOD,
        Column("made_period_start_date", "DATE", "Period of the cycle that made the forecast."),
        _ITEM,
        _LOCATION,
        Column("bucket_start_date", "DATE", "Bucket that this period completed."),
        Column("lag_buckets", "BIGINT", "Buckets between the forecast's cut-off and the bucket, from 1."),
        Column("segment_code", "VARCHAR", "Segment when the forecast was made."),
        Column("actual_qty", "DOUBLE", "Demand of the bucket as known at this cut-off, units."),
        Column("naive_qty", "DOUBLE", "Naive forecast, units."),
        Column("baseline_qty", "DOUBLE", "Statistical forecast, units."),
        Column("smoothed_qty", "DOUBLE", "Forecast after the limit on plan-to-plan change, units."),
        Column("overridden_qty", "DOUBLE", "Forecast after overrides, units."),
        Column("final_qty", "DOUBLE", "Forecast that the cycle planned with, units."),
        Column("p10_qty", "DOUBLE", "10 percent quantile of the statistical forecast, units."),
        Column("p50_qty", "DOUBLE", "50 percent quantile, units."),
        Column("p90_qty", "DOUBLE", "90 percent quantile, units."),
        Column("p95_qty", "DOUBLE", "95 percent quantile, units."),
        Column(
            "naive_mae_qty", "DOUBLE", "Mean absolute error of the naive forecast in the history, units; null if none."
        ),
        Column("naive_rmse_qty", "DOUBLE", "Root mean squared error likewise, units; null if none."),
        Column("override_id", "VARCHAR", "Override that was in force; null where none was."),
        Column("person", "VARCHAR", "Who asked for the override; null where none was in force."),
        Column("reason_code", "VARCHAR", "Reason of the override; null where none was in force."),
    ),
    may_be_empty=True,
)

FORECAST_TRACKING = Table(
    "forecast.forecast_tracking",
    _GRAIN,
    (
        *_KEY,
        _SEGMENT,
        Column("owner", "VARCHAR", "Owner of the segment's strategy."),
        Column(
            "bucket_count", "BIGINT", "Buckets of the tracking window, each judged by the newest forecast before it."
        ),
        Column("actual_qty", "DOUBLE", "Demand of these buckets, units."),
        Column("forecast_qty", "DOUBLE", "Final forecasts of these buckets, units."),
        Column("error_qty", "DOUBLE", "Sum of forecast minus actual, units."),
        Column("mad_qty", "DOUBLE", "Mean absolute error of a bucket, units; null where none was judged."),
        Column("wape_rate", "DOUBLE", "Sum of absolute errors over sum of actuals; null without demand."),
        Column("bias_rate", "DOUBLE", "Sum of forecast minus actual over sum of actuals; null without demand."),
        Column(
            "mape_rate",
            "DOUBLE",
            "Mean of absolute error over actual, as a share; null unless every bucket had demand.",
        ),
        Column("mase_ratio", "DOUBLE", "Mean absolute error over that of the naive forecast in the history."),
        Column("rmsse_ratio", "DOUBLE", "Root mean squared error over that of the naive forecast in the history."),
        Column("pinball_p50_ratio", "DOUBLE", "Pinball loss at the median, scaled by the in-sample naive error."),
        Column("pinball_p90_ratio", "DOUBLE", "Pinball loss at 0.90, scaled likewise."),
        Column("pinball_p95_ratio", "DOUBLE", "Pinball loss at 0.95, scaled likewise."),
        Column("coverage_p90_rate", "DOUBLE", "Share of actuals at or below the 0.90 quantile."),
        Column("tracking_signal_ratio", "DOUBLE", "Sum of errors over mean absolute error; null without errors."),
        Column("bias_z_ratio", "DOUBLE", "Mean error over its standard error; null where errors do not vary."),
        Column("is_biased", "BOOLEAN", "Whether the bias is large and sure enough to be called one."),
        Column("plan_bucket_count", "BIGINT", "Buckets that this cycle and the one before both forecast."),
        Column("previous_plan_qty", "DOUBLE", "Final forecast of the cycle before for these buckets, units."),
        Column("plan_qty", "DOUBLE", "Final forecast of this cycle for these buckets, units."),
        Column("plan_change_qty", "DOUBLE", "Sum of absolute changes over these buckets, units."),
    ),
)

FORECAST_EXCEPTION = Table(
    "forecast.forecast_exception",
    (*_GRAIN, "rule_code"),
    (
        *_KEY,
        Column(
            "rule_code",
            "VARCHAR",
            "biased, demand_deviation, plan_change, fallback_model, worse_than_naive, override_awaiting_approval or "
            "stream_disagreement.",
        ),
        _SEGMENT,
        Column("owner", "VARCHAR", "Owner of the segment's strategy, who works through it."),
        Column("measured_value", "DOUBLE", "What was measured, in the rule's unit."),
        Column("threshold_value", "DOUBLE", "From where it is an exception, in the rule's unit."),
        Column("value_at_stake_amount", "DOUBLE", "Units in question at unit cost, currency."),
        Column("reason", "VARCHAR", "What was found, in one sentence with the figures."),
        Column("action", "VARCHAR", "What to do about it."),
        Column("is_new", "BOOLEAN", "Whether the cycle before did not have it."),
        Column("worklist_rank", "BIGINT", "Place among the exceptions of the same capacity by value at stake, from 1."),
        Column("capacity_count", "BIGINT", "Exceptions that the capacity allows for."),
        Column("is_listed", "BOOLEAN", "Whether it stands on the worklist."),
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
        Column("base_qty", "DOUBLE", "The node's own forecast of the bucket, promotions included, units."),
        Column("reconciled_qty", "DOUBLE", "Forecast that agrees with all levels: the sum of its parts, units."),
        Column("final_qty", "DOUBLE", "Forecast planned with, after people and streams: the sum of its parts, units."),
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
        Column(
            "error_ratio", "DOUBLE", "Sum of RMSE of demand seen over all buckets ahead over sum of it; null: none."
        ),
        Column("series_count", "BIGINT", "Nodes judged."),
        Column("origin_count", "BIGINT", "Earlier origins judged at."),
        Column("is_chosen", "BOOLEAN", "Whether the segment follows the method."),
        Column("is_flagged", "BOOLEAN", "Whether the segment's choice is not proven best by validation."),
        Column("is_applied", "BOOLEAN", "Whether stock policies of the segment are planned with it."),
        Column(
            "reason_code",
            "VARCHAR",
            "best; flagged: within_margin (bottom_up kept), incumbent_kept (method of the cycle before), "
            "fixed_by_parameter, not_validated; level: nothing chosen.",
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
        Column(
            "policy_family",
            "VARCHAR",
            "s_Q, s_S, R_S, R_s_S, min_max, kanban, ddmrp, newsvendor, make_to_order or do_not_stock.",
        ),
        Column("service_measure", "VARCHAR", "cycle_service_level, fill_rate, ready_rate or economic."),
        Column("service_target", "DOUBLE", "Target of the measure, 0 to 1; of economic the critical ratio of costs."),
        Column("service_target_source_code", "VARCHAR", "item, segment, all or criticality_floor: whose target it is."),
        Column("lead_time_days", "DOUBLE", "Mean lead time, calendar days."),
        Column("lead_time_sd_days", "DOUBLE", "Standard deviation of the lead time, calendar days."),
        Column("review_period_days", "DOUBLE", "Days between two reviews."),
        Column("protection_interval_days", "DOUBLE", "Lead time plus review period, calendar days."),
        Column("lead_time_demand_qty", "DOUBLE", "Expected demand over the protection interval, units."),
        Column("lead_time_demand_sd_qty", "DOUBLE", "Its standard deviation, units."),
        Column("method_code", "VARCHAR", "Distribution of lead-time demand."),
        Column(
            "protected_demand_qty",
            "DOUBLE",
            "Units expected to go until an order arrives: over the interval for R_S, else lead time and undershoot.",
        ),
        Column("safety_stock_qty", "DOUBLE", "Buffer above protected demand, units."),
        Column("safety_stock_demand_qty", "DOUBLE", "Part of the buffer for uncertain demand, units."),
        Column("safety_stock_supply_qty", "DOUBLE", "Part of the buffer for uncertain lead time, units."),
        Column("safety_stock_review_qty", "DOUBLE", "Part of the buffer for looking once a review period, units."),
        Column("safety_stock_service_qty", "DOUBLE", "Part for service above the own target (floor, mix), units."),
        Column("safety_stock_rounding_qty", "DOUBLE", "Part of the buffer from rounding to whole units, units."),
        Column("safety_stock_cap_qty", "DOUBLE", "What limits added (below zero: took away), units."),
        Column("unlimited_safety_stock_qty", "DOUBLE", "Buffer before limits, units."),
        Column("limit_codes", "VARCHAR", "Limits that moved buffer or levels, in their order; empty where none did."),
        Column("service_lost_rate", "DOUBLE", "What limits took off the expected service, 0 to 1; null without stock."),
        Column(
            "residual_demand_qty",
            "DOUBLE",
            "Demand expected until phase-out, or in all by its decline, units; null without either.",
        ),
        Column("reorder_point_qty", "DOUBLE", "Order when the inventory position is at or below this, units."),
        Column("order_qty", "DOUBLE", "Order quantity, units."),
        Column(
            "order_inflation_ratio",
            "DOUBLE",
            "Factor on orders that makes up for what comes short or is rejected; 1 where all comes.",
        ),
        Column("economic_order_qty", "DOUBLE", "Order quantity before minimum and multiple, units."),
        Column("order_up_to_qty", "DOUBLE", "Level that an order lifts the inventory position to, units."),
        Column("expected_service_rate", "DOUBLE", "The measure's expected value under the policy, 0 to 1."),
        Column("expected_cycle_service_rate", "DOUBLE", "Expected share of cycles without a stock-out, 0 to 1."),
        Column("expected_fill_rate", "DOUBLE", "Expected share of demand served from the shelf, 0 to 1."),
        Column("expected_ready_rate", "DOUBLE", "Expected share of time with stock on the shelf, 0 to 1."),
        Column("stocked_cost_amount", "DOUBLE", "Expected yearly cost in stock, currency; null where not known."),
        Column("unstocked_cost_amount", "DOUBLE", "Expected yearly cost without stock, currency; null if not known."),
        Column("stocking_decision_code", "VARCHAR", "stock, do_not_stock, criticality_floor or not_judged."),
        Column("annual_demand_qty", "DOUBLE", "Expected demand per day of the protection interval x 365.25, units."),
        Column("unit_cost_amount", "DOUBLE", "Cost of one unit used, currency; null where nothing tells it."),
        Column("order_cost_amount", "DOUBLE", "Cost of one order used, currency; 0 where ordering costs nothing."),
        Column("holding_cost_rate", "DOUBLE", "Yearly holding cost as a share of unit cost used; null without that."),
        Column("holding_cost_per_unit_week_amount", "DOUBLE", "Cost of holding one unit for a week used, currency."),
        Column("shortage_cost_per_unit_amount", "DOUBLE", "Cost of one unit short, currency; null if not given."),
        Column("unmet_demand_code", "VARCHAR", "lost_sale or back_order: what unmet demand becomes."),
        _GRADE,
        Column("grade_reason", "VARCHAR", "What is missing or assumed, in words; empty where the grade is full."),
        Column(
            "policy_status_code",
            "VARCHAR",
            "current; stale: the last good policy of what the cycle left out; held: the last one, for the gate holds "
            "the segment's new ones.",
        ),
        Column("policy_period_start_date", "DATE", "First day of the period whose cycle computed the policy."),
        Column("isolation_reason", "VARCHAR", "Why an earlier policy is kept, in words; empty where none is."),
    ),
)

CANDIDATE_POLICY = Table("policy.candidate_policy", STOCK_POLICY.grain, STOCK_POLICY.columns)

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
    (*_GRAIN, "cut_off_date"),
    (
        *_KEY,
        Column("cut_off_date", "DATE", "Past cut-off that was planned again."),
        _SEGMENT,
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
    _GRAIN,
    (
        *_KEY,
        _SEGMENT,
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
        _PERIOD,
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
        _PERIOD,
        _SEGMENT,
        Column("certified_count", "BIGINT", "Policies in force of the segment that the hash covers, stale ones not."),
        Column("policies_hash", "VARCHAR", "SHA-256 of these policies."),
        Column(
            "certificate_hash", "VARCHAR", "SHA-256 of these, of the figures, limits and verdict, and the parameters."
        ),
    ),
    may_be_empty=True,
)

POLICY_DETAIL = Table(
    "policy.policy_detail",
    _GRAIN,
    (
        *_KEY,
        Column("policy_family", "VARCHAR", "Family of the policy in force."),
        Column("family_source_code", "VARCHAR", "strategy of the segment, rule, or policy: told by demand and costs."),
        Column("rule_code", "VARCHAR", "Rule that chose the family; empty where none did."),
        Column("family_reason", "VARCHAR", "Why this family, in words."),
        Column("order_band_low_qty", "DOUBLE", "Least order that costs hardly more than the economic one, units."),
        Column("order_band_high_qty", "DOUBLE", "Largest order that costs hardly more than it, units."),
        Column("order_unit_price_amount", "DOUBLE", "Price of a unit in the usual order, currency; null if not known."),
        Column("order_year_cost_amount", "DOUBLE", "Buying, ordering and holding the usual order, currency a year."),
        Column("shelf_life_days", "DOUBLE", "Days from receipt to expiry, days; null where it keeps."),
        Column("card_count", "BIGINT", "kanban: cards in circulation; else 0."),
        Column("card_qty", "DOUBLE", "kanban: units in the container of a card; else null."),
        Column("red_zone_qty", "DOUBLE", "ddmrp: size of the red zone, units; else null."),
        Column("yellow_zone_qty", "DOUBLE", "ddmrp: size of the yellow zone, units; else null."),
        Column("green_zone_qty", "DOUBLE", "ddmrp: size of the green zone, units; else null."),
        Column("net_flow_qty", "DOUBLE", "ddmrp: on hand, on order and in transit less allocated, units; else null."),
        Column("net_flow_zone_code", "VARCHAR", "ddmrp: red, yellow, green or above: where the net flow stands."),
    ),
    may_be_empty=True,
)

BUFFER_PLAN = Table(
    "policy.buffer_plan",
    (*_GRAIN, "bucket_start_date"),
    (
        *_KEY,
        _SEGMENT,
        Column("bucket_start_date", "DATE", "First day of the bucket from which the levels hold."),
        Column("horizon_bucket", "BIGINT", "Buckets ahead of the cut-off, from 1."),
        Column("lead_time_demand_qty", "DOUBLE", "Expected demand over the protection interval from there on, units."),
        Column("protected_demand_qty", "DOUBLE", "Demand expected until an order arrives, units."),
        Column("safety_stock_qty", "DOUBLE", "Buffer above protected demand, before limits, units."),
        Column("reorder_point_qty", "DOUBLE", "Order when the inventory position is at or below this, units."),
        Column("order_up_to_qty", "DOUBLE", "Level that an order lifts the inventory position to, units."),
        Column("season_ratio", "DOUBLE", "Expected demand over that of the interval from the first bucket."),
        _GRADE,
    ),
    may_be_empty=True,
)

EXCHANGE_CURVE = Table(
    "policy.exchange_curve",
    ("period_start_date", "segment_code", "curve_code", "point_number"),
    (
        _PERIOD,
        Column("segment_code", "VARCHAR", "Segment, or ALL for the whole company."),
        Column("curve_code", "VARCHAR", "uniform (one fill target for all), mix (least stock value) or current."),
        Column("point_number", "BIGINT", "Point of the curve, from 1."),
        Column("fill_target_rate", "DOUBLE", "Fill rate asked for, 0 to 1; null for the current point."),
        Column("fill_rate", "DOUBLE", "Share of demand served from the shelf, 0 to 1."),
        Column("stock_value_amount", "DOUBLE", "Stock on the shelf on average (buffer and half an order), currency."),
        Column("expected_short_qty", "DOUBLE", "Units short a year."),
        Column("item_location_count", "BIGINT", "Item-locations on the curve."),
        Column("is_current", "BOOLEAN", "Whether it is where the policies in force stand."),
    ),
    may_be_empty=True,
)

MIX_TARGET = Table(
    "policy.mix_target",
    _GRAIN,
    (
        *_KEY,
        _SEGMENT,
        Column("objective_code", "VARCHAR", "fill_target or budget: what the segment is mixed for."),
        Column("is_applied", "BOOLEAN", "Whether the policies take the mix for their target."),
        Column("current_fill_rate", "DOUBLE", "Share of demand served from the shelf now, back-ordering, 0 to 1."),
        Column("current_stock_value_amount", "DOUBLE", "Stock on the shelf on average now, currency."),
        Column("mix_fill_rate", "DOUBLE", "Share of demand served from the shelf in the mix, 0 to 1."),
        Column("mix_level_qty", "DOUBLE", "Level of the mix before rounding, units."),
        Column("mix_safety_stock_qty", "DOUBLE", "Buffer of the mix before rounding, units."),
        Column("mix_stock_value_amount", "DOUBLE", "Stock on the shelf on average in the mix, currency."),
        Column("mix_short_qty", "DOUBLE", "Units short a year in the mix."),
        Column("marginal_saved_qty", "DOUBLE", "Units saved a year by the next unit of money on the item."),
        Column("shadow_price_qty", "DOUBLE", "Units saved a year by the last unit of money spent in the segment."),
        Column("is_feasible", "BOOLEAN", "Whether the segment's target or budget can be met."),
        Column("shortfall_rate", "DOUBLE", "Fill rate that the segment lacks for its target, 0 to 1."),
        Column("shortfall_amount", "DOUBLE", "Money that the segment's budget lacks, currency."),
        Column("cost_optimal_fill_rate", "DOUBLE", "Fill rate of least cost, 0 to 1; null where a cost is not known."),
        Column("cost_optimal_level_qty", "DOUBLE", "Level of least yearly cost, units; null if a cost is not known."),
        Column("low_cost_optimal_fill_rate", "DOUBLE", "The same were one short cheaper by the uncertainty, 0 to 1."),
        Column("high_cost_optimal_fill_rate", "DOUBLE", "The same were one short dearer by the uncertainty, 0 to 1."),
        Column("cost_regret_amount", "DOUBLE", "Most lost a year by the optimum if that cost is so far off, currency."),
        _GRADE,
    ),
    may_be_empty=True,
)

PURCHASE_RANKING = Table(
    "policy.purchase_ranking",
    (*_GRAIN, "lot_number"),
    (
        *_KEY,
        Column("lot_number", "BIGINT", "Lot of the proposed order, from 1."),
        _SEGMENT,
        Column("supplier_id", "VARCHAR", "Supplier to order from; null where none is known."),
        Column("rank_number", "BIGINT", "Place in the list of all lots, the best return first."),
        Column("lot_qty", "DOUBLE", "Quantity of the lot, units."),
        Column("lot_value_amount", "DOUBLE", "Quantity times unit cost, currency; null where no cost is known."),
        Column("saved_qty", "DOUBLE", "Units saved from falling short over the protection interval."),
        Column("marginal_value_amount", "DOUBLE", "Margin saved less holding of the rest, currency; null if unknown."),
        Column("return_rate", "DOUBLE", "Marginal value as a share of the lot's value; null where not known."),
        Column("cumulative_amount", "DOUBLE", "Value of this and all better lots, currency."),
        Column("is_within_budget", "BOOLEAN", "Whether the purchase budget carries it; true where there is none."),
        _GRADE,
    ),
    may_be_empty=True,
)

ORDER_PROPOSAL = Table(
    "policy.order_proposal",
    _GRAIN,
    (
        *_KEY,
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
        _GRADE,
    ),
    may_be_empty=True,
)

ORDER_EXCEPTION = Table(
    "policy.order_exception",
    ("period_start_date", "judged_code", "order_id", "line", "item_id", "location_id"),
    (
        _PERIOD,
        Column(
            "judged_code",
            "VARCHAR",
            "placed: an order of the period; open: one still to come at the cut-off; proposed: not placed.",
        ),
        Column("order_id", "VARCHAR", "Order number; empty for a proposal."),
        Column("line", "VARCHAR", "Line of the order; empty for a proposal."),
        _ITEM,
        _LOCATION,
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
        Column("seed", "BIGINT", "Seed of every random draw that the cycle may make."),
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
        DEMAND_ADJUSTMENT,
        PROMOTION_EFFECT,
        DEMAND_SIGNAL,
        DEMAND_SIGNAL_CHOICE,
        SEGMENT_ASSIGNMENT,
        LEAD_TIME,
        LEAD_TIME_CHANGE,
        SUPPLY_RISK,
        MODEL_SCORE,
        CHAMPION,
        CHAMPION_REGISTER,
        CHAMPION_BACKTEST,
        CHAMPION_BACKTEST_LAG,
        DEMAND_FORECAST,
        DAILY_FORECAST,
        LEAD_TIME_DEMAND,
        INTERVAL_METHOD,
        FORECAST_ACCURACY,
        NEW_PRODUCT_FORECAST,
        NEW_PRODUCT_ANALOG,
        FINAL_FORECAST,
        OVERRIDE_EFFECT,
        FORECAST_STREAM,
        STREAM_WEIGHT,
        JUDGED_FORECAST,
        FORECAST_TRACKING,
        FORECAST_EXCEPTION,
        HIERARCHY_FORECAST,
        HIERARCHY_CHOICE,
        SENSING_CHOICE,
        SHORT_TERM_FORECAST,
        CANDIDATE_POLICY,
        REPLAYED_POLICY,
        REPLAY_ITEM_LOCATION,
        REPLAY_SEGMENT,
        CERTIFICATE,
        STOCK_POLICY,
        POLICY_DETAIL,
        BUFFER_PLAN,
        EXCHANGE_CURVE,
        MIX_TARGET,
        ORDER_PROPOSAL,
        PURCHASE_RANKING,
        ORDER_EXCEPTION,
        CYCLE_MANIFEST,
        CYCLE_OBJECT,
        CYCLE_MART,
        CYCLE_REPLAY,
    )
}
