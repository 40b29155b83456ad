"""Tables of what becomes of forecasts: streams, overrides, levels, sensing, tracking; in the schema `forecast`."""

from stockstrata.tables.common import GRAIN, ITEM, KEY, LOCATION, PERIOD, SEGMENT, Column, Table

FINAL_FORECAST = Table(
    "forecast.final_forecast",
    (*GRAIN, "bucket_start_date"),
    (
        *KEY,
        Column("bucket_start_date", "DATE", "First day of the forecast bucket."),
        Column("horizon_bucket", "BIGINT", "Buckets ahead of the cut-off, from 1."),
        SEGMENT,
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
        PERIOD,
        Column("override_id", "VARCHAR", "Override."),
        ITEM,
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
    (*GRAIN, "bucket_start_date", "stream_code"),
    (
        *KEY,
        Column("bucket_start_date", "DATE", "First day of the forecast bucket."),
        Column("stream_code", "VARCHAR", "Who forecasts; statistical for the forecast of the models."),
        SEGMENT,
        Column("stream_qty", "DOUBLE", "Demand that the stream expects in the bucket, units."),
        Column("weight_rate", "DOUBLE", "Weight of the stream in the blend of the bucket, share of 0 to 1."),
    ),
    may_be_empty=True,
)

STREAM_WEIGHT = Table(
    "forecast.stream_weight",
    ("period_start_date", "segment_code", "stream_code"),
    (
        PERIOD,
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
        PERIOD,
        Column("made_period_start_date", "DATE", "Period of the cycle that made the forecast."),
        ITEM,
        LOCATION,
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
    GRAIN,
    (
        *KEY,
        SEGMENT,
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
    (*GRAIN, "rule_code"),
    (
        *KEY,
        Column(
            "rule_code",
            "VARCHAR",
            "biased, demand_deviation, plan_change, fallback_model, worse_than_naive, override_awaiting_approval or "
            "stream_disagreement.",
        ),
        SEGMENT,
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
        PERIOD,
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
        PERIOD,
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
        PERIOD,
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
    (*GRAIN, "bucket_start_date"),
    (
        *KEY,
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
