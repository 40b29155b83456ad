"""New item-locations of a planning cycle: which they are, who forecasts them, and the tables that say so."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from stockstrata.columns import aligned, texts
from stockstrata.forecasting.metrics import masked_mean, ordered_sum
from stockstrata.forecasting.new_products import model
from stockstrata.forecasting.new_products.analog_reasons import analog_reasons
from stockstrata.forecasting.new_products.launches import Launches, launches
from stockstrata.forecasting.new_products.posterior import LevelPosterior, interval_moments
from stockstrata.forecasting.new_products.similarity import Attributes, comparable_attributes
from stockstrata.forecasting.origins import validation_plan
from stockstrata.forecasting.outcome import SeriesOutcome, whole_buckets
from stockstrata.forecasting.report import CycleFacts, CycleUncertainty, OwnVariance
from stockstrata.panel import KEY
from stockstrata.parameters import NewProductSettings, PlanningParameters
from stockstrata.tables import NEW_PRODUCT_ANALOG, NEW_PRODUCT_FORECAST, Table

MODEL = "analog_launch"
_SETTLED = ("eol", "dormant")


@dataclass(frozen=True)
class LaunchCycle:
    """New item-locations with what the cycle makes of them.

    Attributes:
        series: the outcomes, those of new item-locations that the launch model forecasts replaced.
        uncertainty: the variances, likewise.
        forecasts: NEW_PRODUCT_FORECAST, one row a new item-location.
        analogs: NEW_PRODUCT_ANALOG.
    """

    series: SeriesOutcome
    uncertainty: CycleUncertainty
    forecasts: pd.DataFrame
    analogs: pd.DataFrame


@dataclass(frozen=True)
class _Judged:
    """Errors at the newest origins of m item-locations, of cumulative demand.

    Attributes:
        origin_count: origins at which both were judged, (m,).
        launch_rmse_qty: of the launch model, (m,).
        pool_rmse_qty: of the pool's champion, (m,).
    """

    origin_count: np.ndarray
    launch_rmse_qty: np.ndarray
    pool_rmse_qty: np.ndarray


def with_launches(
    facts: CycleFacts,
    series: SeriesOutcome,
    uncertainty: CycleUncertainty,
    attributes: pd.DataFrame | None,
    *,
    parameters: PlanningParameters,
    lifecycle_code: np.ndarray,
    earlier: pd.DataFrame | None = None,
) -> LaunchCycle:
    """Forecast new item-locations by their analogs until their own history serves better.

    New is what was launched less than `hand_over_days` ago, or will be before the forecast ends, unless it is
    ending. The pool takes over early where its back-test error at `least_judged_origins` or more is lower by
    `hand_over_margin_rate`, and keeps what it has taken over. Without an analog the pool keeps the item-location,
    reason `no_analog` where the pool itself had nothing to go by.

    Args:
        facts: of all item-locations.
        series: outcomes of the pools.
        uncertainty: variances of the pools.
        attributes: frame of `int_item_locations__planned`, a row for each; None takes none for new.
        parameters: settings of new products and of the pools.
        lifecycle_code: stage of each, empty where unknown, (n,).
        earlier: NEW_PRODUCT_FORECAST of the cycles before, the newest row of each item-location; None where there is
            none.
    """
    settings = parameters.new_products
    if attributes is None:
        return LaunchCycle(series, uncertainty, _empty(NEW_PRODUCT_FORECAST), _empty(NEW_PRODUCT_ANALOG))
    known = aligned(attributes, facts.panel.keys, table="intermediate.int_item_locations__planned")
    begun = launches(facts.panel, known, settings)
    age, ahead = len(facts.panel.bucket_start_dates) - begun.start, series.forecast_qty.shape[1]
    hand_over = settings.hand_over_buckets(facts.panel.mean_bucket_days)
    is_new = begun.is_seen & (age < hand_over) & ~np.isin(lifecycle_code, _SETTLED)
    # What is to be launched beyond the forecast, or on a day such as 9999-12-31, has nothing to forecast yet.
    is_new &= age > -ahead
    rows = np.flatnonzero(is_new)
    if not len(rows):
        return LaunchCycle(series, uncertainty, _empty(NEW_PRODUCT_FORECAST), _empty(NEW_PRODUCT_ANALOG))
    compared = comparable_attributes(known)
    depth = hand_over + ahead
    priors = model.launch_priors(facts.panel, compared, begun, rows, depth=depth, settings=settings)
    sold = _sold(facts, begun, rows, hand_over)
    level = model.update(priors, sold, settings)
    judged = _judged(facts, series, priors, sold, age[rows], parameters)
    status = _status(priors, judged, age[rows], settings)
    # Between tournaments the pool's champions are not judged: what was handed over stays so.
    status[_handed_over(facts, rows, earlier) & (status == "analog_posterior")] = "handed_over"
    kept = np.flatnonzero(np.isin(status, ("analog_prior", "analog_posterior")))
    if len(kept):
        chosen = priors.select(kept)
        series, uncertainty = _replaced(
            facts, series, uncertainty, chosen, level.select(kept), age[rows[kept]], status[kept]
        )
    lost = rows[(status == "no_analog") & ~np.isfinite(series.rmse_qty[rows])]
    reason = series.reason_code.copy()
    reason[lost] = "no_analog"
    return LaunchCycle(
        replace(series, reason_code=reason),
        uncertainty,
        _forecast_rows(facts, begun, priors, sold, level, judged, status, age[rows]),
        _analog_rows(facts, compared, priors),
    )


def _handed_over(facts: CycleFacts, rows: np.ndarray, earlier: pd.DataFrame | None) -> np.ndarray:
    if earlier is None or earlier.empty:
        return np.zeros(len(rows), dtype=bool)
    taken = earlier.loc[earlier["status_code"] == "handed_over", KEY]
    return pd.MultiIndex.from_frame(facts.panel.keys[KEY].iloc[rows]).isin(pd.MultiIndex.from_frame(taken))


def _sold(facts: CycleFacts, begun: Launches, rows: np.ndarray, depth: int) -> np.ndarray:
    """Demand by bucket of age, NaN where not known yet, (m, depth)."""
    total = len(facts.panel.bucket_start_dates)
    place = begun.start[rows][:, None] + np.arange(depth)[None, :]
    held = facts.panel.demand_qty[rows[:, None], np.minimum(place, total - 1)]
    return np.where(place < total, held, np.nan)


def _judged(
    facts: CycleFacts,
    series: SeriesOutcome,
    priors: model.LaunchPriors,
    sold: np.ndarray,
    age: np.ndarray,
    parameters: PlanningParameters,
) -> _Judged:
    """Both ways at the origins that the pools judged their champions at; each launch forecast sees sales before it."""
    rows = priors.rows
    count = series.predicted_qty.shape[1]
    ends = np.full((len(rows), count), -1, dtype=np.int64)
    for pool in parameters.forecast_settings:
        held = np.flatnonzero((facts.pool_code[rows] == pool.pool_code) & (age > 0))
        plan = validation_plan(
            age[held], whole_buckets(facts.buckets[rows[held]]), settings=pool, season_length=facts.panel.season_length
        )
        found = plan.train_ends[:, :count]
        ends[held, : found.shape[1]] = found
    horizon = series.horizon[rows]
    inside = np.arange(series.actual_qty.shape[2])[None, None, :] < horizon[:, None, None]
    actual = ordered_sum(np.where(inside, series.actual_qty[rows], 0.0))
    pool_error = ordered_sum(np.where(inside, series.predicted_qty[rows], 0.0)) - actual
    launch_error = np.full(actual.shape, np.nan)
    for slot in range(count):
        seen = np.where(np.arange(sold.shape[1])[None, :] < ends[:, slot, None], sold, np.nan)
        level = model.update(priors, seen, parameters.new_products)
        told = model.spans(priors, ends[:, slot], horizon.astype(float))
        launch_error[:, slot] = np.where(ends[:, slot] > 0, level.mean_qty * told - actual[:, slot], np.nan)
    both = np.isfinite(pool_error) & np.isfinite(launch_error)
    squares = [np.where(both, error**2, np.nan) for error in (launch_error, pool_error)]
    launch_rmse, pool_rmse = (np.sqrt(masked_mean(square)) for square in squares)
    return _Judged(both.sum(axis=1), launch_rmse, pool_rmse)


def _status(priors: model.LaunchPriors, judged: _Judged, age: np.ndarray, settings: NewProductSettings) -> np.ndarray:
    lower = judged.pool_rmse_qty < judged.launch_rmse_qty * (1.0 - settings.hand_over_margin_rate)
    is_beaten = lower & (judged.origin_count >= settings.least_judged_origins)
    return np.select(
        [~priors.has_analog, age <= 0, is_beaten],
        ["no_analog", "analog_prior", "handed_over"],
        "analog_posterior",
    ).astype(object)


def _replaced(
    facts: CycleFacts,
    series: SeriesOutcome,
    uncertainty: CycleUncertainty,
    priors: model.LaunchPriors,
    level: LevelPosterior,
    age: np.ndarray,
    status: np.ndarray,
) -> tuple[SeriesOutcome, CycleUncertainty]:
    rows, depth = priors.rows, series.forecast_qty.shape[1]
    mean, variance = interval_moments(level, model.by_bucket(priors, age, depth))
    wanted = np.isfinite(series.forecast_qty[rows])
    _, whole = interval_moments(level, model.spans(priors, age, facts.buckets[rows]))
    changed = {name: getattr(series, name).copy() for name in (
        "forecast_qty", "champion_code", "reason_code", "rmse_qty", "naive_rmse_qty", "is_whole",
    )}  # fmt: skip
    changed["forecast_qty"][rows] = np.where(wanted, mean, np.nan)
    changed["champion_code"][rows] = MODEL
    changed["reason_code"][rows] = status
    # The pool's error is not that of the launch model; both stand in NEW_PRODUCT_FORECAST.
    changed["rmse_qty"][rows] = np.nan
    changed["naive_rmse_qty"][rows] = np.nan
    # What has not sold yet is counted as its analogs are.
    silent = np.nan_to_num(facts.panel.demand_qty[rows]).sum(axis=1) <= 0
    analogs_whole = (priors.analogs.weight_rate * series.is_whole[priors.analogs.place]).sum(axis=1) > 0.5
    changed["is_whole"][rows] = np.where(silent, analogs_whole, series.is_whole[rows])
    interval = uncertainty.interval.variance.copy()
    interval[rows] = whole
    place = np.full(series.series_count, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    own = OwnVariance(place, variance)
    return replace(series, **changed), replace(
        uncertainty, interval=replace(uncertainty.interval, variance=interval), own=own
    )


def _forecast_rows(
    facts: CycleFacts,
    begun: Launches,
    priors: model.LaunchPriors,
    sold: np.ndarray,
    level: LevelPosterior,
    judged: _Judged,
    status: np.ndarray,
    age: np.ndarray,
) -> pd.DataFrame:
    rows = priors.rows
    known = np.isfinite(sold)
    # A frequency counts on beyond the panel, where planned launches lie.
    calendar = pd.date_range(
        facts.panel.bucket_start_dates[0], periods=int(begun.start[rows].max()) + 1, freq=facts.panel.bucket_days
    )
    expected = priors.level.mean_qty * np.where(known, priors.curve[:, : sold.shape[1]], 0.0).sum(axis=1)
    table = pd.DataFrame(
        {
            "segment_code": facts.segment_code[rows],
            "launch_bucket_date": calendar.to_numpy()[begun.start[rows]],
            "age_buckets": np.maximum(age, 0),
            "status_code": status,
            "status_reason": _status_reason(status, judged, age),
            "analog_count": (priors.analogs.place >= 0).sum(axis=1),
            "launch_analog_count": priors.is_launch.sum(axis=1),
            "prior_level_qty": priors.level.mean_qty,
            "prior_level_sd_qty": np.sqrt(priors.level.variance),
            "expected_sales_qty": expected,
            "actual_sales_qty": np.where(known, sold, 0.0).sum(axis=1),
            "credibility_rate": np.where(priors.has_analog, level.credibility_rate, np.nan),
            "posterior_level_qty": level.mean_qty,
            "posterior_level_sd_qty": np.sqrt(level.variance),
            "judged_origin_count": judged.origin_count,
            "launch_rmse_qty": judged.launch_rmse_qty,
            "pool_rmse_qty": judged.pool_rmse_qty,
        }
    )
    return _keyed(facts, table, rows, NEW_PRODUCT_FORECAST)


def _status_reason(status: np.ndarray, judged: _Judged, age: np.ndarray) -> np.ndarray:
    told = {
        "no_analog": "no item-location with enough history is similar enough: the pool of the segment forecasts",
        "analog_prior": "nothing sold yet: level and curve of the analogs",
        "handed_over": "own history forecasts with less error than the analogs: the pool of the segment forecasts",
    }
    words = pd.Series(status).map(told).to_numpy(dtype=object)
    learning = np.array([f"analogs corrected by {buckets} buckets of own sales" for buckets in age], dtype=object)
    return np.where(status == "analog_posterior", learning, words)


def _analog_rows(facts: CycleFacts, compared: Attributes, priors: model.LaunchPriors) -> pd.DataFrame:
    held, spot = np.nonzero(priors.analogs.place >= 0)
    row, place = priors.rows[held], priors.analogs.place[held, spot]
    theirs = facts.panel.keys[KEY].iloc[place].reset_index(drop=True)
    table = pd.DataFrame(
        {
            "analog_item_id": texts(theirs, "item_id"),
            "analog_location_id": texts(theirs, "location_id"),
            "similarity_rate": priors.analogs.similarity_rate[held, spot],
            "weight_rate": priors.analogs.weight_rate[held, spot],
            "is_launch": priors.is_launch[held, spot],
            "analog_level_qty": priors.analog_level_qty[held, spot],
            "similarity_reason": analog_reasons(compared, row, place, priors.is_launch[held, spot]),
        }
    )
    return _keyed(facts, table, row, NEW_PRODUCT_ANALOG)


def _keyed(facts: CycleFacts, table: pd.DataFrame, row: np.ndarray, contract: Table) -> pd.DataFrame:
    keyed = facts.panel.keys[KEY].iloc[row].reset_index(drop=True)
    return pd.concat([keyed, table], axis=1).loc[:, _names(contract)]


def _empty(contract: Table) -> pd.DataFrame:
    return pd.DataFrame({name: [] for name in _names(contract)})


def _names(contract: Table) -> list[str]:
    return [column.name for column in contract.columns if column.name != "period_start_date"]
