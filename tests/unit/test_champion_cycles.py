"""Cycle after cycle: tournaments when they are due, refits in between, champions that change only for a reason."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stockstrata.forecasting import engine, run, workers
from stockstrata.forecasting.earlier import EarlierChampions
from stockstrata.forecasting.reuse import SeriesStates
from stockstrata.forecasting.run import ForecastResult, forecast_segments
from stockstrata.panel import KEY, DemandPanel
from stockstrata.parameters import PARAMETER_TABLES, PlanningParameters, planning_parameters
from stockstrata.tables import CHAMPION_BACKTEST, CHAMPION_BACKTEST_LAG, CHAMPION_REGISTER

SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds" / "parameters"
FRAMES = ("scores", "champions", "forecasts", "lead_time_demand", "accuracy", "register", "backtests", "backtest_lags")
# Buckets known at the close of five months: the fourth lies 13 weeks after the first.
MONTHS = (160, 164, 168, 173, 177)


@pytest.fixture(scope="module")
def parameters() -> PlanningParameters:
    tables = {name: pd.read_csv(SEEDS / f"{name}.csv", dtype=str, keep_default_na=False) for name in PARAMETER_TABLES}
    return planning_parameters(tables, as_of=dt.date(2025, 1, 1), version="test")


def with_settings(parameters: PlanningParameters, **changes: object) -> PlanningParameters:
    rows = tuple(row.model_copy(update=changes) for row in parameters.forecast_settings)
    return parameters.model_copy(update={"forecast_settings": rows})


@dataclass
class Company:
    """A company that is planned cycle after cycle; it keeps what a warehouse would hold of each."""

    parameters: PlanningParameters
    demand: np.ndarray
    segments: Sequence[str]
    lead_time_days: np.ndarray | float = 21.0
    written: dict[int, ForecastResult] = field(default_factory=dict)

    def plan(self, end: int, *, states: SeriesStates | None = None, workers: int = 1) -> ForecastResult:
        """Plan the cycle that knows the first `end` buckets, from what the cycles before it wrote."""
        keys = pd.DataFrame({"item_id": [f"I{row:04d}" for row in range(len(self.demand))], "location_id": "ALL"})
        dates = pd.date_range("2021-01-04", periods=end, freq="W-MON")
        panel = DemandPanel(keys, dates, self.demand[:, :end], "W-MON")
        self.written[end] = forecast_segments(
            panel,
            keys.assign(segment_code=self.segments),
            keys.assign(lead_time_days=self.lead_time_days, lead_time_sd_days=2.0, evidence_grade="full"),
            parameters=self.parameters,
            workers=workers,
            earlier=states,
            champions=self.known_before(end),
            as_of=(dates[-1] + pd.Timedelta(days=7)).date(),
        )
        return self.written[end]

    def known_before(self, end: int) -> EarlierChampions | None:
        before = [self.written[one] for one in sorted(self.written) if one < end]
        if not before:
            return None
        backtests = pd.concat([one.backtests.assign(cycle=place) for place, one in enumerate(before)])
        newest = backtests.drop_duplicates(KEY, keep="last")
        lags = pd.concat([one.backtest_lags.assign(cycle=place) for place, one in enumerate(before)])
        return EarlierChampions(
            pd.concat([one.register for one in before]).drop_duplicates(KEY, keep="last"),
            newest.drop(columns="cycle"),
            lags.merge(newest[[*KEY, "cycle"]]).drop(columns="cycle"),
        )


def stationary(count: int, *, seed: int, buckets: int = 200) -> tuple[np.ndarray, list[str]]:
    """Half smooth around a constant mean, half intermittent."""
    rng = np.random.default_rng(seed)
    half = count // 2
    mean = rng.lognormal(3.5, 0.5, half)[:, None]
    smooth = rng.negative_binomial(20, 20 / (20 + mean), (half, buckets))
    often = rng.uniform(0.2, 0.5, count - half)[:, None]
    lumpy = (rng.random((count - half, buckets)) < often) * (1 + rng.poisson(3, (count - half, buckets)))
    return np.vstack([smooth, lumpy]).astype(float), ["AX"] * half + ["A-INT"] * (count - half)


def decisions(result: ForecastResult) -> dict[tuple[str, str], int]:
    return result.register.groupby(["trigger_code", "decision_code"]).size().to_dict()


def assert_same(one: ForecastResult, other: ForecastResult) -> None:
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)


@pytest.fixture(scope="module")
def calm(parameters) -> Company:
    company = Company(parameters, *stationary(60, seed=3))
    for end in MONTHS:
        company.plan(end)
    return company


def test_a_stationary_company_holds_a_tournament_first_and_when_it_is_due(calm):
    told = [decisions(calm.written[end]) for end in MONTHS]
    assert told[0] == {("never_selected", "first_selection"): 60}
    assert told[1] == told[2] == told[4] == {("none", "refitted"): 60}
    assert {trigger for trigger, _ in told[3]} == {"cadence"}
    assert [len(calm.written[end].backtests) for end in MONTHS] == [60, 0, 0, 60, 0]
    assert [calm.written[end].scores.empty for end in MONTHS] == [False, True, True, False, True]


def test_champions_between_tournaments_are_those_of_the_tournament_fitted_to_the_newest_demand(calm):
    first, second = (calm.written[end] for end in MONTHS[:2])
    assert (first.register["champion_model_code"] == second.register["champion_model_code"]).all()
    for name in ("champion_since_date", "tournament_date", "champion_score_qty", "challenger_model_code"):
        pd.testing.assert_series_equal(first.register[name], second.register[name])
    assert set(second.champions["evidence_grade"]) == {"full"}
    changed = first.forecasts["mean_qty"].to_numpy() != second.forecasts["mean_qty"].to_numpy()
    assert changed.mean() > 0.9
    assert second.forecasts["bucket_start_date"].min() > first.forecasts["bucket_start_date"].min()


def test_the_register_has_a_row_for_each_series_and_the_columns_of_its_table(calm):
    for end in MONTHS:
        result = calm.written[end]
        for frame, table in (
            (result.register, CHAMPION_REGISTER),
            (result.backtests, CHAMPION_BACKTEST),
            (result.backtest_lags, CHAMPION_BACKTEST_LAG),
        ):
            names = [column.name for column in table.columns if column.name != "period_start_date"]
            assert list(frame.columns) == names
            assert not frame.duplicated([name for name in table.grain if name != "period_start_date"]).any()
        assert len(result.register) == 60
        assert (result.register["champion_model_code"] == result.champions["model_code"]).all()


def test_no_champion_changes_without_the_margin(calm):
    due = calm.written[173].register
    before = calm.written[168].register
    is_replaced = due["decision_code"] == "replaced"
    assert (due["champion_model_code"] != before["champion_model_code"])[is_replaced].all()
    assert (due["champion_model_code"] == before["champion_model_code"])[~is_replaced].all()
    scores = calm.written[173].scores.set_index(["item_id", "model_code"])["score_ratio"]
    for row, old in zip(due[is_replaced].itertuples(), before[is_replaced]["champion_model_code"], strict=True):
        assert scores[row.item_id, row.champion_model_code] < 0.9 * scores[row.item_id, old]
    smooth = (due["segment_code"] == "AX") & ~is_replaced
    kept = due[smooth & (due["margin_rate"] > 0)]
    assert len(kept)
    assert (kept["margin_rate"] <= 0.3).all()


def test_the_same_period_planned_again_gives_the_same(parameters, calm):
    company = Company(parameters, calm.demand, calm.segments, written={end: calm.written[end] for end in MONTHS[:3]})
    for end in MONTHS[1:4]:
        whole = company.plan(end)
        assert_same(whole, calm.written[end])
        again = company.plan(end, states=whole.states)
        assert set(again.origins["origin_code"]) == {"reused"}
        assert_same(again, whole)


def test_a_cycle_knows_no_later_one(parameters, calm):
    company = Company(parameters, calm.demand.copy(), calm.segments, written=dict(calm.written))
    company.demand[:, MONTHS[2] :] = 1e6
    assert_same(company.plan(MONTHS[2]), calm.written[MONTHS[2]])


def test_reuse_notices_another_champion(parameters, calm):
    company = Company(parameters, calm.demand, calm.segments, written={MONTHS[0]: calm.written[MONTHS[0]]})
    before = company.plan(MONTHS[1])
    register = calm.written[MONTHS[0]].register.copy()
    register.loc[3, "champion_model_code"] = "ses"
    company.written[MONTHS[0]] = _replaced(calm.written[MONTHS[0]], register=register)
    again = company.plan(MONTHS[1], states=before.states)
    assert again.origins["origin_code"].tolist() == ["reused"] * 3 + ["champion"] + ["reused"] * 56
    assert again.register.loc[3, "champion_model_code"] == "ses"


def _replaced(result: ForecastResult, **frames: pd.DataFrame) -> ForecastResult:
    return ForecastResult(**{**vars(result), **frames})


def test_shifts_are_found_where_they_were_planted_and_nowhere_else(parameters):
    demand, segments = stationary(60, seed=3)
    week = np.arange(demand.shape[1])
    seasonal = [4, 9]
    for row in seasonal:
        rng = np.random.default_rng(row)
        demand[row] = rng.poisson(100 * (1 + 0.6 * np.sin(2 * np.pi * week / 52)))
        demand[row, 160:] = rng.poisson(100 * (1 - 0.6 * np.sin(2 * np.pi * week / 52)))[160:]
    shifted = [0, 17, 25]
    demand[shifted, 160:] *= 2.5
    company = Company(parameters, demand, segments)
    company.plan(160)
    found = [company.plan(end).register for end in MONTHS[1:3]]
    drifted = [set(np.flatnonzero(register["trigger_code"] == "drift")) for register in found]
    assert drifted[0] | drifted[1] == {*shifted, *seasonal}
    assert drifted[0] >= set(shifted)
    row = found[0].loc[0]
    # Demand above the forecast: its cumulative error is below zero.
    assert row["tracking_signal_ratio"] < -5
    assert "drift (tracking signal -" in row["reason"]
    assert (found[0]["trigger_code"] == "none").sum() == 60 - len(drifted[0])
    assert set(company.written[164].scores["item_id"]) == {f"I{place:04d}" for place in drifted[0]}


def test_a_refit_on_nothing_new_is_the_tournament_again(parameters, calm):
    """The carried back-test gives the same distribution of demand over the protection interval."""
    company = Company(parameters, calm.demand, calm.segments, written={160: calm.written[160]})
    first = calm.written[160]
    keys = first.register[KEY]
    dates = pd.date_range("2021-01-04", periods=160, freq="W-MON")
    again = forecast_segments(
        DemandPanel(keys, dates, calm.demand[:, :160], "W-MON"),
        keys.assign(segment_code=calm.segments),
        keys.assign(lead_time_days=21.0, lead_time_sd_days=2.0, evidence_grade="full"),
        parameters=parameters,
        workers=1,
        champions=company.known_before(161),
        as_of=(dates[-1] + pd.Timedelta(days=37)).date(),
    )
    assert decisions(again) == {("none", "refitted"): 60}
    for name in ("forecasts", "lead_time_demand", "champions"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(first, name), check_exact=False, rtol=1e-9)
    assert (again.register[["tracking_signal_ratio", "error_signal_ratio"]] == 0).all(axis=None)


def test_workers_and_chunks_change_no_byte_of_a_refit(parameters, calm, monkeypatch):
    company = Company(parameters, calm.demand, calm.segments, written={160: calm.written[160]})
    monkeypatch.setattr(workers, "DEAR_WORK_MILLISECONDS", 0.0)
    monkeypatch.setattr(run, "CHUNK_SERIES", 8)
    assert_same(company.plan(164, workers=2), calm.written[164])


@pytest.mark.parametrize(
    ("trigger", "claim"),
    [("pool_changed", False), ("method_changed", False), ("horizon_changed", True), ("history_changed", True)],
)
def test_what_a_tournament_rests_on_changed(parameters, calm, trigger, claim):
    company = Company(parameters, calm.demand.copy(), list(calm.segments), np.full(60, 21.0), {160: calm.written[160]})
    rows = np.arange(60)
    if trigger == "pool_changed":
        rows, company.segments = np.array([5]), ["A-INT" if row == 5 else one for row, one in enumerate(calm.segments)]
    elif trigger == "method_changed":
        company.parameters = with_settings(parameters, fold_count=6)
    elif trigger == "horizon_changed":
        rows, company.lead_time_days[7] = np.array([7]), 35.0
    else:
        rows = np.array([8])
        company.demand[8, 100:150] *= 3
    register = company.plan(164).register
    assert (register.loc[rows, "trigger_code"] == trigger).all()
    assert (register.drop(rows)["trigger_code"] == "none").all()
    assert (register.loc[rows, "tournament_date"] > calm.written[160].register.loc[rows, "tournament_date"]).all()
    assert set(register.loc[rows, "decision_code"]) <= {"kept", "replaced"}
    assert claim or trigger in {"pool_changed", "method_changed"}


def test_a_segment_that_changes_within_its_pool_and_a_slightly_longer_lead_time_need_no_tournament(parameters, calm):
    segments = ["AY" if one == "AX" else one for one in calm.segments]
    company = Company(parameters, calm.demand, segments, 23.0, {160: calm.written[160]})
    found = company.plan(164)
    assert decisions(found) == {("none", "refitted"): 60}
    assert set(found.register["segment_code"]) == {"AY", "A-INT"}
    # A longer interval varies more.
    longer = found.lead_time_demand["demand_sd_qty"].to_numpy()
    assert (longer > calm.written[164].lead_time_demand["demand_sd_qty"].to_numpy() * 1.01).mean() > 0.9


def test_another_planning_bucket_of_the_segment_needs_a_tournament(parameters, calm):
    """A champion of weeks says nothing of how the same model does in months."""
    company = Company(with_strategy(parameters, "AX", bucket_type="month"), calm.demand, calm.segments)
    company.written = {160: calm.written[160]}
    found = company.plan(164)
    is_coarse = np.array(calm.segments) == "AX"
    assert is_coarse.any()
    assert (~is_coarse).any()
    assert (found.register.loc[is_coarse, "trigger_code"] == "method_changed").all()
    assert (found.register.loc[~is_coarse, "trigger_code"] == "none").all()
    assert (found.champions.loc[is_coarse, "block_buckets"] == 4).all()


def with_strategy(parameters: PlanningParameters, segment: str, **change: str) -> PlanningParameters:
    rows = tuple(
        row.model_copy(update=change) if row.segment_code == segment else row for row in parameters.segment_strategies
    )
    return parameters.model_copy(update={"segment_strategies": rows})


def test_a_setting_of_the_cadence_changes_no_champion(parameters, calm):
    company = Company(with_settings(parameters, drift_signal_limit=6.0), calm.demand, calm.segments)
    company.written = {160: calm.written[160]}
    assert decisions(company.plan(164)) == {("none", "refitted"): 60}
    company.parameters = with_settings(parameters, tournament_cadence_days=28.0)
    assert {trigger for trigger, _ in decisions(company.plan(164))} == {"cadence"}


@pytest.mark.parametrize(("margin", "decision"), [(0.5, "kept"), (0.0, "replaced")])
def test_a_challenger_replaces_a_sitting_champion_by_the_margin_alone(parameters, calm, margin, decision):
    """Where the best model is a few percent better than the sitting one, the margin decides."""
    first = calm.written[160]
    scores = first.scores[first.scores["item_id"] == "I0002"].set_index("model_code")["score_ratio"]
    register = first.register.copy()
    # The incumbent of the pool is the ensemble; a champion that is a little worse than it sits.
    worse = scores[(scores > 1.001 * scores["ensemble_median"]) & (scores < 1.5 * scores["ensemble_median"])]
    register.loc[2, "champion_model_code"] = worse.index[0]
    company = Company(
        with_settings(parameters, tournament_cadence_days=1.0, replacement_margin_rate=margin),
        calm.demand,
        calm.segments,
    )
    backtests = first.backtests.copy()
    company.written = {160: _replaced(first, register=register, backtests=backtests)}
    # Other settings of choice would void the claim of the champion: they are those of its tournament.
    plain = Company(company.parameters, calm.demand, calm.segments).plan(160)
    backtests["method_hash"] = plain.backtests["method_hash"].to_numpy()
    found = company.plan(161).register.loc[2]
    assert found["trigger_code"] == "cadence"
    assert found["decision_code"] == decision
    if decision == "kept":
        assert found["champion_model_code"] == worse.index[0]
        assert found["margin_rate"] > 0
        assert "champion_kept" in found["reason"]
    else:
        assert f"replaces {worse.index[0]}" in found["reason"]
        assert found["champion_since_date"] == found["tournament_date"]


def test_a_champion_that_cannot_be_fitted_any_more_gives_way_to_a_tournament(parameters, calm, monkeypatch):
    register = calm.written[160].register.copy()
    register.loc[[1, 2], "champion_model_code"] = ["ets_level", "ses"]
    made = engine._factories()

    class Broken:
        def forecast(self, y: np.ndarray, h: int) -> None:
            raise ValueError("singular matrix")

        fit = forward = forecast

    monkeypatch.setattr(engine, "_factories", lambda: made | {"ets_level": lambda _: Broken()})
    company = Company(parameters, calm.demand, calm.segments)
    company.written = {160: _replaced(calm.written[160], register=register)}
    found = company.plan(164)
    assert found.register.loc[1, ["trigger_code", "decision_code"]].tolist() == ["refit_failed", "replaced"]
    assert found.register.loc[2, "decision_code"] == "refitted"
    assert (found.register["trigger_code"] == "refit_failed").sum() == 1
    again = company.plan(164, states=found.states)
    assert_same(again, found)
    assert again.register.loc[1, "trigger_code"] == "refit_failed"


def test_the_loss_of_the_pool_decides(parameters, calm):
    company = Company(
        with_settings(parameters, selection_loss="mae", champion_margin_rate=0.0), calm.demand, calm.segments
    )
    found = company.plan(160)
    assert set(found.register["loss_code"]) == {"mae"}
    # The mean absolute error is never above the root of the mean square of the same errors.
    assert (found.register["champion_score_qty"] <= found.backtests["cumulative_rmse_qty"] + 1e-12).all()
    scores = found.scores
    least = scores.groupby("item_id")["score_ratio"].min()
    own = scores[scores["is_champion"]].set_index("item_id")["score_ratio"]
    assert (own <= 1.02 * least + 1e-9).mean() > 0.9
    # Under another loss a champion has no claim: it is chosen anew.
    later = Company(company.parameters, calm.demand, calm.segments, written={160: calm.written[160]})
    assert {trigger for trigger, _ in decisions(later.plan(164))} == {"method_changed"}


def test_a_segment_has_a_loss_of_its_own(parameters, calm):
    """Intermittent demand planned for 0.97: other champions win by the quantile, and smooth demand keeps its own."""
    own = with_strategy(with_settings(parameters, champion_margin_rate=0.0), "A-INT", selection_loss="pinball")
    plain = Company(with_settings(parameters, champion_margin_rate=0.0), calm.demand, calm.segments).plan(160)
    company = Company(own, calm.demand, calm.segments)
    found = company.plan(160)
    is_int = np.array(calm.segments) == "A-INT"
    assert set(found.register.loc[is_int, "loss_code"]) == {"pinball"}
    assert set(found.register.loc[~is_int, "loss_code"]) == {"rmse"}
    champion = found.register["champion_model_code"]
    pd.testing.assert_series_equal(champion[~is_int], plain.register.loc[~is_int, "champion_model_code"])
    changed = (champion != plain.register["champion_model_code"])[is_int]
    assert changed.mean() > 0.2
    # Judged by the same figures: less loss at the quantile, no less error of the mean.
    one, other = (frame.scores[frame.scores["is_champion"]].set_index("item_id") for frame in (found, plain))
    moved = changed.index[changed]
    names = found.register.loc[moved, "item_id"]
    assert (one.loc[names, "cumulative_rmse_qty"] >= 0.98 * other.loc[names, "cumulative_rmse_qty"]).all()
    # A target that changes is another loss: a champion of 0.97 has no claim at 0.8.
    targets = tuple(
        row.model_copy(update={"service_target": 0.8}) if row.segment_code == "A-INT" else row
        for row in own.service_targets
    )
    company.parameters = own.model_copy(update={"service_targets": targets})
    later = company.plan(164).register["trigger_code"]
    assert (later[is_int] == "method_changed").all()
    assert (later[~is_int] != "method_changed").all()


def _nasty() -> np.ndarray:
    week = np.arange(200)
    new = np.where(week < 162, np.nan, 5.0)
    late = np.where(week < 170, 0.0, 3.0)
    return np.array(
        [
            np.zeros(200),
            np.where(week == 60, 4.0, 0.0),
            np.where(week < 157, np.nan, 4.0 + week % 3),
            new,
            late,
            np.full(200, 7.0),
            np.where(week == 166, 8.0, 7.0),
            np.where(week < 162, 1.0, 1e9),
            np.where(week < 162, 1e9, 0.0),
            np.where(week % 2, 1e-9, 0.0),
            np.where(week == 163, 1e12, 1.0),
            np.where(week < 8, 10.0, 0.0),
        ]
    )


@pytest.mark.parametrize("segment", ["AX", "A-INT", "NEW", "EOL"])
def test_nasty_series_are_never_lost_in_any_cycle(parameters, segment):
    demand = _nasty()
    company = Company(parameters, demand, [segment] * len(demand))
    # The series that begins in bucket 162 is not planned before it has one.
    for end in (164, 168, 172, 177):
        found = company.plan(end)
        assert len(found.register) == len(found.lead_time_demand) == len(demand)
        assert found.forecasts["item_id"].nunique() == len(demand)
        for frame in (found.forecasts, found.lead_time_demand):
            quantities = frame.filter(like="_qty").to_numpy()
            assert np.isfinite(quantities).all()
            assert (quantities >= 0).all()
        signals = found.register[["tracking_signal_ratio", "error_signal_ratio"]].to_numpy()
        assert np.isfinite(signals).all()
        assert (np.abs(signals) <= 1000).all()
        fallback = found.register["champion_score_qty"].isna()
        assert (found.register.loc[fallback, "decision_code"] == "fallback").all()
        assert not (found.register.loc[~fallback, "decision_code"] == "fallback").any()
    last = found.register
    assert last.loc[0, "champion_model_code"] == "zero"
    assert last.loc[3, "decision_code"] != "fallback"
    # A demand that never varied and then did is drift, however small the step.
    assert (company.written[168].register.loc[6, ["trigger_code"]] == "drift").all()
