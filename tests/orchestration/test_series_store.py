"""Outcomes kept by series: what is read back is what was written, and what cannot be read is computed."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from assets.forecast_figures import told_of_faults, told_of_origins
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.series_store import KEPT_PERIODS, SeriesStore
from stockstrata.forecasting.reuse import SeriesStates
from stockstrata.forecasting.run import forecast_segments
from stockstrata.panel import DemandPanel

PERIOD = dt.date(2025, 1, 1)


@pytest.fixture(scope="module")
def forecast():
    demand = np.random.default_rng(1).poisson([[3.0], [40.0], [0.2]], (3, 120)).astype(float)
    demand[0, :100] = np.nan
    keys = pd.DataFrame({"item_id": ["A", "B", "C"], "location_id": "ALL"})
    panel = DemandPanel(keys, pd.date_range("2022-01-03", periods=120, freq="W-MON"), demand, "W-MON")
    assignment = keys.assign(segment_code=["NEW", "AX", "A-INT"])
    supply = keys.assign(lead_time_days=[14.0, 21.0, 150.0], lead_time_sd_days=2.0, evidence_grade="full")
    parameters = ParameterStore().in_force(PERIOD)

    def run(earlier: SeriesStates | None):
        return forecast_segments(panel, assignment, supply, parameters=parameters, workers=1, earlier=earlier)

    return run


def test_outcomes_that_were_kept_serve_as_well_as_those_in_memory(forecast, tmp_path):
    first, store = forecast(None), SeriesStore(folder=str(tmp_path / "outcomes"))
    store.write(PERIOD, first.states)
    again = forecast(store.read(PERIOD))
    assert set(again.origins["origin_code"]) == {"reused"}
    for name in ("scores", "champions", "forecasts", "lead_time_demand", "accuracy", "faults"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(again, name), check_exact=True)


def test_only_the_newest_periods_are_kept_and_remains_of_a_dead_run_go(forecast, tmp_path):
    store, states = SeriesStore(folder=str(tmp_path)), forecast(None).states
    (tmp_path / ".draft-99999").write_bytes(b"half a file")
    for month in range(1, KEPT_PERIODS + 2):
        store.write(dt.date(2025, month, 1), states)
    assert [file.stem for file in sorted(tmp_path.iterdir())] == ["2025-02-01", "2025-03-01", "2025-04-01"]
    assert store.read(dt.date(2025, 1, 1)) is None


@pytest.mark.parametrize("content", [b"", b"PAR1 but no more", None])
def test_what_cannot_be_read_is_as_if_it_were_not_there(tmp_path, content):
    if content is not None:
        (tmp_path / f"{PERIOD}.parquet").write_bytes(content)
    else:
        pd.DataFrame({"item_id": ["A"]}).to_parquet(tmp_path / f"{PERIOD}.parquet")
    assert SeriesStore(folder=str(tmp_path)).read(PERIOD) is None


def test_what_was_computed_and_why_is_told():
    origins = pd.Series(["reused"] * 897 + ["history", "interval", "history"])
    told = "reused 897 of 900 series; recomputed 3: history changed 2, lead time or review period changed 1"
    assert told_of_origins(origins) == told
    assert told_of_origins(pd.Series(["reused"] * 4)) == "reused 4 of 4 series; recomputed 0"


def test_models_that_failed_are_counted_and_named():
    faults = pd.DataFrame(
        {"item_id": "A", "location_id": "L", "model_code": ["ses", "tsb", "ses"], "fault_text": "ValueError: odd"}
    )
    told = told_of_faults(faults)
    assert told["unusable_model_count"] == 3
    assert "| ses | 2 |" in told["unusable_models"].value
    assert told["unusable_model_examples"].splitlines()[0] == "A, L: ses: ValueError: odd"
    assert told_of_faults(faults.head(0))["unusable_model_examples"] == "none"
