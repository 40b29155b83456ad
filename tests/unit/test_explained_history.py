"""The ledger accounts for every unit: each series and what each reason took add up, and forecasts use it."""

import dataclasses
import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockstrata.forecasting.run import forecast_segments
from stockstrata.history.explain import HistoryFacts, explain_history
from stockstrata.history.projects import ORDER_COLUMNS
from stockstrata.history.reasons import CLEANED, NETTED, REASONS, applied_reasons, signal_of
from stockstrata.history.signal import learnt_history, signal_table
from stockstrata.panel import DemandPanel
from stockstrata.parameters import PARAMETER_TABLES, planning_parameters
from stockstrata.tables import DEMAND_ADJUSTMENT, DEMAND_SIGNAL

WEEKS = 120
SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds" / "parameters"
SETTINGS = planning_parameters(
    {name: pd.read_csv(SEEDS / f"{name}.csv", dtype=str, keep_default_na=False) for name in PARAMETER_TABLES},
    as_of=dt.date(2025, 1, 1),
    version="test",
).settings
NO_RETURNS = pd.DataFrame(
    {name: [] for name in ("item_id", "location_id", "bucket_start_date", "return_reason", "returned_qty")}
)
NO_STOCK = pd.DataFrame(
    {
        name: []
        for name in (
            "item_id", "location_id", "bucket_start_date", "in_stock_rate", "is_dry", "run_out_count", "source_code",
        )
    }
)  # fmt: skip
NO_PROMOTIONS = pd.DataFrame(
    {
        name: pd.Series([], dtype="datetime64[ns]" if name.endswith("date") else object)
        for name in ("item_id", "location_id", "promotion_id", "start_date", "end_date", "expected_uplift_rate")
    }
)


def no_orders(asked):
    return asked.iloc[:0].reindex(columns=list(ORDER_COLUMNS))


def facts_of(panel, **given):
    empty = {"returns": NO_RETURNS, "availability": NO_STOCK, "promotions": NO_PROMOTIONS, "orders_of": no_orders}
    return HistoryFacts(panel=panel, families=pd.Series([""] * len(panel.keys)), **(empty | given))


def cell(panel, row, week):
    return {**panel.keys.iloc[row].to_dict(), "bucket_start_date": panel.bucket_start_dates[week]}


def returned(panel, *rows):
    return pd.DataFrame(
        [{**cell(panel, row, week), "return_reason": reason, "returned_qty": qty} for row, week, reason, qty in rows]
    )


def out_of_stock(panel, row, weeks, rate=0.0, *, dry=False, source="flag"):
    return pd.DataFrame(
        [
            {**cell(panel, row, week), "in_stock_rate": rate, "is_dry": dry, "run_out_count": 0, "source_code": source}
            for week in weeks
        ]
    )


def promoted(panel, start, weeks=2, rows=None):
    first = panel.bucket_start_dates[0] + pd.Timedelta(weeks=start)
    keys = panel.keys if rows is None else panel.keys.iloc[rows]
    return keys.assign(
        promotion_id=f"P{start}",
        start_date=first,
        end_date=first + pd.Timedelta(days=7 * weeks - 1),
        expected_uplift_rate=np.nan,
    )


def matrix(panel, adjustments, reasons):
    """Adjustments of some reasons by cell."""
    held = adjustments[adjustments["reason_code"].isin(reasons)]
    out = np.zeros(panel.demand_qty.shape)
    row = pd.MultiIndex.from_frame(panel.keys).get_indexer(pd.MultiIndex.from_frame(held[["item_id", "location_id"]]))
    week = panel.bucket_start_dates.get_indexer(pd.DatetimeIndex(held["bucket_start_date"]))
    np.add.at(out, (row, week), held["adjustment_qty"].to_numpy(dtype=float))
    return out


@pytest.fixture
def parameters(make_parameters):
    return make_parameters()


def learnt(panel, found, parameters, **more):
    everyone = pd.Series("*", index=panel.keys.index)
    return learnt_history(
        panel, found.adjustments, signal_table(panel, found.adjustments, everyone, parameters=parameters), **more
    )


def busy(make_panel):
    """Three items with everything that can happen: returns, spikes, a project, stock-outs, promotions."""
    rng = np.random.default_rng(1)
    qty = rng.poisson(np.array([[30.0], [12.0], [40.0]]) * np.ones(WEEKS)).astype(float)
    qty[0, 50] = 250
    qty[1, 70] = 150
    for week in (25, 60, 95):
        qty[2, week : week + 2] = np.rint(qty[2, week : week + 2] * 1.6)
        qty[2, week + 2 : week + 4] = np.rint(qty[2, week + 2 : week + 4] * 0.8)
    qty[0, 80:83] = 0
    panel = make_panel(qty)
    big = pd.DataFrame(
        [{**cell(panel, 1, 70), "order_code": "SO-9", "customer_code": "C1", "order_qty": 140.0,
          "next_largest_qty": 9.0, "order_count": 200}]
    )  # fmt: skip
    return facts_of(
        panel,
        returns=returned(panel, (0, 3, "damaged", 4.0), (0, 3, "not needed", 2.0), (1, 9, "damaged", 500.0)),
        availability=pd.concat(
            [out_of_stock(panel, 0, range(80, 83)), out_of_stock(panel, 1, [30], 0.5, dry=True)], ignore_index=True
        ),
        promotions=pd.concat([promoted(panel, week, rows=[2]) for week in (25, 60, 95)], ignore_index=True),
        orders_of=lambda asked: big,
    )


def test_every_reason_is_told_once_with_its_evidence(make_panel, parameters):
    facts = busy(make_panel)
    rows = explain_history(facts, settings=parameters.settings).adjustments
    assert list(rows.columns) == [c.name for c in DEMAND_ADJUSTMENT.columns if c.name != "period_start_date"]
    assert set(rows["reason_code"]) == set(REASONS)
    keys = [name for name in DEMAND_ADJUSTMENT.grain if name != "period_start_date"]
    assert not rows.duplicated(keys).any()
    assert (rows["explanation"].str.len() > 20).all()
    assert (rows["evidence"].str.len() > 5).all()
    spike = rows[rows["reason_code"] == "outlier"].iloc[0]
    assert (spike["bucket_start_date"], spike["raw_qty"]) == (facts.panel.bucket_start_dates[50], 250)
    assert spike["adjustment_qty"] == pytest.approx(-220, abs=10)
    project = rows[rows["reason_code"] == "project"].iloc[0]
    assert (project["reason_detail"], project["adjustment_qty"]) == ("SO-9", -140)
    backs = rows[(rows["reason_code"] == "return") & (rows["raw_qty"] == facts.panel.demand_qty[0, 3])]
    assert backs.set_index("reason_detail")["adjustment_qty"].to_dict() == {"damaged": -4, "not needed": -2}


def test_clean_and_what_was_excluded_add_up_to_raw_and_a_row_left_out_gives_it_back(make_panel, parameters):
    facts = busy(make_panel)
    rows = explain_history(facts, settings=parameters.settings).adjustments
    panel = facts.panel
    clean = panel.demand_qty + matrix(panel, rows, CLEANED)
    excluded = sum(-matrix(panel, rows, [code]) for code in CLEANED)
    assert np.array_equal(clean + excluded, panel.demand_qty)
    assert clean.min() >= 0
    for place in range(len(rows)):
        without = matrix(panel, rows.drop(index=place), REASONS)
        own = matrix(panel, rows.loc[[place]], REASONS)
        assert np.array_equal(without + own, matrix(panel, rows, REASONS))
    assert np.array_equal(panel.demand_qty + matrix(panel, rows.iloc[:0], REASONS), panel.demand_qty)


def test_no_series_of_the_ledger_is_ever_negative(make_panel, parameters):
    facts = busy(make_panel)
    rows = explain_history(facts, settings=parameters.settings).adjustments
    for reasons in (CLEANED, REASONS[:-2], REASONS):
        assert (facts.panel.demand_qty + matrix(facts.panel, rows, reasons)).min() >= 0


def test_more_returns_than_sales_are_clipped_at_zero_with_a_row_that_says_so(make_panel, parameters):
    facts = busy(make_panel)
    rows = explain_history(facts, settings=parameters.settings).adjustments
    clipped = rows[rows["reason_code"] == "negative_clipped"]
    assert clipped["adjustment_qty"].tolist() == [500 - facts.panel.demand_qty[1, 9]]
    assert "never as negative" in clipped["explanation"].iloc[0]


def test_a_quiet_history_has_no_rows(make_panel, parameters):
    found = explain_history(facts_of(make_panel(np.full((2, 60), 5.0))), settings=parameters.settings)
    assert found.adjustments.empty
    assert found.effects.empty


@pytest.mark.parametrize(
    ("signal", "reasons"),
    [
        ({"demand_signal": "raw"}, ()),
        ({"demand_signal": "clean", "exclude_projects": False, "separate_promotions": False}, NETTED),
        ({"demand_signal": "clean", "exclude_outliers": True}, (*CLEANED, "promotion_uplift", "promotion_dip")),
        ({"exclude_outliers": True}, REASONS),
    ],
)
def test_a_segment_learns_with_the_reasons_that_its_row_asks_for(signal, reasons, make_panel, parameters):
    default = signal_of("AX", parameters)
    assert default.segment_code == "*"
    row = default.model_copy(update=signal)
    assert applied_reasons(row) == reasons
    chosen = parameters.model_copy(update={"demand_signals": (row,)})
    facts = busy(make_panel)
    found = explain_history(facts, settings=parameters.settings)
    series = learnt(facts.panel, found, chosen).panel.demand_qty
    assert series == pytest.approx(facts.panel.demand_qty + matrix(facts.panel, found.adjustments, reasons))


def test_shipped_defaults_keep_outliers_and_take_out_projects_lost_sales_and_promotions(parameters):
    assert applied_reasons(signal_of("CZ", parameters)) == tuple(code for code in REASONS if code != "outlier")


def test_an_own_row_of_a_segment_goes_before_the_default(make_parameters, make_panel):
    own = {
        "segment_code": "CZ", "demand_signal": "raw", "exclude_outliers": "false", "exclude_projects": "false",
        "separate_promotions": "false",
    }  # fmt: skip
    parameters = make_parameters({"demand_signals": [own]})
    facts = busy(make_panel)
    found = explain_history(facts, settings=parameters.settings)
    table = signal_table(facts.panel, found.adjustments, pd.Series(["CZ", "AX", "AX"]), parameters=parameters)
    assert list(table.columns) == [c.name for c in DEMAND_SIGNAL.columns if c.name != "period_start_date"]
    assert table["signal_code"].tolist() == ["raw", "unconstrained", "unconstrained"]
    assert table.loc[0, "signal_qty"] == table.loc[0, "raw_qty"] == facts.panel.demand_qty[0].sum()
    assert table["censored_bucket_count"].tolist() == [3, 1, 0]


def test_what_nobody_saw_is_not_judged_and_weeks_before_the_first_stock_are_not_learnt(make_panel, parameters):
    qty = np.full((1, 60), 9.0)
    qty[0, :4] = 0
    qty[0, 40] = 0
    panel = make_panel(qty)
    stock = pd.concat([out_of_stock(panel, 0, range(4)), out_of_stock(panel, 0, [40])], ignore_index=True)
    found = explain_history(facts_of(panel, availability=stock), settings=parameters.settings)
    history = learnt(panel, found, parameters)
    assert np.isnan(history.panel.demand_qty[0, :4]).all()
    assert (history.panel.demand_qty[0, 4:] == 9).all()
    assert np.flatnonzero(np.isnan(history.judged_qty[0])).tolist() == [0, 1, 2, 3, 40]
    assert np.flatnonzero(~history.is_observed[0]).tolist() == [0, 1, 2, 3, 40]


def test_history_after_a_cut_off_changes_nothing_before_another(make_panel, parameters):
    """What a cycle explains comes from its own panel alone: a longer one may explain the past otherwise, later."""
    facts = busy(make_panel)
    first = explain_history(facts, settings=parameters.settings).adjustments
    again = explain_history(facts, settings=parameters.settings).adjustments
    pd.testing.assert_frame_equal(first, again)


ODD = {
    "all_zero": np.zeros(60),
    "one_point": np.append(np.full(59, np.nan), 4.0),
    "constant": np.full(60, 3.0),
    "one_sale": np.append(np.zeros(59), 1000.0),
    "huge": np.full(60, 1e12),
    "tiny": np.full(60, 1e-9),
    "fractions": np.linspace(0.1, 7.3, 60),
}


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
def test_odd_histories_are_explained_and_never_lost(rate, make_panel, parameters):
    panel = make_panel(np.stack(list(ODD.values())))
    stock = pd.concat(
        [out_of_stock(panel, row, range(60), rate, dry=True) for row in range(len(ODD))], ignore_index=True
    )
    backs = returned(panel, *((row, 30, "damaged", 5.0) for row in range(len(ODD))))
    facts = facts_of(panel, availability=stock, returns=backs, promotions=promoted(panel, 20))
    found = explain_history(facts, settings=parameters.settings)
    assert np.isfinite(found.adjustments["adjustment_qty"]).all()
    history = learnt(panel, found, parameters, promotions=facts.promotions, effects=found.effects, ahead=13)
    assert np.isfinite(history.panel.demand_qty).any(axis=1).all()
    assert np.nanmin(history.panel.demand_qty) >= 0
    assert np.isfinite(history.event_factor).all()
    assert (history.event_factor > 0).all()
    assignment = panel.keys.assign(segment_code="AX")
    supply = panel.keys.assign(lead_time_days=14.0, lead_time_sd_days=0.0, evidence_grade="full")
    result = forecast_segments(panel, assignment, supply, parameters=parameters, workers=1, history=history)
    assert len(result.lead_time_demand) == len(ODD)
    assert np.isfinite(result.forecasts["mean_qty"]).all()
    assert (result.forecasts["mean_qty"] >= 0).all()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_accounts_close_for_any_history(data):
    count, weeks = 3, 30
    qty = np.array(data.draw(st.lists(st.integers(0, 60), min_size=count * weeks, max_size=count * weeks)), dtype=float)
    keys = pd.DataFrame({"item_id": ["a", "b", "c"], "location_id": "L1"})
    dates = pd.date_range("2024-01-01", periods=weeks, freq="W-MON")
    panel = DemandPanel(keys, dates, qty.reshape(count, weeks), "W-MON")
    some = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 29)), unique=True, max_size=10)
    backs = returned(panel, *((row, week, "damaged", 7.0) for row, week in data.draw(some)))
    out = [out_of_stock(panel, row, [week], 0.25) for row, week in data.draw(some)]
    assert_closed(panel, backs if len(backs) else NO_RETURNS, pd.concat(out, ignore_index=True) if out else NO_STOCK)


def assert_closed(panel, backs, stock):
    facts = facts_of(panel, returns=backs, availability=stock, promotions=promoted(panel, 12))
    rows = explain_history(facts, settings=SETTINGS).adjustments
    clean = panel.demand_qty + matrix(panel, rows, CLEANED)
    assert np.array_equal(clean - matrix(panel, rows, CLEANED), panel.demand_qty)
    assert clean.min() >= 0
    assert (panel.demand_qty + matrix(panel, rows, REASONS)).min() >= 0
    assert (matrix(panel, rows, ["stockout_lost_sales"]) >= 0).all()


def planned(panel, found, parameters, promotions, segment="AX", **more):
    keys = panel.keys
    history = learnt(panel, found, parameters, promotions=promotions, effects=found.effects, dip_days=14, ahead=13)
    return forecast_segments(
        panel,
        keys.assign(segment_code=segment),
        keys.assign(lead_time_days=21.0, lead_time_sd_days=3.0, evidence_grade="full"),
        parameters=parameters,
        workers=1,
        history=dataclasses.replace(history, **more),
    )


def test_a_future_promotion_lifts_the_forecast_and_without_it_the_baseline_comes_back_exactly(make_panel, parameters):
    rng = np.random.default_rng(2)
    qty = rng.poisson(40, (12, WEEKS)).astype(float)
    past = (25, 60, 95)
    for week in past:
        qty[:, week : week + 2] = np.rint(qty[:, week : week + 2] * 1.6)
        qty[:, week + 2 : week + 4] = np.rint(qty[:, week + 2 : week + 4] * 0.8)
    panel = make_panel(qty)
    held = pd.concat([promoted(panel, week) for week in past], ignore_index=True)
    found = explain_history(facts_of(panel, promotions=held), settings=parameters.settings)
    with_future = planned(panel, found, parameters, pd.concat([held, promoted(panel, WEEKS + 1)], ignore_index=True))
    without = planned(panel, found, parameters, held)
    assert (without.forecasts["uplift_qty"] == 0).all()
    assert (without.forecasts["mean_qty"] == without.forecasts["baseline_qty"]).all()
    assert (with_future.forecasts["baseline_qty"] == without.forecasts["mean_qty"]).all()
    ahead = with_future.forecasts["horizon_bucket"]
    lift = with_future.forecasts["mean_qty"] / with_future.forecasts["baseline_qty"] - 1
    assert lift[ahead.isin([2, 3])].to_numpy() == pytest.approx(0.6, abs=0.1)
    assert lift[ahead.isin([4, 5])].to_numpy() == pytest.approx(-0.2, abs=0.1)
    assert not lift[~ahead.isin([2, 3, 4, 5])].any()
    for name in ("sd_qty", "demand_sd_qty", "lead_time_sd_qty", "daily_mean_qty"):
        assert (with_future.lead_time_demand[name] == without.lead_time_demand[name]).all()
    assert (with_future.lead_time_demand["mean_qty"] > without.lead_time_demand["mean_qty"]).all()


def test_past_promotions_do_not_widen_the_buffer_of_the_baseline(make_panel, make_parameters):
    rng = np.random.default_rng(3)
    calm = rng.poisson(40, (12, WEEKS)).astype(float)
    past = tuple(range(8, WEEKS - 8, 10))
    qty = calm.copy()
    for week in past:
        qty[:, week : week + 2] = np.rint(qty[:, week : week + 2] * 2.0)
    panel = make_panel(qty)
    held = pd.concat([promoted(panel, week) for week in past], ignore_index=True)
    parameters = make_parameters()
    mixed = parameters.demand_signals[0].model_copy(update={"separate_promotions": False})
    found = explain_history(facts_of(panel, promotions=held), settings=parameters.settings)
    none = explain_history(facts_of(make_panel(calm)), settings=parameters.settings)
    apart = planned(panel, found, parameters, held).lead_time_demand["demand_sd_qty"].mean()
    mixed = planned(panel, found, parameters.model_copy(update={"demand_signals": (mixed,)}), held)
    plain = planned(make_panel(calm), none, parameters, held.iloc[:0]).lead_time_demand["demand_sd_qty"].mean()
    assert apart == pytest.approx(plain, rel=0.25)
    assert mixed.lead_time_demand["demand_sd_qty"].mean() > 1.5 * apart


def test_accuracy_is_judged_on_what_was_demanded_and_not_on_estimates(make_panel, parameters):
    rng = np.random.default_rng(4)
    qty = rng.poisson(20, (6, WEEKS)).astype(float)
    panel = make_panel(qty)
    out = pd.concat([out_of_stock(panel, row, range(112, 114)) for row in range(6)], ignore_index=True)
    stocked = explain_history(facts_of(panel), settings=parameters.settings)
    empty = make_panel(np.where(np.isin(np.arange(WEEKS), range(112, 114)), 0.0, qty))
    found = explain_history(facts_of(empty, availability=out), settings=parameters.settings)
    everything = planned(panel, stocked, parameters, NO_PROMOTIONS).accuracy
    seen = planned(empty, found, parameters, NO_PROMOTIONS).accuracy
    whole = everything[(everything.segment_code == "ALL") & (everything.lag_buckets == 1)].iloc[0]
    part = seen[(seen.segment_code == "ALL") & (seen.lag_buckets == 1)].iloc[0]
    assert 0 < whole.observation_count - part.observation_count <= 12
    assert part.wape_rate == pytest.approx(whole.wape_rate, rel=0.3)
    assert abs(part.bias_rate) < 0.15


def test_lost_sales_lift_a_forecast_that_sales_would_starve(make_panel, make_parameters):
    rng = np.random.default_rng(5)
    qty = rng.poisson(20, (8, WEEKS)).astype(float)
    weeks = [week for week in range(WEEKS) if week % 4 == 3]
    qty[:, weeks] = 0
    panel = make_panel(qty)
    out = pd.concat([out_of_stock(panel, row, weeks) for row in range(8)], ignore_index=True)
    parameters = make_parameters()
    starved = parameters.demand_signals[0].model_copy(update={"demand_signal": "clean"})
    found = explain_history(facts_of(panel, availability=out), settings=parameters.settings)
    lifted = planned(panel, found, parameters, NO_PROMOTIONS).forecasts["mean_qty"].mean()
    left = planned(panel, found, parameters.model_copy(update={"demand_signals": (starved,)}), NO_PROMOTIONS)
    assert lifted == pytest.approx(20, rel=0.05)
    assert left.forecasts["mean_qty"].mean() == pytest.approx(15, rel=0.1)


def test_what_is_told_when_a_bucket_closes_knows_nothing_of_later_ones(make_panel, parameters):
    """Demand triples after the stock-outs: in hindsight more was lost in them, at the time nobody could tell."""
    rng = np.random.default_rng(8)
    calm = rng.gamma(40.0, 0.5, (2, WEEKS))
    grown = calm.copy()
    grown[:, 70:] *= 2.5
    stock = [(0, [40, 41, 66, 67], 0.0), (1, [50, 68], 0.5)]
    told = {}
    for name, qty in (("calm", calm), ("grown", grown)):
        sold = qty.copy()
        for row, weeks, rate in stock:
            sold[row, weeks] *= rate
        panel = make_panel(sold)
        out = pd.concat([out_of_stock(panel, row, weeks, rate) for row, weeks, rate in stock], ignore_index=True)
        found = explain_history(facts_of(panel, availability=out), settings=parameters.settings)
        told[name] = found.adjustments.query("reason_code == 'stockout_lost_sales'")
        history = learnt(panel, found, parameters)
        started = np.isfinite(panel.demand_qty)
        changed = started & (history.panel.demand_qty != history.origin_qty)
        assert changed.any(axis=1).all()
        assert not changed[history.is_observed].any()
    late = told["calm"]["bucket_start_date"] > pd.Timestamp("2021-04-01")
    assert (told["grown"]["adjustment_qty"] > 1.3 * told["calm"]["adjustment_qty"])[late].all()
    np.testing.assert_allclose(
        told["grown"]["adjustment_at_close_qty"], told["calm"]["adjustment_at_close_qty"], rtol=1e-9
    )


def test_spikes_and_promotions_are_no_targets(make_panel, parameters):
    facts = busy(make_panel)
    panel, found = facts.panel, explain_history(facts, settings=parameters.settings)
    history = learnt(panel, found, parameters, promotions=facts.promotions, effects=found.effects)
    projects = found.adjustments.query("reason_code == 'project'")
    assert len(projects) > 0
    row = pd.MultiIndex.from_frame(panel.keys).get_indexer(
        pd.MultiIndex.from_frame(projects[["item_id", "location_id"]])
    )
    week = panel.bucket_start_dates.get_indexer(pd.DatetimeIndex(projects["bucket_start_date"]))
    assert not history.is_observed[row, week].any()
    assert not history.is_observed[history.event_factor[:, : panel.demand_qty.shape[1]] != 1.0].any()
    # What an outlier tag leaves in the signal is demand like any other.
    rest = history.is_observed
    np.testing.assert_allclose(history.panel.demand_qty[rest], history.judged_qty[rest], atol=1e-9)
    assert rest.mean() > 0.7
