"""Tables of models, champions, forecasts and lead-time demand, in the schema `forecast`."""

from stockstrata.tables.common import GRADE, GRAIN, KEY, MODEL, PERIOD, POOL, SEGMENT, Column, Table, quantiles

MODEL_SCORE = Table(
    "forecast.model_score",
    (*GRAIN, "model_code"),
    (
        *KEY,
        POOL,
        MODEL,
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
    GRAIN,
    (
        *KEY,
        SEGMENT,
        POOL,
        MODEL,
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
        GRADE,
    ),
)

CHAMPION_REGISTER = Table(
    "forecast.champion_register",
    GRAIN,
    (
        *KEY,
        SEGMENT,
        POOL,
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
    GRAIN,
    (
        *KEY,
        MODEL,
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
    (*GRAIN, "horizon_bucket"),
    (
        *KEY,
        Column("horizon_bucket", "BIGINT", "Buckets ahead of the origin, from 1."),
        Column("mean_qty", "DOUBLE", "Forecast of that bucket at the tournament, units."),
        Column("rmse_qty", "DOUBLE", "RMSE of one bucket at this lag, units; null where none was judged."),
        Column("error_count", "BIGINT", "Errors behind it."),
    ),
    may_be_empty=True,
)

DEMAND_FORECAST = Table(
    "forecast.demand_forecast",
    (*GRAIN, "bucket_start_date"),
    (
        *KEY,
        Column("bucket_start_date", "DATE", "First day of the forecast bucket."),
        Column("horizon_bucket", "BIGINT", "Buckets ahead of the cut-off, from 1."),
        MODEL,
        Column("mean_qty", "DOUBLE", "Expected demand of the bucket, units."),
        Column("baseline_qty", "DOUBLE", "Expected demand without promotions, units."),
        Column("uplift_qty", "DOUBLE", "What promotions known at the cut-off add; below zero in the dip after, units."),
        Column("sd_qty", "DOUBLE", "Standard deviation of the bucket's demand, units."),
        *quantiles("the bucket's demand", ("10", "50", "80", "90", "95", "98")),
    ),
)

LEAD_TIME_DEMAND = Table(
    "forecast.lead_time_demand",
    GRAIN,
    (
        *KEY,
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
        *quantiles("demand over the protection interval", ("50", "80", "90", "95", "98", "99")),
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
        GRADE,
    ),
)

INTERVAL_METHOD = Table(
    "forecast.interval_method",
    ("period_start_date", "segment_code", "interval_method_code"),
    (
        PERIOD,
        Column("segment_code", "VARCHAR", "Segment in this cycle."),
        Column(
            "interval_method_code",
            "VARCHAR",
            "Way to the distribution of lead-time demand: error_moments, window_moments, conformal, empirical, learned "
            "or learned_half.",
        ),
        POOL,
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
        PERIOD,
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
    GRAIN,
    (
        *KEY,
        SEGMENT,
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
    (*GRAIN, "analog_item_id", "analog_location_id"),
    (
        *KEY,
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
    (*GRAIN, "day_date"),
    (
        *KEY,
        Column("day_date", "DATE", "Day that the forecast is of."),
        Column("bucket_start_date", "DATE", "First day of the forecast bucket that the day lies in."),
        Column("mean_qty", "DOUBLE", "Expected demand of the day; those of a bucket add up to its forecast, units."),
        Column("final_qty", "DOUBLE", "Demand of the day that the cycle plans with, after people and streams, units."),
    ),
    may_be_empty=True,
)
