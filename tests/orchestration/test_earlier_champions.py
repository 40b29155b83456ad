"""Champions of the cycles before, through the warehouse and back: what a cycle reads is what earlier ones wrote."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assets.earlier_champions import earlier_champions
from assets.forecast_figures import told_of_tournaments
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.forecasting.earlier import EarlierChampions
from stockstrata.forecasting.run import ForecastResult, forecast_segments
from stockstrata.panel import DemandPanel
from stockstrata.tables import CHAMPION_BACKTEST, CHAMPION_BACKTEST_LAG, CHAMPION_REGISTER

ENDS = {dt.date(2025, 1, 1): 160, dt.date(2025, 2, 1): 164, dt.date(2025, 3, 1): 168}
JANUARY, FEBRUARY, MARCH = ENDS
KEYS = pd.DataFrame({"item_id": ["A", "B", "C", "D"], "location_id": "ALL"})


def _plan(period: dt.date, champions: EarlierChampions | None, demand: np.ndarray) -> ForecastResult:
    end = ENDS[period]
    dates = pd.date_range("2021-12-06", periods=end, freq="W-MON")
    return forecast_segments(
        DemandPanel(KEYS, dates, demand[:, :end], "W-MON"),
        KEYS.assign(segment_code=["AX", "A-INT", "NEW", "AX"]),
        KEYS.assign(lead_time_days=21.0, lead_time_sd_days=2.0, evidence_grade="full"),
        parameters=ParameterStore().in_force(period),
        workers=1,
        champions=champions,
        as_of=(pd.Timestamp(period) + pd.DateOffset(months=1)).date(),
    )


def _write(warehouse: Warehouse, period: dt.date, found: ForecastResult) -> None:
    frames = {
        CHAMPION_REGISTER: found.register,
        CHAMPION_BACKTEST: found.backtests,
        CHAMPION_BACKTEST_LAG: found.backtest_lags,
    }
    warehouse.replace_periods(list(frames.items()), period)


@pytest.fixture(scope="module")
def demand() -> np.ndarray:
    demand = np.random.default_rng(7).poisson([[40.0], [0.4], [9.0], [60.0]], (4, 168)).astype(float)
    demand[3, 160:] *= 3
    return demand


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    made = Warehouse(path=str(tmp_path / "warehouse.duckdb"))
    made.create_tables()
    return made


def test_without_an_earlier_cycle_everything_is_selected(warehouse, demand):
    found = _plan(JANUARY, earlier_champions(warehouse, JANUARY), demand)
    assert set(found.register["decision_code"]) == {"first_selection"}
    pd.testing.assert_frame_equal(found.register, _plan(JANUARY, None, demand).register)


def test_a_cycle_goes_on_from_the_newest_rows_before_it(warehouse, demand):
    first = _plan(JANUARY, None, demand)
    _write(warehouse, JANUARY, first)
    read = earlier_champions(warehouse, FEBRUARY)
    in_memory = EarlierChampions(first.register, first.backtests, first.backtest_lags)
    second = _plan(FEBRUARY, read, demand)
    for name in ("register", "forecasts", "lead_time_demand", "backtests", "backtest_lags"):
        pd.testing.assert_frame_equal(
            getattr(second, name), getattr(_plan(FEBRUARY, in_memory, demand), name), check_exact=True
        )
    assert second.register["trigger_code"].tolist() == ["none", "none", "none", "drift"]
    _write(warehouse, FEBRUARY, second)
    # The three that were refitted rest on January's back-test, the one that drifted on its own.
    newest = earlier_champions(warehouse, MARCH)
    assert newest.register["tournament_date"].dt.month.tolist() == [2, 2, 2, 3]
    assert newest.lags.groupby("item_id")["period_start_date"].unique().map(lambda days: days[0].month).tolist() == [
        1, 1, 1, 2,
    ]  # fmt: skip
    third = _plan(MARCH, newest, demand)
    assert third.register["decision_code"].tolist() == ["refitted"] * 4
    # A cycle planned again does not know the later ones, whatever they hold.
    _write(warehouse, MARCH, third)
    again = _plan(FEBRUARY, earlier_champions(warehouse, FEBRUARY), demand)
    pd.testing.assert_frame_equal(again.register, second.register, check_exact=True)


def test_an_item_location_that_a_cycle_left_out_goes_on_from_the_cycle_before(warehouse, demand):
    first = _plan(JANUARY, None, demand)
    _write(warehouse, JANUARY, first)
    second = _plan(FEBRUARY, earlier_champions(warehouse, FEBRUARY), demand)
    warehouse.replace_period(CHAMPION_REGISTER, second.register.iloc[1:], FEBRUARY)
    third = _plan(MARCH, earlier_champions(warehouse, MARCH), demand)
    assert third.register.loc[0, ["trigger_code", "decision_code"]].tolist() == ["none", "refitted"]


def test_tournaments_and_their_reasons_are_told(demand):
    first = _plan(JANUARY, None, demand)
    second = _plan(FEBRUARY, EarlierChampions(first.register, first.backtests, first.backtest_lags), demand)
    told = told_of_tournaments(second.register)
    assert told["tournaments"] == "1 of 4 series; the champions of the others were refitted"
    assert "| drift | 1 |" in told["triggers"].value
    assert told["drifted"].startswith("D, ALL: ensemble_median kept")
    assert told["drifted_count"] == 1
