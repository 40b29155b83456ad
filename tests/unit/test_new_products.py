"""New products: analogs with weights, launch curves, a level that learns, and honest fallbacks."""

import dataclasses
import functools

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from stockstrata.forecasting.earlier import EarlierChampions
from stockstrata.forecasting.new_products import similarity
from stockstrata.forecasting.new_products.curve import age_bands, common_curve, completed_profiles
from stockstrata.forecasting.new_products.launches import KnownDemand, launches
from stockstrata.forecasting.new_products.model import LaunchPriors, launch_priors, spans, update
from stockstrata.forecasting.new_products.posterior import (
    LevelPrior,
    interval_moments,
    level_posterior,
    level_prior,
    taylor_exponent,
)
from stockstrata.forecasting.new_products.similarity import comparable_attributes
from stockstrata.forecasting.predictive import INTERVAL_LEVELS, demand_method, quantiles
from stockstrata.forecasting.run import ForecastResult, forecast_segments
from stockstrata.panel import DemandPanel, demand_panel
from stockstrata.sample.company import generate_company
from stockstrata.tables import NEW_PRODUCT_ANALOG, NEW_PRODUCT_FORECAST

KEY = ["item_id", "location_id"]
RAMP = np.minimum(0.3 + 0.7 * np.arange(26) / 8, 1.0)
FAMILIES = 12


def gamma_prior(mean=10.0, variance=50.0, dispersion=1.0, taylor=0.0):
    return LevelPrior(*(np.array([value]) for value in (mean, variance, dispersion, taylor)))


def learnt(prior, sales, curve=None, *, discount_rate=1.0, dispersion_buckets=1e12):
    sales = np.array([sales], dtype=float)
    shares = np.ones(sales.shape) if curve is None else np.array([curve])
    return level_posterior(prior, sales, shares, discount_rate=discount_rate, dispersion_buckets=dispersion_buckets)


def test_prior_and_sales_are_weighed_as_gamma_and_poisson():
    found = learnt(gamma_prior(), [30, 10, 25, 15])
    assert found.mean_qty[0] == pytest.approx((2 + 80) / (0.2 + 4))
    assert found.variance[0] == pytest.approx((2 + 80) / (0.2 + 4) ** 2)
    assert found.credibility_rate[0] == pytest.approx(4 / 4.2)


def test_the_posterior_is_that_of_bayes_on_a_grid():
    curve, sales = np.array([0.3, 0.6, 1.0]), np.array([2, 3, 9])
    levels = np.linspace(1e-3, 80, 200_001)
    density = scipy.stats.gamma.pdf(levels, 2.0, scale=5.0)
    for share, sold in zip(curve, sales, strict=True):
        density = density * scipy.stats.poisson.pmf(sold, levels * share)
    mean = (density * levels).sum() / density.sum()
    variance = (density * (levels - mean) ** 2).sum() / density.sum()
    found = learnt(gamma_prior(), sales, curve)
    assert found.mean_qty[0] == pytest.approx(mean, rel=1e-4)
    assert found.variance[0] == pytest.approx(variance, rel=1e-4)


def test_without_sales_the_variance_is_that_of_the_prior_predictive_distribution():
    rng = np.random.default_rng(1)
    found = learnt(gamma_prior(dispersion=1.0), [np.nan] * 3, dispersion_buckets=1e12)
    assert (found.mean_qty[0], found.credibility_rate[0]) == (10.0, 0.0)
    exposure = 0.5 + 1.0 + 1.0
    mean, variance = interval_moments(found, np.array([exposure]))
    drawn = rng.poisson(rng.gamma(2.0, 5.0, 400_000) * exposure)
    assert mean[0] == pytest.approx(drawn.mean(), rel=0.01)
    assert variance[0] == pytest.approx(drawn.var(), rel=0.02)
    assert variance[0] == pytest.approx(10 * exposure + 50 * exposure**2)


def test_few_buckets_widen_demand_as_student_does():
    wide = learnt(gamma_prior(), [10.0, 10.0], dispersion_buckets=8.0)
    assert wide.widening_ratio[0] == pytest.approx(10 / 8)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=12),
    st.floats(0.01, 1e5),
    st.floats(0.1, 4.0),
    st.floats(0.0, 1e4),
    st.floats(0.5, 1.0),
)
def test_whatever_is_sold_level_and_variance_are_finite_and_not_negative(sales, mean, cv, dispersion, discount):
    prior = gamma_prior(mean, (cv * mean) ** 2, dispersion, 0.7)
    found = learnt(prior, sales, discount_rate=discount, dispersion_buckets=8.0)
    for values in (found.mean_qty, found.variance, found.dispersion_qty, found.credibility_rate):
        assert np.isfinite(values).all()
        assert (values >= 0).all()
    assert found.credibility_rate[0] <= 1
    # The level lies between what was expected and what was sold.
    own = sum(s * discount**k for k, s in enumerate(reversed(sales))) / sum(discount**k for k in range(len(sales)))
    assert min(mean, own) * (1 - 1e-9) <= found.mean_qty[0] <= max(mean, own) * (1 + 1e-9)


def test_settings_are_days_whatever_the_bucket(launch, make_panel, module_parameters):
    """Four weeks of a weekly and one month of a monthly company fade alike, and both hand over at the same age."""
    day = 365.25 / 12
    assert launch.level_discount_rate(7.0) ** (day / 7) == pytest.approx(launch.level_discount_rate(day))
    assert launch.dispersion_prior_buckets(7.0) * 7 == pytest.approx(launch.dispersion_prior_buckets(day) * day)
    told = launch.model_copy(update={"hand_over_days": 84.0, "level_half_life_days": 14.0})
    assert (told.hand_over_buckets(7.0), told.hand_over_buckets(day)) == (12, 3)
    assert told.level_discount_rate(7.0) == pytest.approx(0.5**0.5)
    for freq, first, ages in (("W-MON", "2023-01-02", (11, 12)), ("MS", "2023-01-01", (2, 3))):
        panel = make_panel(np.full((8, 40), 5.0), freq=freq, first=first)
        demand, start = panel.demand_qty.copy(), [0] * 6 + [40 - age for age in ages]
        for row, begun in enumerate(start):
            demand[row, :begun] = np.nan
        panel = dataclasses.replace(panel, demand_qty=demand)
        dates = panel.bucket_start_dates.to_numpy()[start]
        known = panel.keys.assign(
            category="C", family="F", uom="EA", unit_price_amount=2.0, unit_cost_amount=1.0, successor_item_id=None,
            start_date=dates, launch_date=dates,
        )  # fmt: skip
        found = forecast_segments(
            panel, panel.keys.assign(segment_code="NEW", lifecycle_code="npi"),
            panel.keys.assign(lead_time_days=20.0, lead_time_sd_days=0.0, evidence_grade="full"),
            parameters=module_parameters.model_copy(update={"new_products": told}), workers=1, item_locations=known,
        )  # fmt: skip
        assert found.new_products["age_buckets"].tolist() == [ages[0]], freq


def test_more_sales_weigh_more_and_old_ones_fade():
    few, many = learnt(gamma_prior(), [20.0] * 2), learnt(gamma_prior(), [20.0] * 10)
    assert few.credibility_rate[0] < many.credibility_rate[0]
    assert few.variance[0] > many.variance[0]
    rising = [1.0] * 6 + [50.0] * 2
    assert (
        learnt(gamma_prior(), rising, discount_rate=0.7).mean_qty[0] > 1.5 * learnt(gamma_prior(), rising).mean_qty[0]
    )


def test_a_small_item_among_giants_is_believed(launch):
    # 30 units and then nothing, where the analogs sold 500 a week after a first order of twenty times that.
    prior = gamma_prior(mean=500.0, variance=(0.6 * 500.0) ** 2, dispersion=5000.0, taylor=0.8)
    found = learnt(
        prior, [30.0, 0, 0, 0, 0, 0, 0], [20.0, *[1.0] * 6], discount_rate=launch.level_discount_rate(7.0),
        dispersion_buckets=launch.dispersion_prior_buckets(7.0),
    )  # fmt: skip
    assert found.mean_qty[0] < 25
    assert found.credibility_rate[0] > 0.9


def test_the_prior_is_the_weighted_mean_and_the_variance_between_launches():
    def told(level, dispersion, count, weight, least=1e-6):
        arrays = (np.array([values], dtype=float) for values in (level, dispersion, count, weight))
        return level_prior(*arrays, taylor_exponent=0.5, least_cv=least, most_cv=2.0)

    plain = told([8, 12], [0, 0], [10, 10], [0.5, 0.5])
    assert (plain.mean_qty[0], plain.variance[0]) == (10.0, pytest.approx(8.0))
    # 10 buckets with a variance of 2 a unit: 2 x 8 / 10 and 2 x 12 / 10 of the 8 are chance.
    assert told([8, 12], [2, 2], [10, 10], [0.5, 0.5]).variance[0] == pytest.approx(6.0)
    assert told([10, 10], [0, 0], [10, 10], [0.5, 0.5], least=0.3).variance[0] == pytest.approx(9.0)
    assert told([10, np.nan], [0, 0], [10, 0], [1.0, 0.0]).variance[0] == pytest.approx(400.0)


def test_taylors_law_is_read_off_and_bounded():
    level = np.geomspace(1, 1000, 50)
    assert taylor_exponent(level, 3 * level**0.6) == pytest.approx(0.6)
    assert taylor_exponent(level, level**2) == 1.0
    assert taylor_exponent(level, 1 / level) == 0.0
    assert taylor_exponent(level[:5], level[:5]) == 0.5
    assert taylor_exponent(np.full(50, 3.0), np.full(50, 2.0)) == 0.5


def test_a_launch_lies_where_its_date_says_and_an_undated_one_only_where_the_history_was_silent(make_panel, launch):
    panel = make_panel(np.ones((6, 40)), first="2024-01-01")
    dates = pd.to_datetime(["2024-01-17", "2023-05-01", "2024-01-17", "2024-06-05", None, "2025-01-01"])
    attributes = pd.DataFrame({"start_date": dates, "launch_date": [dates[0], dates[1], None, None, None, dates[5]]})
    found = launches(panel, attributes, launch)
    assert found.start.tolist() == [2, 0, 2, 22, -1, 52]
    assert found.is_seen.tolist() == [True, False, False, True, False, True]
    months = make_panel(np.ones((1, 40)), freq="MS", first="2024-01-01")
    assert launches(months, attributes.iloc[[3]], launch).start.tolist() == [5]


def test_bands_double():
    assert age_bands(26).tolist() == [0, 1, 2, 4, 8, 16, 26]
    assert age_bands(6).tolist() == [0, 1, 2, 4, 6]
    assert age_bands(1).tolist() == [0, 1]


@dataclasses.dataclass(frozen=True)
class Market:
    """Launches drawn from a known process: level by family, one ramp, negative binomial demand."""

    panel: DemandPanel
    item_locations: pd.DataFrame
    level: np.ndarray
    start: np.ndarray


@functools.cache
def market(seed: int = 3, count: int = 600, buckets: int = 170) -> Market:
    rng = np.random.default_rng(seed)
    family = np.arange(count) % FAMILIES
    family_level = np.geomspace(2.0, 120.0, FAMILIES)
    level = family_level[family] * rng.lognormal(0, 0.4, count)
    start = np.where(rng.random(count) < 0.35, 0, rng.integers(14, buckets, count))
    age = np.arange(buckets)[None, :] - start[:, None]
    share = np.where(start[:, None] == 0, 1.0, np.where(age < 26, RAMP[np.clip(age, 0, 25)], 1.0))
    mean = level[:, None] * share
    demand = rng.negative_binomial(4.0, 4.0 / (4.0 + mean)).astype(float)
    demand[age < 0] = np.nan
    keys = pd.DataFrame({"item_id": [f"N{i:04d}" for i in range(count)], "location_id": "ALL"})
    dates = pd.date_range("2022-01-03", periods=buckets, freq="W-MON")
    begun = np.where(start > 0, dates.to_numpy()[start], np.datetime64("2019-01-07"))
    item_locations = keys.assign(
        category=[f"C{k // 3}" for k in family], family=[f"F{k}" for k in family], uom="EA",
        unit_price_amount=np.round(rng.lognormal(2, 0.5, count), 2), unit_cost_amount=np.nan,
        start_date=begun, launch_date=begun, successor_item_id=None,
    )  # fmt: skip
    return Market(DemandPanel(keys, dates, demand, "W-MON"), item_locations, level, start)


@pytest.fixture
def launch(module_parameters):
    return module_parameters.new_products


def cut(panel: DemandPanel, end: int) -> DemandPanel:
    return DemandPanel(panel.keys, panel.bucket_start_dates[:end], panel.demand_qty[:, :end], panel.bucket_days)


def priors_of(found: Market, rows: np.ndarray, launch, panel: DemandPanel | None = None) -> LaunchPriors:
    known = found.panel if panel is None else panel
    begun = launches(known, found.item_locations, launch)
    compared = comparable_attributes(found.item_locations)
    return launch_priors(known, compared, begun, rows, depth=40, settings=launch)


def sales(found: Market, rows: np.ndarray, age: int) -> np.ndarray:
    return found.panel.demand_qty[rows[:, None], found.start[rows][:, None] + np.arange(age)[None, :]]


def test_the_planted_ramp_is_found(launch):
    found = market()
    known = KnownDemand(found.panel, launches(found.panel, found.item_locations, launch))
    profiles = completed_profiles(known, 170, 26)
    bands = profiles.bands
    curve = common_curve(profiles, 5.0)
    planted = np.add.reduceat(RAMP, bands[:-1]) / np.diff(bands)
    np.testing.assert_allclose(curve[bands[:-1]], planted, atol=0.05)


def test_weights_sum_to_one_and_the_nearest_share_family_and_price(launch):
    found = market()
    rows = np.flatnonzero(found.start > 120)
    analogs = priors_of(found, rows, launch).analogs
    np.testing.assert_allclose(analogs.weight_rate.sum(axis=1), 1.0, atol=1e-12)
    assert (analogs.weight_rate >= 0).all()
    assert (np.diff(analogs.similarity_rate, axis=1) <= 1e-12).all()
    assert (analogs.place != rows[:, None]).all()
    family = found.item_locations["family"].to_numpy()
    assert (family[analogs.place[:, 0]] == family[rows]).mean() > 0.95
    filled = np.where(analogs.place >= 0, analogs.place, -1 - np.arange(analogs.place.shape[1])[None, :])
    assert all(len(set(row)) == len(row) for row in filled)


def test_who_is_near_does_not_depend_on_who_else_is_asked_or_in_which_chunk(launch, monkeypatch):
    found = market()
    rows = np.flatnonzero(found.start > 120)
    whole = priors_of(found, rows, launch)
    part = priors_of(found, rows[::3], launch)
    np.testing.assert_array_equal(whole.analogs.place[::3], part.analogs.place)
    np.testing.assert_array_equal(whole.level.mean_qty[::3], part.level.mean_qty)
    monkeypatch.setattr(similarity, "_CHUNK_ROWS", 1)
    np.testing.assert_array_equal(priors_of(found, rows, launch).analogs.weight_rate, whole.analogs.weight_rate)


def test_a_predecessor_is_the_nearest_of_all(launch):
    found = market()
    new = int(np.flatnonzero(found.start > 120)[0])
    old = int(np.flatnonzero((found.start == 0) & (np.arange(600) % FAMILIES != new % FAMILIES))[0])
    names = found.item_locations["item_id"]
    told = found.item_locations.assign(successor_item_id=np.where(names == names[old], names[new], None))
    analogs = priors_of(dataclasses.replace(found, item_locations=told), np.array([new]), launch).analogs
    assert analogs.place[0, 0] == old


def test_nothing_at_or_after_the_launch_enters_a_prior(launch):
    found = market()
    rows = np.flatnonzero((found.start > 100) & (found.start < 140))
    before = priors_of(found, rows, launch)
    spoilt = found.panel.demand_qty.copy()
    spoilt[:, found.start[rows].min() :] = 1e9
    first = np.flatnonzero(found.start[rows] == found.start[rows].min())
    later = dataclasses.replace(found.panel, demand_qty=np.where(np.isnan(found.panel.demand_qty), np.nan, spoilt))
    after = priors_of(found, rows[first], launch, later)
    np.testing.assert_array_equal(after.level.mean_qty, before.level.mean_qty[first])
    np.testing.assert_array_equal(after.curve, before.curve[first])
    np.testing.assert_array_equal(after.analogs.place, before.analogs.place[first])


def test_held_out_launches_are_forecast_better_than_by_their_category_and_learn_from_sales(launch):
    found = market()
    rows = np.flatnonzero((found.start > 90) & (found.start < 140))
    priors = priors_of(found, rows, launch)
    ahead = np.array([sales(found, rows, 26)[:, a : a + 4].sum(axis=1) for a in range(13)])
    category = found.item_locations["category"].to_numpy()
    mean_of = np.array([
        np.nanmean(np.where(category[:, None] == category[row], found.panel.demand_qty[:, : found.start[row]], np.nan))
        for row in rows
    ])  # fmt: skip
    told = []
    for age in range(13):
        level = update(priors, np.where(np.arange(12) < age, sales(found, rows, 12), np.nan), launch)
        told.append(level.mean_qty * spans(priors, np.full(len(rows), age), np.full(len(rows), 4.0)))
    wape = np.abs(np.array(told) - ahead).sum(axis=1) / ahead.sum(axis=1)
    plain = np.abs(mean_of * 4 - ahead).sum(axis=1) / ahead.sum(axis=1)
    assert (wape < plain).all()
    assert wape[0] < 0.75 * plain[0]
    assert wape[8] < 0.8 * wape[0]
    prior_level, level = priors.level.mean_qty, update(priors, sales(found, rows, 8), launch).mean_qty
    closer = np.abs(level - found.level[rows]) < np.abs(prior_level - found.level[rows])
    assert closer.mean() > 0.6


def covered(found: Market, told) -> dict[str, float]:
    """Share of five-week spans at or below each quantile, at ages 1 to 11."""
    rows = np.flatnonzero((found.start > 90) & (found.start < 140))
    priors = priors_of(found, rows, told)
    seen: dict[str, list[float]] = {}
    for age in (1, 3, 5, 7, 9, 11):
        level = update(priors, np.where(np.arange(12) < age, sales(found, rows, 12), np.nan), told)
        mean, variance = interval_moments(level, spans(priors, np.full(len(rows), age), np.full(len(rows), 5.0)))
        method, sd = demand_method(mean, np.sqrt(variance), is_whole=np.ones(len(rows), dtype=bool))
        sold = sales(found, rows, 26)[:, age : age + 5].sum(axis=1)
        for name, held in quantiles(mean, sd, method, INTERVAL_LEVELS).items():
            seen.setdefault(name, []).extend(sold <= held)
    assert len(seen["p50_qty"]) > 1500
    return {name: float(np.mean(values)) for name, values in seen.items()}


def test_quantiles_of_a_launch_hold_as_often_as_they_say_where_levels_stay(launch):
    # The process that demand is drawn from: levels never move, and vary by 0.4 around those of their family.
    told = launch.model_copy(update={"level_half_life_days": 1e9, "least_level_cv": 0.3, "dispersion_prior_days": 210})
    shares = covered(market(seed=5, count=1500), told)
    for name, level in (("p50_qty", 0.5), ("p80_qty", 0.8), ("p90_qty", 0.9), ("p95_qty", 0.95), ("p98_qty", 0.98)):
        assert shares[name] == pytest.approx(level, abs=0.04), name


def test_the_shipped_settings_never_cover_less_than_they_say(launch):
    # They take levels to move and to differ more than these do, so demand is drawn wider than it is.
    shares = covered(market(seed=5, count=1500), launch)
    assert 0.35 <= shares["p50_qty"] <= 0.55
    for name, level in (("p90_qty", 0.9), ("p95_qty", 0.95), ("p98_qty", 0.98)):
        assert level - 0.01 <= shares[name] <= level + 0.05, name


def planned(found: Market, end: int, parameters, **changes) -> ForecastResult:
    panel = changes.get("panel") or cut(found.panel, end)
    item_locations = changes.get("item_locations", found.item_locations)
    # What begins later than the cut-off is not known yet, but for those whose launch is planned.
    rows = np.flatnonzero(found.start < end + changes.get("planned_buckets", 0))
    age = end - found.start[rows]
    lifecycle = np.where((age < 26) & (found.start[rows] > 0), "npi", "mature")
    demand = panel.demand_qty.copy()
    demand[found.start >= end, end - 1] = 0.0
    panel = dataclasses.replace(panel, demand_qty=demand).select(rows)
    assignment = panel.keys.assign(segment_code="NEW", lifecycle_code=lifecycle)
    review = next(row.review_period_days for row in parameters.segment_strategies if row.segment_code == "NEW")
    supply = panel.keys.assign(lead_time_days=35.0 - review, lead_time_sd_days=0.0, evidence_grade="full")
    return forecast_segments(
        panel, assignment, supply, parameters=parameters, workers=1, item_locations=item_locations.iloc[rows],
        champions=changes.get("champions"), groups=changes.get("groups"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def cycle(module_parameters) -> ForecastResult:
    return planned(market(), 150, module_parameters, planned_buckets=8)


def test_new_item_locations_are_named_with_their_analogs(cycle):
    table, analogs = cycle.new_products, cycle.new_product_analogs
    for frame, contract in ((table, NEW_PRODUCT_FORECAST), (analogs, NEW_PRODUCT_ANALOG)):
        names = [column.name for column in contract.columns if column.name != "period_start_date"]
        assert list(frame.columns) == names
        assert not frame.duplicated([name for name in contract.grain if name != "period_start_date"]).any()
    expected = market()
    new = (expected.start > 150 - 16) & (expected.start < 158)
    assert set(table["item_id"]) == set(expected.panel.keys["item_id"][new])
    assert set(table["status_code"]) <= {"analog_prior", "analog_posterior", "handed_over"}
    assert {"analog_prior", "analog_posterior"} <= set(table["status_code"])
    np.testing.assert_allclose(analogs.groupby(KEY)["weight_rate"].sum(), 1.0, atol=1e-12)
    counted = analogs.groupby("item_id").size()
    assert (counted == table.set_index("item_id")["analog_count"]).all()
    assert analogs["similarity_reason"].str.contains("same family").mean() > 0.4
    assert (analogs["similarity_reason"] != "").all()


def test_the_champion_of_a_new_item_location_is_the_launch_model(cycle):
    status = cycle.new_products.set_index("item_id")["status_code"]
    champion = cycle.champions.set_index("item_id")
    ours = status[status.isin(["analog_prior", "analog_posterior"])]
    assert (champion.loc[ours.index, "model_code"] == "analog_launch").all()
    assert (champion.loc[ours.index, "reason_code"] == ours).all()
    assert (champion.loc[ours.index, "evidence_grade"] == "degraded").all()
    others = champion.drop(ours.index)
    assert (others["model_code"] != "analog_launch").all()
    forecast = cycle.forecasts.set_index("item_id")
    assert (forecast.loc[ours.index, "model_code"] == "analog_launch").all()


def test_a_planned_launch_sells_nothing_before_its_day_and_is_in_doubt_after(cycle):
    found = market()
    demand = cycle.lead_time_demand.set_index("item_id")
    table = cycle.new_products.set_index("item_id")
    planned_rows = np.flatnonzero((found.start >= 150) & (found.start < 154))
    assert len(planned_rows) > 3
    for row in planned_rows:
        name = found.panel.keys["item_id"][row]
        path = cycle.forecasts[cycle.forecasts["item_id"] == name].sort_values("horizon_bucket")["mean_qty"].to_numpy()
        wait = int(found.start[row] - 150)
        assert (path[:wait] == 0).all()
        assert (path[wait:] > 0).all()
        assert demand.loc[name, "mean_qty"] == pytest.approx(path[:5].sum())
        # The doubt about the level alone: its standard deviation times the curve that falls into the interval.
        exposure = demand.loc[name, "mean_qty"] / table.loc[name, "prior_level_qty"]
        assert demand.loc[name, "sd_qty"] > exposure * table.loc[name, "prior_level_sd_qty"]
        assert table.loc[name, "age_buckets"] == 0
        assert table.loc[name, "launch_bucket_date"] == found.item_locations["launch_date"][row]


def test_what_happens_later_changes_nothing(module_parameters):
    found = market()
    later = found.panel.demand_qty.copy()
    later[:, 150:] = np.where(np.isnan(later[:, 150:]), np.nan, 1e6)
    spoilt = dataclasses.replace(found, panel=dataclasses.replace(found.panel, demand_qty=later))
    one, other = planned(found, 150, module_parameters), planned(spoilt, 150, module_parameters)
    for name in ("new_products", "new_product_analogs", "lead_time_demand", "champions"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)


def test_item_locations_without_a_launch_are_forecast_as_before(module_parameters):
    found = market(count=60)
    with_launches = planned(found, 150, module_parameters)
    without = planned(found, 150, module_parameters, item_locations=found.item_locations.assign(
        launch_date=pd.NaT, start_date=pd.Timestamp("2019-01-07")
    ))  # fmt: skip
    assert without.new_products.empty
    old = ~with_launches.champions["item_id"].isin(with_launches.new_products["item_id"])
    for name in ("champions", "lead_time_demand"):
        one, other = getattr(with_launches, name), getattr(without, name)
        pd.testing.assert_frame_equal(one[old], other[old], check_exact=True)


def test_without_an_analog_the_pool_forecasts_and_the_row_says_so(module_parameters):
    found = market(count=60)
    # Own words for everything, no price: nothing in common with anybody.
    names = found.item_locations["item_id"]
    alien = found.item_locations.assign(
        category=names + "c", family=names + "f", uom=names + "u", unit_price_amount=np.nan
    )
    result = planned(found, 150, module_parameters, item_locations=alien, planned_buckets=8)
    assert set(result.new_products["status_code"]) == {"no_analog"}
    assert result.new_products["status_reason"].str.contains("similar enough").all()
    assert result.new_products[["prior_level_qty", "posterior_level_qty"]].isna().all().all()
    assert result.new_product_analogs.empty
    champion = result.champions[result.champions["item_id"].isin(result.new_products["item_id"])]
    assert (champion["model_code"] != "analog_launch").all()
    told = result.new_products.set_index("item_id")["age_buckets"].reindex(champion["item_id"]).to_numpy()
    assert (told == 0).any()
    assert (champion.loc[told == 0, "reason_code"] == "no_analog").all()
    # Where the pool could judge a model of its own, its reason stands.
    assert not set(champion["reason_code"]) & {"all_zero", "too_short"}
    assert "incumbent_kept" in set(champion["reason_code"])
    quantities = result.lead_time_demand.filter(like="_qty").to_numpy()
    assert np.isfinite(quantities).all()
    assert (quantities >= 0).all()


def test_the_pool_takes_over_where_it_is_better(module_parameters):
    found = market(count=240)
    # Launches that start at full speed in a market of slow ramps: the curve of the analogs misleads.
    demand = found.panel.demand_qty.copy()
    fast = np.flatnonzero((found.start >= 139) & (found.start < 142))
    for row in fast:
        demand[row, found.start[row] :] = 400.0
    told = dataclasses.replace(found, panel=dataclasses.replace(found.panel, demand_qty=demand))
    table = planned(told, 150, module_parameters).new_products.set_index("item_id")
    status = table.loc[found.panel.keys["item_id"][fast]]
    assert (status["status_code"] == "handed_over").all()
    assert (status["judged_origin_count"] >= 4).all()
    assert (status["pool_rmse_qty"] < 0.9 * status["launch_rmse_qty"]).all()


def test_what_was_handed_over_never_goes_back_to_its_analogs(module_parameters):
    """A cycle later the launch model would forecast better again: the pool keeps what it took over."""
    found = market(count=240)
    demand = found.panel.demand_qty.copy()
    fast = np.flatnonzero((found.start >= 139) & (found.start < 142))
    for row in fast:
        demand[row, found.start[row] :] = 400.0
    full = dataclasses.replace(found, panel=dataclasses.replace(found.panel, demand_qty=demand))
    before = planned(full, 150, module_parameters).new_products
    names = found.panel.keys["item_id"][fast]
    assert (before.set_index("item_id").loc[names, "status_code"] == "handed_over").all()
    # The same item-locations as the market has them, which their analogs tell better than their few sales.
    slow = planned(found, 150, module_parameters)
    again = slow.new_products.set_index("item_id").loc[names]
    assert (again["status_code"] == "analog_posterior").any()
    champions = EarlierChampions(slow.register.iloc[:0], slow.backtests, slow.backtest_lags, launches=before)
    kept = planned(found, 150, module_parameters, champions=champions)
    status = kept.new_products.set_index("item_id")
    assert (status.loc[names, "status_code"] == "handed_over").all()
    champion = kept.champions.set_index("item_id")["model_code"]
    assert (champion.loc[names] != "analog_launch").all()
    # The others are as they were.
    others = status.drop(names)["status_code"]
    assert (others == slow.new_products.set_index("item_id").drop(names)["status_code"]).all()


def test_levels_leave_a_new_item_location_its_analogs(module_parameters):
    """What was launched weeks ago has hardly a share of the year: splitting a total would take its forecast."""
    found = market(count=120)
    rows = np.flatnonzero(found.start < 150)
    groups = found.panel.keys.iloc[rows].assign(family=found.item_locations["family"].to_numpy()[rows], region="R")
    top_down = tuple(
        row.model_copy(update={"method_code": "top_down", "is_applied": True})
        for row in module_parameters.hierarchy_settings
    )
    applied = planned(found, 150, module_parameters.model_copy(update={"hierarchy_settings": top_down}), groups=groups)
    plain = planned(found, 150, module_parameters)
    new = plain.champions["model_code"] == "analog_launch"
    assert new.sum() > 3
    names = set(plain.champions.loc[new, "item_id"])
    is_new = plain.forecasts["item_id"].isin(names)
    pd.testing.assert_frame_equal(applied.forecasts[is_new], plain.forecasts[is_new])
    assert not np.allclose(applied.forecasts.loc[~is_new, "mean_qty"], plain.forecasts.loc[~is_new, "mean_qty"])
    # Published and planned are one.
    level = applied.coherent.forecasts
    parts = level[level["level_code"] == "item_location"]
    near = applied.forecasts[applied.forecasts["horizon_bucket"] <= 13]
    np.testing.assert_allclose(parts["reconciled_qty"], near["mean_qty"], rtol=1e-12)
    total = level[level["level_code"] == "total"].set_index("horizon_bucket")["reconciled_qty"]
    np.testing.assert_allclose(total, near.groupby("horizon_bucket")["mean_qty"].sum(), rtol=1e-9)


def test_a_launch_beyond_the_forecast_or_on_a_day_that_means_never_is_left_to_the_pool(module_parameters):
    found = market(count=60)
    late = found.item_locations.assign(
        launch_date=found.item_locations["launch_date"].astype("datetime64[s]"),
        start_date=found.item_locations["start_date"].astype("datetime64[s]"),
    )
    rows = np.flatnonzero(found.start < 150)[:2]
    for row, day in zip(rows, ("9999-12-31", "2040-01-01"), strict=True):
        late.loc[row, ["launch_date", "start_date"]] = np.datetime64(day, "s")
    result = planned(found, 150, module_parameters, item_locations=late)
    assert not set(found.panel.keys["item_id"][rows]) & set(result.new_products["item_id"])
    assert set(found.panel.keys["item_id"][rows]) <= set(result.lead_time_demand["item_id"])


def test_an_item_that_ends_is_no_new_one(module_parameters):
    found = market(count=60)
    result = planned(found, 150, module_parameters)
    one = result.new_products["item_id"].iloc[0]
    panel = cut(found.panel, 150).select(np.flatnonzero(found.start < 150))
    assignment = panel.keys.assign(segment_code="EOL", lifecycle_code=np.where(panel.keys["item_id"] == one, "eol", ""))
    supply = panel.keys.assign(lead_time_days=7.0, lead_time_sd_days=0.0, evidence_grade="full")
    again = forecast_segments(
        panel, assignment, supply, parameters=module_parameters, workers=1, item_locations=found.item_locations
    )
    assert one not in set(again.new_products["item_id"])
    assert len(again.new_products) == len(result.new_products) - 1


@functools.cache
def sample_launches() -> Market:
    """The sample company's planted launches, weekly, on true sales."""
    made = generate_company("demo", seed=20250101)
    truth = made.truth["item_locations"]
    weeks = made.truth["true_demand"]
    items = made.extract["items"].drop_duplicates("item_id")
    start = (
        weeks[weeks["true_demand_qty"] > 0].groupby(KEY)["bucket_start_date"].min().rename("start_date").reset_index()
    )
    planted = truth[[*KEY, "launch_date"]].merge(start, on=KEY)
    names = ["item_id", "category", "family", "uom", "unit_price", "unit_cost", "successor_item_id"]
    known = planted.merge(items[names], on="item_id")
    known = known.rename(columns={"unit_price": "unit_price_amount", "unit_cost": "unit_cost_amount"})
    known = known.sort_values(KEY, ignore_index=True)
    known["start_date"] = known[["start_date", "launch_date"]].min(axis=1)
    panel = demand_panel(
        weeks.rename(columns={"true_demand_qty": "demand_qty"})[[*KEY, "bucket_start_date", "demand_qty"]],
        item_locations=known, first_bucket_date=weeks["bucket_start_date"].min(),
        last_bucket_date=weeks["bucket_start_date"].max(), bucket_days="W-MON",
    )  # fmt: skip
    first = panel.bucket_start_dates[0]
    position = ((known["start_date"] - first).dt.days // 7).clip(lower=0).to_numpy()
    return Market(panel, known, np.zeros(len(known)), position)


def test_planted_launches_of_the_sample_company_beat_their_category(launch):
    found = sample_launches()
    begun = launches(found.panel, found.item_locations, launch)
    total = len(found.panel.bucket_start_dates)
    rows = np.flatnonzero(begun.is_seen & (begun.start + 10 <= total) & (begun.start > 26))
    assert len(rows) > 40
    priors = priors_of(found, rows, launch)
    assert priors.has_analog.all()
    category = found.item_locations["category"].to_numpy()
    error, plain, sold = [], [], []
    settled = np.array(
        [found.panel.demand_qty[row, begun.start[row] + 6 : begun.start[row] + 10].mean() for row in rows]
    )
    for age in range(7):
        ahead = sales(dataclasses.replace(found, start=begun.start), rows, 10)[:, age : age + 4].sum(axis=1)
        seen = np.where(np.arange(10) < age, sales(dataclasses.replace(found, start=begun.start), rows, 10), np.nan)
        level = update(priors, seen, launch)
        told = level.mean_qty * spans(priors, np.full(len(rows), age), np.full(len(rows), 4.0))
        mean_of = np.array([
            np.nanmean(found.panel.demand_qty[category == category[row], : begun.start[row]]) for row in rows
        ])  # fmt: skip
        error.append(np.abs(told - ahead).sum())
        plain.append(np.abs(4 * mean_of - ahead).sum())
        sold.append(ahead.sum())
    assert all(one < other for one, other in zip(error, plain, strict=True)), (error, plain, sold)
    assert error[6] < 0.7 * plain[6]
    level = update(priors, sales(dataclasses.replace(found, start=begun.start), rows, 6), launch).mean_qty
    closer = np.abs(level - settled) < np.abs(priors.level.mean_qty - settled)
    assert closer.mean() > 0.6


def test_a_company_of_one_item_has_nobody_to_compare_with(module_parameters):
    demand = np.full((1, 40), np.nan)
    demand[0, 30:] = [3, 4, 5, 4, 3, 4, 5, 4, 3, 4]
    keys = pd.DataFrame({"item_id": ["A"], "location_id": ["ALL"]})
    panel = DemandPanel(keys, pd.date_range("2024-01-01", periods=40, freq="W-MON"), demand, "W-MON")
    item = keys.assign(
        category=None, family=None, uom=None, unit_price_amount=np.nan, unit_cost_amount=np.nan, successor_item_id=None,
        start_date=panel.bucket_start_dates[30], launch_date=pd.NaT,
    )  # fmt: skip
    result = forecast_segments(
        panel, keys.assign(segment_code="NEW"), keys.assign(lead_time_days=7.0, lead_time_sd_days=0.0,
        evidence_grade="full"), parameters=module_parameters, workers=1, item_locations=item,
    )  # fmt: skip
    assert result.new_products["status_code"].tolist() == ["no_analog"]
    assert result.lead_time_demand["mean_qty"].iloc[0] > 0
