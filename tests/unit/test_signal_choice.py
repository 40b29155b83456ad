"""With lost sales or without: judged by demand that was seen, segment by segment, and kept unless beaten."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stockstrata.forecasting.signal_choice import chosen_signals, signal_choices
from stockstrata.history.reasons import signals_of
from stockstrata.history.signal import LearntHistory
from stockstrata.panel import DemandPanel
from stockstrata.tables import DEMAND_SIGNAL_CHOICE

SERIES, WEEKS = 30, 150


def _history(panel, learnt, is_out):
    judged = np.where(is_out, np.nan, panel.demand_qty)
    least = np.where(is_out & (panel.demand_qty <= 0), np.nan, panel.demand_qty)
    return LearntHistory(
        replace(panel, demand_qty=learnt), judged, least, ~is_out, learnt, np.ones((len(learnt), learnt.shape[1] + 13))
    )


def _histories(sold, lost, is_out):
    keys = pd.DataFrame({"item_id": [f"I{k:03d}" for k in range(len(sold))], "location_id": "ALL"})
    panel = DemandPanel(keys, pd.date_range("2022-01-03", periods=WEEKS, freq="W-MON"), sold, "W-MON")
    return {"clean": _history(panel, sold, is_out), "unconstrained": _history(panel, sold + lost, is_out)}


@pytest.fixture(scope="module")
def by_chance():
    """A third of all weeks without stock, whatever is wanted: what was lost is exactly what was not sold."""
    rng = np.random.default_rng(1)
    wanted = rng.poisson(20.0, (SERIES, WEEKS)).astype(float)
    is_out = np.repeat(rng.random((SERIES, WEEKS // 10)) < 1 / 3, 10, axis=1)
    return _histories(np.where(is_out, 0.0, wanted), np.where(is_out, 20.0, 0.0), is_out)


@pytest.fixture(scope="module")
def by_demand():
    """Stock is out after a large order alone, and no more was wanted: taking it for a lower bound doubles it."""
    rng = np.random.default_rng(2)
    wanted = rng.poisson(5.0, (SERIES, WEEKS)).astype(float)
    is_large = rng.random((SERIES, WEEKS)) < 0.1
    sold = np.where(is_large, 60.0, wanted)
    return _histories(sold, np.where(is_large, 60.0, 0.0), is_large)


@pytest.fixture
def choose(make_parameters):
    def run(histories, segments="AX", earlier=None, **row):
        more = {"demand_signals": [{"segment_code": "AX", "demand_signal": "validated"} | FLAGS | row]}
        segment = np.full(SERIES, "AX", dtype=object) if isinstance(segments, str) else segments
        found = signal_choices(histories, segment, signals_of(segment.tolist(), make_parameters(more)), earlier=earlier)
        assert list(found.columns) == [c.name for c in DEMAND_SIGNAL_CHOICE.columns if c.name != "period_start_date"]
        assert (found.groupby("segment_code")["is_chosen"].sum() == 1).all()
        return found

    return run


FLAGS = {"exclude_outliers": "false", "exclude_projects": "true", "separate_promotions": "true"}


def test_what_was_lost_by_chance_is_learnt(choose, by_chance):
    found = choose(by_chance).set_index("signal_code")
    assert chosen_signals(found.reset_index()) == ({"AX": "unconstrained"}, {"AX": "less_error"})
    assert found.loc["unconstrained", "error_ratio"] < 0.7 * found.loc["clean", "error_ratio"]
    assert (found["series_count"] == SERIES).all()


def test_what_emptied_the_shelf_itself_is_not_doubled(choose, by_demand):
    found = choose(by_demand, replacement_margin_rate=0.1)
    assert chosen_signals(found) == ({"AX": "clean"}, {"AX": "less_error"})


def test_each_segment_chooses_for_itself(choose, by_chance, by_demand):
    half = SERIES // 2

    def mixed(name):
        one, other = by_chance[name], by_demand[name]
        arrays = {
            key: np.concatenate([getattr(one, key)[:half], getattr(other, key)[half:]])
            for key in ("judged_qty", "least_qty", "is_observed", "origin_qty", "event_factor")
        }
        demand = np.concatenate([one.panel.demand_qty[:half], other.panel.demand_qty[half:]])
        return replace(one, panel=replace(one.panel, demand_qty=demand), **arrays)

    segments = np.array(["AX"] * half + ["CZ"] * half, dtype=object)
    found = choose({name: mixed(name) for name in by_chance}, segments)
    assert chosen_signals(found)[0] == {"AX": "unconstrained", "CZ": "clean"}


def test_the_signal_of_the_cycle_before_stays_unless_beaten(choose, by_demand):
    before = pd.DataFrame({"segment_code": ["AX"], "signal_code": ["clean"], "is_chosen": True, "reason_code": "x"})
    nearly = choose(by_demand, replacement_margin_rate=1.0)
    assert chosen_signals(nearly) == ({"AX": "unconstrained"}, {"AX": "incumbent_kept"})
    kept = choose(by_demand, replacement_margin_rate=1.0, earlier=before)
    assert chosen_signals(kept) == ({"AX": "clean"}, {"AX": "less_error"})


def test_too_few_spans_decide_nothing(choose, by_demand):
    segments = np.array(["AX"] * 3 + ["CZ"] * (SERIES - 3), dtype=object)
    found = choose(by_demand, segments)
    assert chosen_signals(found)[1]["AX"] == "too_few_seen"
    assert chosen_signals(found)[0] == {"AX": "unconstrained", "CZ": "clean"}
    nothing = np.full((SERIES, WEEKS), np.nan)
    never = {name: replace(one, judged_qty=nothing, least_qty=nothing) for name, one in by_demand.items()}
    assert set(choose(never)["reason_code"]) == {"too_few_seen"}
    assert choose(never)["error_ratio"].isna().all()
    assert chosen_signals(choose({}))[0] == {"AX": "unconstrained"}


@pytest.mark.parametrize("signal", ["raw", "clean", "unconstrained"])
def test_a_fixed_signal_is_not_judged(choose, by_demand, signal):
    (row,) = choose(by_demand, demand_signal=signal).to_dict("records")
    assert (row["signal_code"], row["reason_code"], row["is_chosen"]) == (signal, "fixed_by_parameter", True)


def test_a_shelf_that_ran_out_tells_what_was_wanted_at_least(choose):
    """Shelves hold sixty and are empty where more is wanted: spans in stock throughout show low demand alone."""
    wanted = np.random.default_rng(3).gamma(0.25, 40.0, (SERIES, WEEKS))
    is_dry, sold = wanted > 60.0, np.minimum(wanted, 60.0)
    excess = (wanted[is_dry] - 60.0).mean()
    histories = _histories(sold, np.where(is_dry, excess, 0.0), is_dry)
    assert chosen_signals(choose(histories, replacement_margin_rate=0.1))[0] == {"AX": "unconstrained"}
    blind = {name: replace(one, least_qty=np.where(is_dry, np.nan, sold)) for name, one in histories.items()}
    assert chosen_signals(choose(blind, replacement_margin_rate=0.1)) == ({"AX": "clean"}, {"AX": "less_error"})


def test_promotions_judge_nobody(choose, by_chance):
    """Spans end before a promotion, and one that begins in it is none."""
    plain = choose(by_chance)
    factor = np.ones((SERIES, WEEKS + 13))
    factor[:, -13 - 30 : -13] = 1.4
    promoted = {name: replace(one, event_factor=factor) for name, one in by_chance.items()}
    assert (choose(promoted)["observation_count"] < plain["observation_count"]).all()
