"""Planted promotions are measured, kept apart from the baseline, and expected again where one is to come."""

import numpy as np
import pandas as pd

from stockstrata.history.expected import expected_demand
from stockstrata.history.promotions import promotion_cover, promotion_effects

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
    print(effects.uplift_rate.min(), effects.uplift_rate.max(), effects.dip_rate.min(), effects.dip_rate.max())
    assert np.abs(effects.uplift_rate - 0.6).max() < 0.1
    assert np.abs(effects.dip_rate - 0.2).max() < 0.1
