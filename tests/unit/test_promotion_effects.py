"""Planted promotions are measured, kept apart from the baseline, and expected again where one is to come."""

import numpy as np
import pandas as pd
import pytest

from stockstrata.history.expected import expected_demand
from stockstrata.history.promotions import demand_factor, past_factor, promotion_cover, promotion_effects

WEEKS, COUNT = 130, 40
FIRST = pd.Timestamp("2023-01-02")
EDGES = pd.date_range(FIRST, periods=WEEKS + 1, freq="W-MON")


def keys(count=COUNT):
    return pd.DataFrame({"item_id": [f"i{k:03d}" for k in range(count)], "location_id": "L1"})


def campaigns(starts, count=COUNT, weeks=2):
    first, last = [EDGES[week] for week in starts], [EDGES[week + weeks] - pd.Timedelta(days=1) for week in starts]
    one = pd.DataFrame({"promotion_id": [f"P{n}" for n in range(len(starts))], "start_date": first, "end_date": last})
    return keys(count).merge(one.assign(expected_uplift_rate=np.nan), how="cross")


def planted(rng, starts, uplift, dip, mean=40.0, count=COUNT):
    level = rng.uniform(0.5, 1.5, (count, 1)) * mean * np.ones(WEEKS)
    up = np.broadcast_to(np.asarray(uplift, dtype=float), (count,))
    for week in starts:
        level[:, week : week + 2] *= 1 + up[:, None]
        level[:, week + 2 : week + 4] *= 1 - dip
    return rng.poisson(level).astype(float)


def measured(qty, cover, families=None):
    calm = (cover.running_rate <= 0) & (cover.after_rate <= 0)
    baseline = expected_demand(qty, calm.astype(float), span_buckets=8)
    return promotion_effects(qty, baseline, np.ones(qty.shape), cover, families=families or [""] * len(qty))


def test_a_planted_uplift_of_60_and_dip_of_20_percent_are_recovered_within_10_points():
    rng, starts = np.random.default_rng(3), (20, 60, 100)
    qty = planted(rng, starts, 0.6, 0.2)
    cover = promotion_cover(campaigns(starts), keys(), EDGES, dip_days=14)
    effects = measured(qty, cover)
    assert np.abs(effects.uplift_rate - 0.6).max() < 0.1
    assert np.abs(effects.dip_rate - 0.2).max() < 0.1


def test_without_promotions_around_the_factor_is_exactly_one():
    rng = np.random.default_rng(4)
    qty = planted(rng, (20,), 0.6, 0.2)
    cover = promotion_cover(campaigns((20,)), keys(), EDGES, dip_days=14)
    factor = past_factor(cover, measured(qty, cover))
    assert (np.delete(factor, [20, 21, 22, 23], axis=1) == 1).all()
    assert (factor[:, 20:22] > 1).all()


def test_items_that_differ_keep_their_own_uplift_and_families_pool_theirs():
    rng, starts = np.random.default_rng(5), (15, 35, 55, 75, 95, 115)
    true = np.where(np.arange(COUNT) < COUNT // 2, 0.3, 1.5)
    qty = planted(rng, starts, true, 0.0, mean=80.0)
    cover = promotion_cover(campaigns(starts), keys(), EDGES, dip_days=14)
    pooled = measured(qty, cover)
    assert np.abs(pooled.uplift_rate - true).max() < 0.25
    assert set(pooled.pool_code) == {"all"}
    names = ["low"] * (COUNT // 2) + ["high"] * (COUNT // 2)
    by_family = measured(qty, cover, names)
    assert set(by_family.pool_code) == {"family"}
    assert np.abs(by_family.uplift_rate - true).max() < 0.15


def test_an_item_without_promotions_of_its_own_expects_what_others_had():
    rng = np.random.default_rng(6)
    qty = planted(rng, (30, 70), 0.6, 0.0)
    promotions = campaigns((30, 70))
    qty[-1] = rng.poisson(40, WEEKS)
    mine = promotions["item_id"] == f"i{COUNT - 1:03d}"
    cover = promotion_cover(promotions[~mine], keys(), EDGES, dip_days=14)
    effects = measured(qty, cover)
    assert effects.own_event_count[-1] == 0
    assert np.isnan(effects.own_uplift_rate[-1])
    assert effects.uplift_rate[-1] == pytest.approx(0.6, abs=0.1)


def test_where_nothing_was_measured_the_promotion_is_taken_at_its_word():
    future = campaigns((10,)).assign(expected_uplift_rate=0.4)
    cover = promotion_cover(future, keys(), EDGES, dip_days=14).before(6)
    effects = measured(np.full((COUNT, 6), 10.0), cover)
    assert effects.uplift_rate == pytest.approx(np.full(COUNT, 0.4))
    assert set(effects.pool_code) == {"stated"}
    assert not effects.dip_rate.any()


def test_noise_is_no_effect():
    rng = np.random.default_rng(7)
    cover = promotion_cover(campaigns((20, 60, 100)), keys(), EDGES, dip_days=14)
    effects = measured(planted(rng, (), 0.0, 0.0), cover)
    assert effects.uplift_rate.max() < 0.1
    assert effects.dip_rate.max() < 0.1


def test_a_promotion_over_half_a_bucket_counts_half():
    half = pd.DataFrame(
        {
            "item_id": ["i000"], "location_id": ["L1"], "promotion_id": ["P"], "expected_uplift_rate": [0.5],
            "start_date": [FIRST + pd.Timedelta(days=7)], "end_date": [FIRST + pd.Timedelta(days=13)],
        }
    )  # fmt: skip
    months = pd.DatetimeIndex([FIRST, FIRST + pd.Timedelta(days=14), FIRST + pd.Timedelta(days=28)])
    cover = promotion_cover(half, keys(1), months, dip_days=7)
    assert cover.running_rate.tolist() == [[0.5, 0.0]]
    assert cover.after_rate.tolist() == [[0.0, 0.5]]
    factor = demand_factor(cover, np.array([0.6]), np.array([0.2]))
    assert factor.tolist() == [[1.3, 0.9]]


def test_no_promotions_at_all_are_no_obstacle():
    none = campaigns((10,)).iloc[:0]
    cover = promotion_cover(none, keys(2), EDGES, dip_days=14)
    effects = measured(np.full((2, WEEKS), 10.0), cover)
    assert not effects.uplift_rate.any()
    assert (past_factor(cover, effects) == 1).all()
