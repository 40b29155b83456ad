"""The way to the distribution of lead-time demand: judged out of sample, changed only for a gain."""

from dataclasses import replace

import numpy as np
import pytest

from stockstrata.forecasting.interval_losses import (
    CONFORMAL,
    EMPIRICAL,
    ERRORS,
    LEARNED,
    LEARNED_HALF,
    WINDOWS,
    IntervalBacktest,
    halfway,
)
from stockstrata.forecasting.interval_methods import choose_interval_methods
from stockstrata.forecasting.windows import WINDOW_LEVELS
from stockstrata.parameters import IntervalMethod

RNG = np.random.default_rng(11)
N, K, J = 120, 10, 6


def _candidate(code: str, gain: float = 0.05, pool: str = "P") -> IntervalMethod:
    return IntervalMethod.model_validate(
        {
            "pool_code": pool, "interval_method_code": code, "least_gain_rate": gain,
            "valid_from_date": "2000-01-01", "approved_by": "test", "reason": "test",
        }
    )  # fmt: skip


ALL = [_candidate(code) for code in (WINDOWS, CONFORMAL, EMPIRICAL)]


def _backtest(**changes: object) -> IntervalBacktest:
    """Gamma demand of mean 100 and standard deviation 50, known exactly to the moments of errors and of runs."""
    levels = np.quantile(RNG.gamma(4.0, 25.0, 200_000), WINDOW_LEVELS)
    flat = np.full((N, K), 100.0)
    made = IntervalBacktest(
        demand_qty=RNG.gamma(4.0, 25.0, (N, K)),
        forecast_qty=flat,
        scale_qty=np.full((N, K), 50.0),
        sd_qty=np.full((N, K), 50.0),
        window_mean_qty=flat[:, :J],
        window_sd_qty=np.full((N, J), 50.0),
        window_quantile_qty=np.broadcast_to(levels, (N, J, len(levels))).copy(),
        is_whole=np.zeros(N, dtype=bool),
        spread_qty=np.full(N, 50.0),
        segment_code=np.where(np.arange(N) < N // 2, "S1", "S2").astype(object),
        pool_code=np.full(N, "P", dtype=object),
    )
    return replace(made, **changes)


def test_the_simplest_way_stays_where_nothing_is_gained():
    choice = choose_interval_methods(_backtest(), ALL)
    assert choice.method_by_segment == {"S1": ERRORS, "S2": ERRORS}
    assert choice.shapes == {}
    table = choice.table.set_index(["segment_code", "interval_method_code"])
    assert len(table) == 8
    assert table["is_chosen"].groupby("segment_code").sum().tolist() == [1, 1]
    # Ways that say the same lose the same.
    loss = table.loc["S1", "pinball_ratio"]
    assert loss.max() == pytest.approx(loss.min(), rel=0.03)
    assert table.loc[("S1", ERRORS), "coverage_p90_rate"] == pytest.approx(0.9, abs=0.06)


def test_a_biased_forecast_hands_over_to_the_runs_of_history():
    choice = choose_interval_methods(_backtest(forecast_qty=np.full((N, K), 30.0)), ALL)
    assert set(choice.method_by_segment.values()) <= {EMPIRICAL, CONFORMAL, WINDOWS}
    table = choice.table.set_index(["segment_code", "interval_method_code"])["pinball_ratio"]
    assert table["S1", EMPIRICAL] < table["S1", WINDOWS] < table["S1", ERRORS]


def test_errors_that_are_not_gamma_are_pooled():
    # Two sizes of demand alone: no gamma distribution has that shape.
    demand = np.where(RNG.uniform(size=(N, K)) < 0.96, 90.0, 340.0)
    backtest = _backtest(demand_qty=demand, window_quantile_qty=np.full((N, J, len(WINDOW_LEVELS)), 100.0))
    choice = choose_interval_methods(backtest, ALL)
    assert choice.method_by_segment == {"S1": CONFORMAL, "S2": CONFORMAL}
    assert sorted(choice.shapes) == ["S1", "S2"]
    assert (np.diff(choice.shapes["S1"]) >= 0).all()


def test_a_way_is_taken_only_for_its_least_gain_and_where_its_pool_allows_it():
    worse = _backtest(forecast_qty=np.full((N, K), 30.0))
    strict = [_candidate(code, gain=0.9) for code in (WINDOWS, CONFORMAL, EMPIRICAL)]
    assert set(choose_interval_methods(worse, strict).method_by_segment.values()) == {ERRORS}
    other = choose_interval_methods(worse, [_candidate(EMPIRICAL, pool="Q")])
    assert set(other.method_by_segment.values()) == {ERRORS}
    assert set(other.table["interval_method_code"]) == {ERRORS}


def test_a_small_segment_follows_its_pool():
    segment = np.array(["S1"] * (N - 5) + ["S2"] * 5, dtype=object)
    choice = choose_interval_methods(_backtest(forecast_qty=np.full((N, K), 30.0), segment_code=segment), ALL)
    assert choice.method_by_segment["S2"] == choice.method_by_segment["S1"] != ERRORS
    assert choice.table.groupby("segment_code")["judged_on_code"].first().to_dict() == {"S1": "S1", "S2": "P"}


def test_pooled_errors_come_from_older_origins_than_those_judged():
    # What changes at the newest origins alone must not make their own quantiles: the older errors know nothing of it.
    demand = _backtest().demand_qty.copy()
    demand[:, :5] *= 4
    table = choose_interval_methods(_backtest(demand_qty=demand), ALL).table.set_index(
        ["segment_code", "interval_method_code"]
    )
    assert table.loc[("S1", CONFORMAL), "coverage_p90_rate"] < 0.35


def test_nothing_judged_stays_with_errors():
    nothing = np.full((N, K), np.nan)
    choice = choose_interval_methods(_backtest(demand_qty=nothing), ALL)
    assert set(choice.method_by_segment.values()) == {ERRORS}
    assert choice.table["observation_count"].eq(0).all()


def test_halfway_keeps_the_own_figure_where_the_other_is_unknown():
    assert halfway(np.array([2.0, 4.0]), np.array([6.0, np.nan])).tolist() == [4.0, 4.0]


def test_a_segment_without_origins_keeps_the_way_and_shape_of_the_cycle_before():
    demand = np.where(RNG.uniform(size=(N, K)) < 0.96, 90.0, 340.0)
    lumps = _backtest(demand_qty=demand, window_quantile_qty=np.full((N, J, len(WINDOW_LEVELS)), 100.0))
    before = choose_interval_methods(lumps, ALL)
    assert before.method_by_segment["S1"] == CONFORMAL
    between = choose_interval_methods(_backtest(demand_qty=np.full((N, K), np.nan)), ALL, before.table)
    assert between.method_by_segment == before.method_by_segment
    assert between.shapes["S1"].tolist() == before.shapes["S1"].tolist()
    assert set(between.table["judged_on_code"]) == {"earlier_cycle"}
    # A tournament judges anew.
    assert choose_interval_methods(_backtest(), ALL, before.table).method_by_segment["S1"] == ERRORS


def test_a_few_that_were_judged_again_do_not_decide_for_their_segment():
    before = choose_interval_methods(_backtest(), ALL)
    demand = np.where(RNG.uniform(size=(N, K)) < 0.96, 90.0, 340.0)
    demand[45:] = np.nan
    segment = np.full(N, "S1", dtype=object)
    few = _backtest(
        demand_qty=demand,
        window_quantile_qty=np.full((N, J, len(WINDOW_LEVELS)), 100.0),
        segment_code=segment,
    )
    alone = choose_interval_methods(few, ALL)
    assert alone.method_by_segment["S1"] == CONFORMAL
    assert choose_interval_methods(few, ALL, before.table).method_by_segment["S1"] == ERRORS


def test_figures_of_a_small_segment_are_told_though_they_decide_nothing():
    small = _backtest(segment_code=np.array(["S1"] * (N - 5) + ["S2"] * 5, dtype=object))
    table = choose_interval_methods(small, ALL).table.set_index(["segment_code", "interval_method_code"])
    assert table.loc[("S2", ERRORS), "observation_count"] == 5 * 5
    assert np.isfinite(table.loc[("S2", ERRORS), "pinball_ratio"])


def _learned(spread: float) -> np.ndarray:
    """Quantiles of the demand of `_backtest` moved away from the truth."""
    levels = np.quantile(RNG.gamma(4.0, 25.0, 200_000), WINDOW_LEVELS) + spread
    return np.broadcast_to(levels, (N, J, len(levels))).copy()


LEARNT = [_candidate(WINDOWS), _candidate(EMPIRICAL), _candidate(LEARNED, 0.02), _candidate(LEARNED_HALF, 0.02)]


def test_learned_quantiles_are_taken_where_they_lose_less():
    biased = _backtest(forecast_qty=np.full((N, K), 30.0), window_quantile_qty=np.zeros((N, J, len(WINDOW_LEVELS))))
    flat = replace(biased, window_mean_qty=np.full((N, J), 30.0))
    without = choose_interval_methods(flat, LEARNT)
    assert not set(without.method_by_segment.values()) & {LEARNED, LEARNED_HALF}
    assert not set(without.table["interval_method_code"]) & {LEARNED, LEARNED_HALF}
    choice = choose_interval_methods(replace(flat, learned_qty=_learned(0.0)), LEARNT)
    table = choice.table.set_index(["segment_code", "interval_method_code"])
    assert choice.method_by_segment["S1"] == LEARNED
    assert choice.base_by_segment["S1"] == without.method_by_segment["S1"]
    assert table.loc["S1", "base_method_code"].unique().tolist() == [without.method_by_segment["S1"]]
    loss = table.loc["S1", "pinball_ratio"]
    assert loss[LEARNED] < loss[LEARNED_HALF] < loss[choice.base_by_segment["S1"]]
    assert table.loc[("S1", LEARNED), "coverage_p90_rate"] == pytest.approx(0.9, abs=0.06)


def test_the_half_is_taken_where_both_err_to_opposite_sides():
    levels = np.quantile(RNG.gamma(4.0, 25.0, 200_000), WINDOW_LEVELS)
    both = _backtest(
        forecast_qty=np.full((N, K), 60.0), window_mean_qty=np.full((N, J), 60.0),
        window_quantile_qty=np.broadcast_to(levels - 40.0, (N, J, len(levels))).copy(), learned_qty=_learned(40.0),
    )  # fmt: skip
    choice = choose_interval_methods(both, LEARNT)
    assert choice.method_by_segment["S1"] == LEARNED_HALF


def test_origins_without_learned_quantiles_are_judged_by_what_stands_in():
    choice = choose_interval_methods(_backtest(learned_qty=np.full((N, J, len(WINDOW_LEVELS)), np.nan)), LEARNT)
    loss = choice.table.set_index(["segment_code", "interval_method_code"]).loc["S1", "pinball_ratio"]
    assert loss[LEARNED] == loss[LEARNED_HALF] == loss[ERRORS]
    assert choice.method_by_segment["S1"] == ERRORS


def test_a_half_that_may_lose_a_little_is_taken_all_the_same():
    demand = _backtest(learned_qty=_learned(10.0))
    assert choose_interval_methods(demand, LEARNT).method_by_segment["S1"] == ERRORS
    lenient = [*ALL, _candidate(LEARNED_HALF, -0.2)]
    assert choose_interval_methods(demand, lenient).method_by_segment["S1"] == LEARNED_HALF


def test_between_tournaments_a_learned_way_is_kept_with_the_way_that_it_rests_on():
    demand = np.where(RNG.uniform(size=(N, K)) < 0.96, 90.0, 340.0)
    lumps = _backtest(
        demand_qty=demand, window_quantile_qty=np.full((N, J, len(WINDOW_LEVELS)), 100.0),
        learned_qty=np.broadcast_to([90.0, 90.0, 90.0, 340.0], (N, J, 4)).copy(),
    )  # fmt: skip
    lenient = [*ALL, _candidate(LEARNED_HALF, -0.5)]
    before = choose_interval_methods(lumps, lenient)
    assert (before.method_by_segment["S1"], before.base_by_segment["S1"]) == (LEARNED_HALF, CONFORMAL)
    nothing = _backtest(demand_qty=np.full((N, K), np.nan))
    between = choose_interval_methods(nothing, lenient, before.table)
    assert between.method_by_segment == before.method_by_segment
    assert between.base_by_segment == before.base_by_segment
    assert between.shapes["S1"].tolist() == before.shapes["S1"].tolist()
    again = choose_interval_methods(nothing, lenient, between.table)
    assert again.method_by_segment == before.method_by_segment
    # A way that the pool no longer allows is given up.
    assert choose_interval_methods(nothing, ALL, before.table).method_by_segment["S1"] == ERRORS
