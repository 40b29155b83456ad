"""Learned quantiles: calibrated, blind to the future, the same on any number of workers, or none at all."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stockstrata import shaped
from stockstrata.forecasting.earlier import EarlierChampions
from stockstrata.forecasting.interval_losses import ERRORS, LEARNED, LEARNED_HALF, IntervalBacktest
from stockstrata.forecasting.learned import LEVELS, LearningLimits, fit_quantiles, whole_neighbours
from stockstrata.forecasting.learned_cycle import LearnedQuantiles, learned_demand, origin_ends
from stockstrata.forecasting.learned_features import DemandHistory
from stockstrata.forecasting.predictive import IntervalDemand, interval_table
from stockstrata.forecasting.run import forecast_segments
from stockstrata.panel import DemandPanel

LIMITS = LearningLimits(most_windows=20_000, least_windows=1_000, least_series=30)
N, T, LENGTH = 400, 60, 4


def _counts(seed: int, periods: int = T + LENGTH) -> np.ndarray:
    """Negative binomial demand of very different levels and widths, steady over time."""
    rng = np.random.default_rng(seed)
    mean = np.exp(rng.uniform(-1.5, 3.0, (N, 1)))
    size = np.exp(rng.uniform(-1.0, 1.5, (N, 1)))
    return rng.negative_binomial(size, size / (size + mean), (N, periods)).astype(float)


def _fit(demand: np.ndarray, *, cut: int = T, workers: int = 1, limits: LearningLimits = LIMITS):
    lengths = np.full(len(demand), float(LENGTH))
    return fit_quantiles(DemandHistory(demand, 12), lengths, cut, most_origins=156, limits=limits, workers=workers)


def _quantiles(model, demand: np.ndarray, end: int = T) -> np.ndarray:
    rows = np.arange(len(demand))
    return model.quantiles(DemandHistory(demand, 12), rows, np.full(len(rows), end), np.full(len(rows), LENGTH))


def test_quantiles_cover_what_they_say():
    hit = []
    for seed in range(4):
        demand = _counts(seed)
        found = _quantiles(_fit(demand[:, :T]), demand[:, :T])
        able = np.isfinite(found[:, 0])
        assert able.mean() > 0.95
        coming = demand[able, T:].sum(axis=1)
        hit.append(coming[:, None] <= np.floor(found[able] + 0.5))
    covered = np.concatenate(hit).mean(axis=0)
    for level in (0.90, 0.95, 0.98):
        assert covered[LEVELS.index(level)] == pytest.approx(level, abs=0.015), level


def test_quantiles_come_close_to_those_that_only_the_maker_knows():
    rng = np.random.default_rng(7)
    mean = np.exp(rng.uniform(0.0, 4.0, N))
    demand = rng.poisson(mean[:, None], (N, T)).astype(float)
    found = _quantiles(_fit(demand), demand)
    true = stats.poisson.ppf(0.95, LENGTH * mean)
    assert np.median(found[:, LEVELS.index(0.95)] / true) == pytest.approx(1.0, abs=0.05)


def test_quantiles_never_cross_and_are_never_negative():
    demand = _counts(1)[:, :T]
    demand[:5] = 0.0
    demand[5, -1] = 1e9
    demand[6, :-3] = np.nan
    found = _quantiles(_fit(demand), demand)
    known = np.isfinite(found).all(axis=1)
    assert (np.diff(found[known], axis=1) >= 0).all()
    assert (found[known] >= 0).all()
    # Never sold, or hardly begun: nothing is told, and nothing else is lost.
    assert not known[[0, 1, 2, 3, 4, 6]].any()
    assert known[5]


def test_workers_and_later_buckets_change_no_bit():
    demand = _counts(2)
    other = demand.copy()
    other[:, T:] = 1e6
    one = _quantiles(_fit(demand, workers=1), demand)
    assert one.tobytes() == _quantiles(_fit(demand, workers=2), demand).tobytes()
    assert one.tobytes() == _quantiles(_fit(other), other).tobytes()
    assert one.tobytes() != _quantiles(_fit(other, cut=T + LENGTH), other).tobytes()


def test_too_little_is_not_learnt_from():
    demand = _counts(3)[:, :T]
    assert _fit(demand, limits=LearningLimits(20_000, 10**6, 30)) is None
    assert _fit(demand, limits=LearningLimits(20_000, 1_000, N + 1)) is None
    assert _fit(demand, limits=LearningLimits(2_000, 1_000, 30)).window_count == 2_000


def test_an_interval_lies_between_whole_numbers_of_buckets():
    low, high = whole_neighbours(np.array([0.3, 1.0, 5.25, 7.0000000001]))
    assert (low.tolist(), high.tolist()) == ([1, 1, 5, 7], [1, 1, 6, 7])


def _demand(mean: np.ndarray, *, is_whole: bool, variation: float = 0.5) -> IntervalDemand:
    n = len(mean)
    return IntervalDemand(
        mean_qty=mean,
        added_qty=np.zeros(n),
        sd_qty=mean * variation,
        shape=np.full((n, len(shaped.PROBABILITIES)), np.nan),
        method_code=np.full(n, ERRORS, dtype=object),
        is_whole=np.full(n, is_whole),
    )


def _table(demand: IntervalDemand) -> pd.DataFrame:
    return interval_table(
        demand, days=np.full(len(demand.mean_qty), 28.0), lead_time_sd_days=np.zeros(len(demand.mean_qty))
    )


def test_a_learned_distribution_is_told_by_its_quantiles():
    # Exponential demand of mean 10: straight over -log(1 - p), so nothing is lost between the levels.
    qty = np.tile(-10.0 * np.log1p(-np.array(LEVELS)), (3, 1))
    qty[2] = np.nan
    way = np.array([LEARNED, LEARNED_HALF, LEARNED], dtype=object)
    base = _demand(np.full(3, 10.0), is_whole=False, variation=1.0)
    told, is_learned = learned_demand(base, qty, way)
    assert is_learned.tolist() == [True, True, False]
    table, before = _table(told), _table(base)
    assert table["p95_qty"][0] == pytest.approx(-10.0 * np.log(0.05), rel=1e-6)
    assert table["p99_qty"][0] == pytest.approx(-10.0 * np.log(0.01), rel=1e-6)
    assert table["mean_qty"].tolist() == [10.0] * 3
    assert table["sd_qty"][0] == pytest.approx(10.0, rel=0.03)
    assert table["p95_qty"][2] == before["p95_qty"][2]
    assert table["method_code"].tolist() == ["learned", "learned", "gamma"]
    narrow = _demand(np.full(3, 10.0), is_whole=False)
    half = _table(learned_demand(narrow, qty, way)[0])["p95_qty"][1]
    assert half == pytest.approx((table["p95_qty"][0] + _table(narrow)["p95_qty"][1]) / 2, rel=1e-6)


@pytest.mark.parametrize(("last", "stretch"), [(1.5, 1.5), (40.0, 2.0), (0.01, 0.5)])
def test_far_out_a_learned_distribution_has_the_tail_of_the_series_itself(last, stretch):
    """What is learnt at 0.98 stretches the own tail, between half and twice."""
    base = _demand(np.full(1, 10.0), is_whole=False)
    own = _table(base)
    step = own["p98_qty"][0] - own["p95_qty"][0]
    qty = np.array([[5.0, 8.0, 10.0, 12.0, 15.0, 20.0, 30.0, 30.0 + last * step]])
    told = _table(learned_demand(base, qty, np.array([LEARNED], dtype=object))[0])
    assert told["p95_qty"][0] == pytest.approx(30.0)
    assert told["p98_qty"][0] == pytest.approx(30.0 + stretch * step)
    assert told["p99_qty"][0] == pytest.approx(30.0 + stretch * (own["p99_qty"][0] - own["p95_qty"][0]))


def test_whole_demand_has_whole_quantiles_nearest_to_those_learnt():
    qty = np.array([[0.0, 0.0, 0.4, 0.6, 1.2, 1.6, 2.4, 3.5]])
    told, _ = learned_demand(_demand(np.ones(1), is_whole=True), qty, np.array([LEARNED], dtype=object))
    table = _table(told)
    assert table[["p50_qty", "p80_qty", "p90_qty", "p95_qty", "p98_qty", "p99_qty"]].to_numpy()[0].tolist() == [
        0.0, 1.0, 2.0, 2.0, 4.0, 4.0
    ]  # fmt: skip
    assert table["method_code"].tolist() == ["learned_count"]


def test_promotions_move_a_learned_distribution():
    qty = np.tile(np.linspace(10, 30, len(LEVELS)), (1, 1))
    base = _demand(np.full(1, 20.0), is_whole=False)
    plain, _ = learned_demand(base, qty, np.array([LEARNED], dtype=object))
    added = IntervalDemand(**{**vars(plain), "added_qty": np.array([7.0])})
    assert _table(added)["p95_qty"][0] == pytest.approx(_table(plain)["p95_qty"][0] + 7.0)


def _inputs(demand: np.ndarray, segment: str) -> tuple[DemandPanel, pd.DataFrame, pd.DataFrame]:
    keys = pd.DataFrame({"item_id": [f"I{i:04d}" for i in range(len(demand))], "location_id": "ALL"})
    panel = DemandPanel(keys, pd.date_range("2020-01-01", periods=demand.shape[1], freq="MS"), demand, "MS")
    supply = keys.assign(lead_time_days=61.0, lead_time_sd_days=0.0, evidence_grade="full")
    return panel, keys.assign(segment_code=segment, evidence_grade="full"), supply


@pytest.fixture
def learning(make_parameters):
    """Shipped parameters with which a segment takes learned quantiles whatever they gain."""
    rows = [
        {"pool_code": "intermittent", "interval_method_code": code, "least_gain_rate": gain}
        for code, gain in ((LEARNED, 0.9), (LEARNED_HALF, -0.9))
    ]
    return make_parameters({"interval_methods": rows}, learned_least_windows=1000)


def test_a_cycle_plans_with_learned_quantiles_and_keeps_odd_series(learning):
    demand = _counts(5)[:100, :48]
    demand[0] = 0.0
    demand[1, :-4] = np.nan
    demand[2, 5:] = 0.0
    result = forecast_segments(*_inputs(demand, "B-INT"), parameters=learning, workers=1)
    table = result.lead_time_demand.set_index("item_id")
    assert len(table) == 100
    way = table["interval_method_code"]
    assert (way == LEARNED_HALF).sum() > 90
    # Never sold, or too young: what the segment takes otherwise.
    assert (way[["I0000", "I0001"]] != LEARNED_HALF).all()
    held = table[way == LEARNED_HALF]
    assert held["standard_quantiles"].notna().all()
    levels = held[["p50_qty", "p80_qty", "p90_qty", "p95_qty", "p98_qty", "p99_qty"]].to_numpy(dtype=float)
    assert (np.diff(levels, axis=1) >= 0).all()
    assert (levels == np.floor(levels)).all()
    methods = result.interval_methods.set_index("interval_method_code")
    assert methods["is_chosen"].idxmax() == LEARNED_HALF
    assert methods.loc[LEARNED_HALF, "base_method_code"] != LEARNED_HALF
    assert methods.loc[LEARNED, "coverage_p90_rate"] == pytest.approx(0.9, abs=0.05)


def _backtest(demand: np.ndarray, ends: np.ndarray) -> IntervalBacktest:
    n, origins = ends.shape
    flat = np.full((n, origins), 10.0)
    return IntervalBacktest(
        demand_qty=flat,
        forecast_qty=flat,
        scale_qty=flat,
        sd_qty=flat,
        window_mean_qty=flat[:, :6],
        window_sd_qty=flat[:, :6],
        window_quantile_qty=np.zeros((n, 6, 4)),
        is_whole=np.full(n, True),
        spread_qty=np.ones(n),
        segment_code=np.full(n, "B-INT", dtype=object),
        pool_code=np.full(n, "intermittent", dtype=object),
    )


def test_each_judged_origin_is_served_with_what_was_over_before_the_judged_ones(make_parameters):
    parameters = make_parameters(learned_least_windows=1000)
    demand = _counts(6)[:100, :48]
    buckets, pool = np.full(100, 3.0), np.full(100, "intermittent", dtype=object)
    settings = {row.pool_code: row for row in parameters.forecast_settings}
    found = []
    for later in (1.0, 50.0):
        changed = demand.copy()
        changed[:, 45:] *= later
        panel = _inputs(changed, "B-INT")[0]
        ends = origin_ends(panel, pool, buckets, settings)
        judged = LearnedQuantiles(panel, pool, buckets, parameters, 1).judged(
            _backtest(changed, ends), np.full(100, 3, dtype=np.int64)
        )
        found.append(judged)
    assert ends[:, 0].tolist() == [45] * 100
    assert np.isfinite(found[0]).all(axis=(1, 2)).sum() > 80
    assert found[0].tobytes() == found[1].tobytes()


def test_nothing_is_judged_where_few_series_had_a_tournament(make_parameters):
    panel = _inputs(_counts(6)[:100, :48], "B-INT")[0]
    buckets, pool = np.full(100, 3.0), np.full(100, "intermittent", dtype=object)
    parameters = make_parameters(learned_least_windows=1000)
    ends = origin_ends(panel, pool, buckets, {row.pool_code: row for row in parameters.forecast_settings})
    backtest = _backtest(panel.demand_qty, ends)
    backtest.forecast_qty[49:] = np.nan
    judged = LearnedQuantiles(panel, pool, buckets, parameters, 1).judged(backtest, np.full(100, 3, dtype=np.int64))
    assert judged is None


def test_too_few_series_take_another_way(make_parameters):
    result = forecast_segments(
        *_inputs(_counts(5)[:40, :48], "B-INT"), parameters=make_parameters(learned_least_series=41), workers=1
    )
    assert not result.lead_time_demand["interval_method_code"].isin([LEARNED, LEARNED_HALF]).any()


def test_a_cycle_between_tournaments_keeps_its_way_and_learns_anew(learning):
    demand = _counts(8)[:100, :49]
    first = forecast_segments(*_inputs(demand[:, :48], "B-INT"), parameters=learning, workers=1)
    known = EarlierChampions(first.register, first.backtests, first.backtest_lags, first.interval_methods)
    second = [
        forecast_segments(*_inputs(demand, "B-INT"), parameters=learning, workers=workers, champions=known)
        for workers in (1, 2)
    ]
    assert (second[0].register["decision_code"] == "refitted").mean() > 0.9
    told = second[0].interval_methods.set_index("interval_method_code")
    assert told["is_chosen"].idxmax() == LEARNED_HALF
    assert set(told["judged_on_code"]) == {"earlier_cycle"}
    base = first.interval_methods.set_index("interval_method_code").loc[LEARNED_HALF, "base_method_code"]
    assert told.loc[LEARNED_HALF, "base_method_code"] == base
    assert (second[0].lead_time_demand["interval_method_code"] == LEARNED_HALF).mean() > 0.9
    one, two = (
        pd.util.hash_pandas_object(cycle.lead_time_demand.drop(columns="standard_quantiles")) for cycle in second
    )
    assert (one == two).all()
    shapes = [np.vstack(cycle.lead_time_demand["standard_quantiles"].dropna().tolist()) for cycle in second]
    assert shapes[0].tobytes() == shapes[1].tobytes()
