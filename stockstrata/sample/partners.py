"""Locations, customers and list prices of the sample company."""

import numpy as np
import pandas as pd

from stockstrata.sample.sizes import Scale

_PLACES = (
    ("Central warehouse", "warehouse", "West", 0.2, 400_000.0),
    ("North store", "store", "North", 0.26, 60_000.0),
    ("South store", "store", "South", 0.24, 50_000.0),
)
_YEARLY_PRICE_RISE = 0.03
TIER_DISCOUNT = {"gold": 0.1, "silver": 0.05, "bronze": 0.0}


def location_frame(scale: Scale) -> pd.DataFrame:
    """Extract table of locations; the first is the parent of the others."""
    places = _PLACES[: scale.location_count]
    return pd.DataFrame(
        {
            "location_id": [f"LOC-{k:02d}" for k in range(1, len(places) + 1)],
            "name": [place[0] for place in places],
            "type": [place[1] for place in places],
            "region": [place[2] for place in places],
            "parent_location_id": [None] + ["LOC-01"] * (len(places) - 1),
            "holding_cost_rate": [place[3] for place in places],
            "capacity": [place[4] for place in places],
        }
    )


def customer_frame(scale: Scale, rng: np.random.Generator) -> pd.DataFrame:
    """Extract table of customers with tier, region, channel and agreed fill rate."""
    n = scale.customer_count
    tier = rng.choice(["gold", "silver", "bronze"], n, p=[0.2, 0.3, 0.5])
    return pd.DataFrame(
        {
            "customer_id": [f"CUS-{k:04d}" for k in range(1, n + 1)],
            "name": [f"Customer {k}" for k in range(1, n + 1)],
            "tier": tier,
            "region": rng.choice(["West", "North", "South"], n),
            "channel": rng.choice(["wholesale", "retail", "online"], n, p=[0.4, 0.35, 0.25]),
            "sla": np.select([tier == "gold", tier == "silver"], [0.98, 0.95], 0.92),
        }
    )


def list_prices(items: pd.DataFrame, scale: Scale, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """List prices: today's price in the last year, a little less in each year before.

    Args:
        items: frame of `plan_items`.
        scale: extent of the company.
        rng: source of randomness.

    Returns:
        First days (years,) and prices (years, items).
    """
    first, last = int(str(scale.first_date)[:4]), int(str(scale.last_date)[:4])
    dates = np.array([np.datetime64(f"{year}-01-01", "D") for year in range(first, last + 1)])
    rise = 1.0 + _YEARLY_PRICE_RISE * rng.uniform(0.5, 1.5, len(items))
    back = np.arange(last - first, -1, -1)[:, None]
    return dates, np.round(items["price"].to_numpy() / rise**back, 2)
