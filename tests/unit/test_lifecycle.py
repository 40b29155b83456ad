import datetime as dt

import numpy as np
import pandas as pd
import pytest

from stockstrata.segmentation.demand_trend import demand_trend
from stockstrata.segmentation.lifecycle import lifecycle_stage

CUT_OFF = dt.date(2025, 1, 6)


def counts(mean, n, seed, shape=20.0):
    """Overdispersed counts: shape 20 adds a variation of 0.22 to that of the counts."""
    mean = np.broadcast_to(np.maximum(mean, 1e-9), (n, len(mean)))
    return np.random.default_rng(seed).negative_binomial(shape, shape / (shape + mean)).astype(float)


def stages(make_item_locations, make_panel, settings, qty, cut_off=CUT_OFF, **columns):
    weeks = qty.shape[1]
    panel = make_panel(qty, first=pd.Timestamp(cut_off) - pd.Timedelta(weeks=weeks))
    last = [panel.bucket_start_dates[row > 0][-1] if (row > 0).any() else pd.NaT for row in qty]
    dates = {"start_date": panel.bucket_start_dates[0], "last_demand_date": last} | columns
    rows = make_item_locations(len(qty), **dates)
    trend = demand_trend(panel, settings=settings)
    return lifecycle_stage(rows, trend, settings=settings, cut_off_date=cut_off)


def test_dates_beat_statistics(make_item_locations, make_panel, make_parameters):
    near, far, past = (pd.Timestamp(CUT_OFF) + pd.Timedelta(days=d) for d in (100, 400, -900))
    found = stages(
        make_item_locations, make_panel, make_parameters().settings, np.full((6, 150), 9.0),
        phase_out_date=[near, far, past, pd.NaT, pd.NaT, pd.NaT],
        successor_item_id=[None, None, None, "i004", "i005", None],
        launch_date=[pd.NaT] * 4 + [pd.Timestamp("2024-12-01"), pd.Timestamp("2025-02-01")],
    )  # fmt: skip
    assert found.tolist() == ["eol", "mature", "eol", "eol", "mature", "mature"]


def test_new_and_dormant_by_age(make_item_locations, make_panel, make_parameters):
    cut_off = pd.Timestamp(CUT_OFF)
    start = [cut_off - pd.Timedelta(days=d) for d in (181, 182, 900, 900)] + [pd.NaT, cut_off + pd.Timedelta(days=9)]
    last = [cut_off - pd.Timedelta(days=d) for d in (1, 1, 272, 273)] + [pd.NaT, pd.NaT]
    found = stages(
        make_item_locations, make_panel, make_parameters().settings, np.full((6, 150), 9.0),
        start_date=start, last_demand_date=last,
    )  # fmt: skip
    assert found.tolist() == ["npi", "mature", "mature", "dormant", "dormant", "npi"]


def test_years_far_ahead_do_not_break_the_calendar(make_item_locations, make_panel, make_parameters):
    found = stages(
        make_item_locations, make_panel, make_parameters().settings, np.full((2, 150), 9.0),
        phase_out_date=np.array(["9999-12-31", "2020-01-01"], dtype="datetime64[s]"),
    )  # fmt: skip
    assert found.tolist() == ["mature", "eol"]


def life_curve(weeks=380):
    """Launch, doubling each quarter, plateau, halving each quarter, then nothing."""
    level = np.zeros(weeks)
    level[26:52] = 60.0
    growth = np.arange(1, 66)
    level[52:117] = 60 * 2.0 ** (growth / 13)
    level[117:230] = level[116]
    level[230:308] = level[116] * 0.5 ** (np.arange(1, 79) / 13)
    return level


def true_stage(level, week, settings):
    """Stage of the noise-free curve at the end of a week: its rate over the rate a span ago."""
    if (week - 26) * 7 < settings.lifecycle_new_days:
        return "npi"
    if (week - 308) * 7 >= settings.lifecycle_dormant_days:
        return "dormant"
    now, before = level[week - 1], level[max(week - 1 - 26, 26)]
    if now > 0 and now / before >= settings.lifecycle_growth_ratio:
        return "growth"
    return "decline" if before > 0 and now / before <= settings.lifecycle_decline_ratio else "mature"


def test_synthetic_life_curves_are_staged_within_two_periods_of_truth(make_item_locations, make_panel, make_parameters):
    settings = make_parameters().settings
    level = life_curve()
    qty = counts(level, 100, seed=1)
    qty[:, level == 0] = 0
    origin = pd.Timestamp(CUT_OFF)
    for week in [*range(30, 332, 4), *range(348, 380, 4)]:
        cut_off = (origin + pd.Timedelta(weeks=week)).date()
        start = pd.Series(origin + pd.Timedelta(weeks=26)).repeat(100).to_numpy()
        seen = np.where(np.arange(week)[None, :] < 26, np.nan, qty[:, :week])
        found = stages(make_item_locations, make_panel, settings, seen, cut_off=cut_off, start_date=start)
        near = {true_stage(level, w, settings) for w in range(max(week - 9, 27), min(week + 10, len(level)))}
        share = np.isin(found, list(near)).mean()
        assert share >= 0.9, (week, near, pd.Series(found).value_counts().to_dict())


def test_a_stationary_item_stays_mature(make_item_locations, make_panel, make_parameters):
    for mean in (1.0, 30.0):
        qty = counts(np.full(156, mean), 1000, seed=2, shape=4.0)
        found = stages(make_item_locations, make_panel, make_parameters().settings, qty)
        assert (found == "mature").mean() >= 0.98


@pytest.mark.parametrize("weeks", range(130, 182, 6))
def test_a_season_does_not_move_a_mature_item(make_item_locations, make_panel, make_parameters, weeks):
    season = 30 * np.exp(1.0 * np.sin(2 * np.pi * np.arange(182) / 52))
    found = stages(make_item_locations, make_panel, make_parameters().settings, counts(season, 300, 3)[:, :weeks])
    assert (found == "mature").mean() >= 0.97


@pytest.mark.parametrize("weeks_ago", range(0, 56, 3))
def test_a_one_month_dip_does_not_move_a_mature_item(make_item_locations, make_panel, make_parameters, weeks_ago):
    mean = np.full(156, 40.0)
    mean[156 - weeks_ago - 4 : 156 - weeks_ago] = 4.0
    found = stages(make_item_locations, make_panel, make_parameters().settings, counts(mean, 300, 4))
    assert (found == "decline").mean() <= 0.02
    assert (found == "mature").mean() >= 0.95


def test_a_noise_free_dip_never_counts(make_item_locations, make_panel, make_parameters):
    for weeks_ago in range(30):
        qty = np.full((1, 156), 40.0)
        qty[:, 156 - weeks_ago - 4 : 156 - weeks_ago] = 0.0
        found = stages(make_item_locations, make_panel, make_parameters().settings, qty)
        assert found.tolist() == ["mature"]


def test_a_lasting_drop_is_found_within_a_quarter(make_item_locations, make_panel, make_parameters):
    mean = np.full(156, 40.0)
    mean[-13:] = 8.0
    found = stages(make_item_locations, make_panel, make_parameters().settings, counts(mean, 200, 5))
    assert (found == "decline").mean() >= 0.95


def test_too_little_history_says_nothing(make_panel, make_parameters):
    trend = demand_trend(make_panel(np.linspace(1, 90, 20)), settings=make_parameters().settings)
    assert not trend.is_growing.any()
    assert np.isnan(trend.ratio).all()
