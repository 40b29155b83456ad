"""Levels that agree: closed forms, the library as oracle, coherence, choice by validation, and no look-ahead."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hierarchicalforecast.methods import BottomUpSparse, MinTrace
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from stockstrata.errors import ParameterError
from stockstrata.forecasting.earlier import EarlierChampions
from stockstrata.forecasting.fixed_origins import origin_paths
from stockstrata.forecasting.hierarchy import LEVELS, hierarchy_of, summed_history
from stockstrata.forecasting.pool import forecast_pool
from stockstrata.forecasting.reconciliation import METHODS, Base, least_squares, reconciled
from stockstrata.forecasting.run import forecast_segments
from stockstrata.history.signal import LearntHistory
from stockstrata.panel import DemandPanel


def _keys(items, locations):
    product = pd.MultiIndex.from_product([[f"i{k}" for k in range(items)], [f"l{k}" for k in range(locations)]])
    return product.to_frame(index=False, name=["item_id", "location_id"])


def _groups(keys, families=3, regions=2):
    return keys.assign(
        family=["f" + str(int(code[1:]) % families) for code in keys["item_id"]],
        region=["r" + str(int(code[1:]) % regions) for code in keys["location_id"]],
    )


def _base(hierarchy, seed=0, horizon=5, errors=40):
    rng = np.random.default_rng(seed)
    bottom = rng.gamma(1.0, 5.0, (hierarchy.series_count, horizon))
    missed = rng.normal(0, 1, (hierarchy.series_count, errors)) * rng.gamma(2.0, 1.0, (hierarchy.series_count, 1))
    return Base(
        bottom_qty=bottom,
        sum_qty=np.maximum(hierarchy.sums @ bottom * rng.normal(1, 0.2, (hierarchy.sum_count, horizon)), 0),
        proportion=bottom.sum(axis=1),
        bottom_error_qty=missed,
        sum_error_qty=hierarchy.sums @ missed * 0.7 + rng.normal(0, 1, (hierarchy.sum_count, errors)),
    )


def _whole(hierarchy):
    return sparse.vstack([hierarchy.sums, sparse.eye(hierarchy.series_count)]).tocsr()


def test_nodes_with_the_same_item_locations_are_forecast_once():
    keys = _keys(2, 1)
    hierarchy = hierarchy_of(keys.assign(family="f", region="r"), keys)
    assert hierarchy.sum_count == 1
    assert [len(hierarchy.levels[level].node_ids) for level in LEVELS] == [2, 1, 1, 1]
    own, bottom = np.array([[30.0]]), np.array([[10.0], [15.0]])
    assert hierarchy.own("item", own, bottom).ravel().tolist() == [10.0, 15.0]
    assert hierarchy.own("total", own, bottom).tolist() == [[30.0]]


@pytest.mark.parametrize("missing", [None, np.nan, ""])
def test_what_has_no_family_or_region_stands_under_none(missing):
    keys = _keys(3, 2)
    hierarchy = hierarchy_of(keys.assign(family=missing, region=missing), keys)
    assert hierarchy.levels["family"].node_ids.tolist() == ["NONE"]
    assert hierarchy.levels["region"].node_ids.tolist() == ["NONE"]


def test_a_single_series_needs_no_sum():
    keys = _keys(1, 1)
    hierarchy = hierarchy_of(keys.assign(family="f", region="r"), keys)
    base = _base(hierarchy)
    assert hierarchy.sum_count == 0
    for code in METHODS:
        np.testing.assert_allclose(reconciled(hierarchy, base, code, largest_block=300), base.bottom_qty)


def test_a_sum_begins_with_its_first_item_location():
    keys = _keys(2, 1)
    hierarchy = hierarchy_of(keys.assign(family="f", region="r"), keys)
    history = summed_history(hierarchy, np.array([[np.nan, np.nan, 1.0, 2.0], [np.nan, 5.0, 6.0, 7.0]]))
    np.testing.assert_array_equal(history, [[np.nan, 5.0, 7.0, 9.0]])


def test_mint_shares_a_gap_by_variance():
    """Two parts of variance 1 and 3 under a sum of variance 1: the gap of 5 goes 1, 3, 1 (closed form)."""
    keys = _keys(2, 1)
    hierarchy = hierarchy_of(keys.assign(family="f", region="r"), keys)
    base = Base(np.array([[4.0], [4.0]]), np.array([[13.0]]), np.ones(2), np.zeros((2, 0)), np.zeros((1, 0)))
    found = least_squares(hierarchy.sums, base, np.array([1.0, 3.0]), np.array([1.0]))
    np.testing.assert_allclose(found.ravel(), [5.0, 7.0], rtol=1e-9)


@pytest.mark.parametrize(("items", "locations"), [(4, 1), (6, 3), (20, 4)])
def test_least_squares_agree_with_the_library(items, locations):
    keys = _keys(items, locations)
    hierarchy = hierarchy_of(_groups(keys), keys)
    base, whole = _base(hierarchy), _whole(hierarchy)
    count, forecasts = hierarchy.sum_count, np.concatenate([base.sum_qty, base.bottom_qty])
    ours = least_squares(hierarchy.sums, base, np.ones(hierarchy.series_count), hierarchy.leaf_counts)
    told = MinTrace("wls_struct").fit_predict(S=whole.toarray(), y_hat=forecasts)["mean"]
    np.testing.assert_allclose(ours, told[count:], rtol=1e-8, atol=1e-9)
    errors = np.concatenate([base.sum_error_qty, base.bottom_error_qty])
    ours = least_squares(
        hierarchy.sums, base, (base.bottom_error_qty**2).mean(axis=1), (base.sum_error_qty**2).mean(axis=1)
    )
    told = MinTrace("wls_var").fit_predict(
        S=whole.toarray(), y_hat=forecasts, y_insample=np.zeros(errors.shape), y_hat_insample=errors
    )["mean"]
    np.testing.assert_allclose(ours, told[count:], rtol=1e-5, atol=1e-6)
    bottom_up = BottomUpSparse().fit_predict(S=whole, y_hat=forecasts)["mean"]
    np.testing.assert_allclose(hierarchy.sums @ base.bottom_qty, bottom_up[:count], rtol=1e-12)


def test_shrinkage_inside_one_family_is_the_librarys():
    keys = _keys(5, 2)
    hierarchy = hierarchy_of(keys.assign(family="f", region="r"), keys)
    base = _base(hierarchy)
    errors = np.concatenate([base.sum_error_qty, base.bottom_error_qty])
    told = MinTrace("mint_shrink").fit_predict(
        S=_whole(hierarchy).toarray(),
        y_hat=np.concatenate([base.sum_qty, base.bottom_qty]),
        y_insample=np.zeros(errors.shape),
        y_hat_insample=errors,
    )["mean"]
    found = reconciled(hierarchy, base, "mint_shrink", largest_block=300)
    np.testing.assert_allclose(found, np.maximum(told[hierarchy.sum_count :], 0), rtol=1e-5, atol=1e-5)
    # A family above the largest block goes without a covariance.
    np.testing.assert_array_equal(
        reconciled(hierarchy, base, "mint_shrink", largest_block=2),
        reconciled(hierarchy, base, "mint_var", largest_block=2),
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 8), st.integers(1, 4), st.integers(0, 1000), st.sampled_from(METHODS), st.booleans())
def test_every_method_is_coherent_never_negative_and_keeps_what_agrees(items, locations, seed, code, is_dead):
    keys = _keys(items, locations)
    hierarchy = hierarchy_of(_groups(keys), keys)
    base = _base(hierarchy, seed)
    if is_dead:
        base.bottom_qty[0], base.bottom_error_qty[0], base.proportion[0] = 0.0, 0.0, 0.0
    found = reconciled(hierarchy, base, code, largest_block=300)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    total = hierarchy.at_level("total", found)
    for level in LEVELS:
        np.testing.assert_allclose(hierarchy.at_level(level, found).sum(axis=0), total[0], atol=1e-6)
    # A projection: forecasts that agree already, with proportions that agree too, are left as they are.
    agreed = Base(
        np.repeat(base.proportion[:, None], 2, axis=1),
        hierarchy.sums @ np.repeat(base.proportion[:, None], 2, axis=1),
        base.proportion,
        base.bottom_error_qty,
        base.sum_error_qty,
    )
    kept = reconciled(hierarchy, agreed, code, largest_block=300)
    np.testing.assert_allclose(kept, agreed.bottom_qty, rtol=1e-7, atol=1e-7)


def test_top_down_splits_by_frozen_proportions_and_evenly_without_any():
    keys = _keys(2, 2)
    hierarchy = hierarchy_of(keys.assign(family=["a", "a", "b", "b"], region="r"), keys)
    whole = hierarchy.sums @ np.ones((4, 1))
    base = Base(np.ones((4, 1)), whole * 0 + 12.0, np.array([1.0, 3.0, 0.0, 0.0]), np.zeros((4, 0)), whole[:, :0])
    split = reconciled(hierarchy, base, "middle_out_family", largest_block=300)
    assert split.ravel().tolist() == [3.0, 9.0, 6.0, 6.0]
    assert reconciled(hierarchy, base, "top_down", largest_block=300).ravel().tolist() == [3.0, 9.0, 0.0, 0.0]


# --- a whole cycle -----------------------------------------------------------------------------------------------


def _company(seed=3, items=6, locations=4, weeks=156, amplitude=0.0, noise=1.0):
    """Items that share one season, drowned in the noise of each item-location."""
    rng = np.random.default_rng(seed)
    keys = _keys(items, locations)
    season = 1 + amplitude * np.sin(2 * np.pi * np.arange(weeks) / 52)
    level = rng.uniform(2, 20, len(keys))[:, None] * season[None, :]
    demand = rng.poisson(level * rng.gamma(1 / noise, noise, level.shape)).astype(float)
    return DemandPanel(keys, pd.date_range("2022-01-03", periods=weeks, freq="W-MON"), demand, "W-MON")


def _cycle(panel, parameters, groups="given", segment="AY", **more):
    assignment = panel.keys.assign(segment_code=segment)
    supply = panel.keys.assign(lead_time_days=21.0, lead_time_sd_days=0.0, evidence_grade="full")
    groups = _groups(panel.keys) if isinstance(groups, str) else groups
    return forecast_segments(panel, assignment, supply, parameters=parameters, workers=1, groups=groups, **more)


def _rule(**change):
    shipped = {
        "segment_code": "*", "method_code": "validated", "margin_rate": 0.05, "replacement_margin_rate": 0.1,
        "is_applied": False, "forecast_pool": "smooth", "origin_count": 4, "largest_block_series": 300,
    }  # fmt: skip
    return {"hierarchy_settings": [shipped | change]}


@pytest.fixture(scope="module")
def company():
    return _company(amplitude=0.6)


def test_published_levels_agree_and_planning_keeps_its_forecast_until_told_otherwise(make_parameters, company):
    without = _cycle(company, make_parameters(), groups=None)
    found = _cycle(company, make_parameters())
    pd.testing.assert_frame_equal(found.forecasts, without.forecasts)
    table = found.coherent.forecasts
    parts = table[table["level_code"] == "item_location"]
    assert set(table["level_code"]) == {"item_location", *LEVELS}
    assert len(parts) == 24 * 13
    assert (table["reconciled_qty"] >= 0).all()
    assert np.isfinite(table[["base_qty", "reconciled_qty"]].to_numpy()).all()
    for parent, column in (("item", "node_id"), ("family", "family"), ("region", "region")):
        grouped = (
            parts.assign(
                family="f" + (parts["node_id"].str[1:].astype(int) % 3).astype(str),
                region="r" + (parts["node_location_id"].str[1:].astype(int) % 2).astype(str),
            )
            .groupby([column, "bucket_start_date"])["reconciled_qty"]
            .sum()
        )
        own = table[table["level_code"] == parent].set_index(["node_id", "bucket_start_date"])["reconciled_qty"]
        assert np.abs(own.to_numpy() - grouped.reindex(own.index).to_numpy()).max() < 1e-6
    total = table[table["level_code"] == "total"].set_index("bucket_start_date")["reconciled_qty"]
    assert np.abs(total - parts.groupby("bucket_start_date")["reconciled_qty"].sum()).max() < 1e-6


def test_the_choice_is_the_least_error_or_is_flagged(make_parameters, company):
    rows = _cycle(company, make_parameters()).coherent.choices
    own = rows[rows["level_code"] == "item_location"]
    assert set(own["method_code"]) == set(METHODS)
    (chosen,) = own[own["is_chosen"]].to_dict("records")
    least = own["error_ratio"].min()
    if chosen["is_flagged"]:
        assert chosen["method_code"] == "bottom_up"
        assert least * 0.999 <= chosen["error_ratio"]
        assert least >= chosen["error_ratio"] * 0.95
    else:
        assert chosen["error_ratio"] == pytest.approx(least)
    assert not own["is_applied"].any()
    # A method that the parameters fix is flagged unless validation agrees.
    fixed = _cycle(company, make_parameters(_rule(method_code="top_down"))).coherent.choices
    (row,) = fixed[fixed["is_chosen"]].to_dict("records")
    assert row["method_code"] == "top_down"
    assert row["is_flagged"] == (row["reason_code"] == "fixed_by_parameter")
    assert row["is_flagged"] == (row["error_ratio"] > least * (1 + 1e-9))


def test_a_segment_without_validation_is_flagged(make_parameters, company):
    rows = _cycle(company, make_parameters(_rule(origin_count=0))).coherent.choices
    (chosen,) = rows[rows["is_chosen"]].to_dict("records")
    assert (chosen["method_code"], chosen["reason_code"]) == ("bottom_up", "not_validated")
    assert chosen["is_flagged"]
    assert rows["error_ratio"].isna().all()


def test_an_applied_method_moves_means_and_leaves_the_spread(make_parameters, company):
    plain = _cycle(company, make_parameters())
    applied = _cycle(company, make_parameters(_rule(method_code="top_down", is_applied=True)))
    table = applied.coherent.forecasts
    parts = table[table["level_code"] == "item_location"]
    planned = applied.forecasts[applied.forecasts["horizon_bucket"] <= 13]
    np.testing.assert_allclose(planned["mean_qty"], parts["reconciled_qty"], rtol=1e-12)
    assert not np.allclose(planned["mean_qty"], plain.forecasts["mean_qty"])
    before = plain.lead_time_demand
    after = applied.lead_time_demand
    assert (before["mean_qty"] != after["mean_qty"]).all()
    # Poisson's floor apart, what is uncertain stays what the back-test measured.
    wide = before["demand_sd_qty"] ** 2 > 2 * np.maximum(before["mean_qty"], after["mean_qty"])
    assert wide.any()
    np.testing.assert_allclose(after.loc[wide, "demand_sd_qty"], before.loc[wide, "demand_sd_qty"], rtol=1e-9)
    np.testing.assert_array_equal(applied.states.outcome.forecast_qty, plain.states.outcome.forecast_qty)


def _before(found, **change):
    """What a later cycle knows of one, so that all its series have a tournament."""
    choices = found.coherent.choices.assign(**change)
    return EarlierChampions(found.register.iloc[:0], found.backtests, found.backtest_lags, hierarchy=choices)


def test_a_method_gives_way_to_one_that_is_better_by_the_margin_alone(make_parameters):
    panel = _company(seed=11, items=12, locations=5, amplitude=0.8, noise=4.0)
    found = _cycle(panel, make_parameters(), segment="A-INT")
    own = found.coherent.choices.query("level_code == 'item_location'")
    best = own.loc[own["error_ratio"].idxmin()]
    assert own.loc[own["is_chosen"], "method_code"].tolist() == [best["method_code"]]
    others = own[own["error_ratio"] > best["error_ratio"]].sort_values("error_ratio")
    near, far = others.iloc[0], others.iloc[-1]
    assert best["error_ratio"] > 0.9 * near["error_ratio"]
    assert best["error_ratio"] < 0.9 * far["error_ratio"]

    def chosen(sitting, **change):
        before = _before(found, is_chosen=found.coherent.choices["method_code"] == sitting, reason_code="best")
        rows = _cycle(panel, make_parameters(_rule(**change)), segment="A-INT", champions=before).coherent.choices
        (row,) = rows[rows["is_chosen"]].to_dict("records")
        return row["method_code"], row["reason_code"], row["is_flagged"]

    assert chosen(near["method_code"]) == (near["method_code"], "incumbent_kept", True)
    assert chosen(near["method_code"], replacement_margin_rate=0.0) == (best["method_code"], "best", False)
    assert chosen(far["method_code"]) == (best["method_code"], "best", False)
    assert chosen(best["method_code"]) == (best["method_code"], "best", False)


def test_methods_stay_between_tournaments(make_parameters):
    """Where champions are only refitted nothing is judged: the choice of the tournament holds, figures and all."""
    whole = _company(seed=11, items=12, locations=5, amplitude=0.8, noise=4.0)
    early = DemandPanel(whole.keys, whole.bucket_start_dates[:152], whole.demand_qty[:, :152], "W-MON")
    first = _cycle(early, make_parameters(), segment="A-INT")
    before = EarlierChampions(first.register, first.backtests, first.backtest_lags, hierarchy=first.coherent.choices)
    later = _cycle(whole, make_parameters(), segment="A-INT", champions=before)
    assert (later.register["trigger_code"] == "none").mean() > 0.5
    pd.testing.assert_frame_equal(later.coherent.choices, first.coherent.choices)
    code = first.coherent.choices.query("is_chosen")["method_code"].item()
    assert code != "bottom_up"
    assert set(later.coherent.forecasts["method_code"]) == {code}


def test_models_of_all_levels_are_fitted_where_the_cycle_says(make_parameters, company):
    """A cluster gets the models of every level and of every origin that methods are judged at."""
    worked = []

    def task_map(function, tasks, *, milliseconds):
        worked.append(function)
        return [function(task) for task in tasks]

    plain = _cycle(company, make_parameters())
    found = _cycle(company, make_parameters(), task_map=task_map)
    assert {forecast_pool, origin_paths} <= set(worked)
    pd.testing.assert_frame_equal(found.coherent.forecasts, plain.coherent.forecasts)
    pd.testing.assert_frame_equal(found.coherent.choices, plain.coherent.choices)


def _steady(make_parameters, *, judged, factor_ahead):
    """Twelve series that always need ten, judged by another demand, with promotions to come."""
    keys = _keys(6, 2)
    panel = DemandPanel(keys, pd.date_range("2022-01-03", periods=156, freq="W-MON"), np.full((12, 156), 10.0), "W-MON")
    factor = np.ones((12, 170))
    factor[:, 156:160] = factor_ahead
    seen = np.ones((12, 156), dtype=bool)
    history = LearntHistory(panel, np.full((12, 156), judged), panel.demand_qty, seen, panel.demand_qty, factor)
    return _cycle(panel, make_parameters(), history=history)


def test_methods_are_judged_on_demand_that_was_seen(make_parameters):
    own = _steady(make_parameters, judged=12.0, factor_ahead=1.0).coherent.choices
    ratio = own.query("level_code == 'item_location' and method_code == 'bottom_up'")["error_ratio"].item()
    assert ratio == pytest.approx(2 / 12)
    unseen = _steady(make_parameters, judged=np.nan, factor_ahead=1.0).coherent.choices
    assert unseen.query("is_chosen")["reason_code"].tolist() == ["not_validated"]


def test_promotions_are_part_of_what_is_published(make_parameters):
    found = _steady(make_parameters, judged=10.0, factor_ahead=1.5)
    table = found.coherent.forecasts
    near, far = table["horizon_bucket"] <= 4, table["horizon_bucket"] > 4
    parts = table["level_code"] == "item_location"
    np.testing.assert_allclose(table.loc[parts & near, ["base_qty", "reconciled_qty", "final_qty"]], 15.0, rtol=1e-9)
    np.testing.assert_allclose(table.loc[parts & far, ["base_qty", "reconciled_qty", "final_qty"]], 10.0, rtol=1e-9)
    total = table[table["level_code"] == "total"].set_index("horizon_bucket")
    np.testing.assert_allclose(total.loc[:4, ["base_qty", "reconciled_qty", "final_qty"]], 180.0, rtol=1e-9)


def test_a_common_season_is_found_above_and_validated_below(make_parameters):
    """Planted truth: a season that only sums show. Splitting the total must beat what each series sees alone."""
    panel = _company(seed=11, items=12, locations=5, amplitude=0.8, noise=4.0)
    result = _cycle(panel, make_parameters(), segment="A-INT")
    rows = result.coherent.choices
    own = rows[rows["level_code"] == "item_location"].set_index("method_code")
    assert own.loc["top_down", "error_ratio"] < own.loc["bottom_up", "error_ratio"]
    assert own["is_chosen"].idxmax() != "bottom_up"
    total = rows[rows["level_code"] == "total"].set_index("method_code")["error_ratio"]
    assert total["base"] < total["bottom_up"]


def test_nothing_behind_the_cut_off_is_seen(make_parameters, company):
    known = DemandPanel(company.keys, company.bucket_start_dates[:130], company.demand_qty[:, :130], "W-MON")
    poisoned = DemandPanel(company.keys, company.bucket_start_dates, company.demand_qty.copy(), "W-MON")
    poisoned.demand_qty[:, 130:] = 1e9
    cut = DemandPanel(poisoned.keys, poisoned.bucket_start_dates[:130], poisoned.demand_qty[:, :130], "W-MON")
    first, second = _cycle(known, make_parameters()), _cycle(cut, make_parameters())
    pd.testing.assert_frame_equal(first.coherent.forecasts, second.coherent.forecasts)
    pd.testing.assert_frame_equal(first.coherent.choices, second.coherent.choices)


def test_odd_series_never_break_the_hierarchy(make_parameters):
    demand = _company(items=3, locations=2).demand_qty
    demand[0] = 0.0
    demand[1, :] = np.nan
    demand[1, -1] = 3.0
    demand[2] = np.where(np.arange(156) == 155, 1e9, 0.0)
    demand[3, :150] = np.nan
    panel = DemandPanel(_keys(3, 2), pd.date_range("2022-01-03", periods=156, freq="W-MON"), demand, "W-MON")
    for segment in ("AX", "A-INT", "NEW", "DORMANT"):
        groups = _groups(panel.keys).assign(family=None)
        table = _cycle(panel, make_parameters(), groups=groups, segment=segment).coherent.forecasts
        assert (table[["base_qty", "reconciled_qty"]] >= 0).all(axis=None)
        assert np.isfinite(table[["base_qty", "reconciled_qty"]].to_numpy()).all()


@pytest.mark.parametrize("weeks", [1, 3, 14, 27, 60])
def test_short_histories_give_forecasts_of_every_level(make_parameters, weeks):
    panel = _company(items=2, locations=2, weeks=weeks)
    found = _cycle(panel, make_parameters(), segment="NEW").coherent
    assert len(found.forecasts) == 13 * (4 + 2 + 2 + 2 + 1)
    assert np.isfinite(found.forecasts[["base_qty", "reconciled_qty"]].to_numpy()).all()
    assert found.choices[found.choices["is_chosen"]]["segment_code"].tolist() == ["NEW"]


def test_a_hierarchy_of_months_looks_half_a_year_ahead(make_parameters):
    rng = np.random.default_rng(0)
    panel = DemandPanel(
        _keys(3, 2), pd.date_range("2020-01-01", periods=60, freq="MS"), rng.poisson(30, (6, 60)).astype(float), "MS"
    )
    table = _cycle(panel, make_parameters()).coherent.forecasts
    assert table["horizon_bucket"].max() == 6


def test_a_pool_that_is_not_there_is_named(make_parameters):
    with pytest.raises(ParameterError, match=r"hierarchy_settings.csv, segment \*: pool nowhere"):
        make_parameters(_rule(forecast_pool="nowhere"))
    assert make_parameters().hierarchy_settings[0].valid_from_date == dt.date(1900, 1, 1)
