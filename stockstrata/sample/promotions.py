"""Promotions of the sample company: what was run, what it really did, what was expected."""

import numpy as np
import pandas as pd

from stockstrata.sample.sizes import Scale, codes

SLOT_WEEKS = 26  # An item is promoted at most once a slot, so effects never overlap.
PROMOTION_WEEKS = 2
DIP_WEEKS = 2
_DIVISION_CAMPAIGNS = 100
"""Numbers that belong to the campaigns of one division."""
_FUTURE_START = np.datetime64("2026-01-12", "D")


def plan_promotions(items: pd.DataFrame, scale: Scale, rng: np.random.Generator) -> pd.DataFrame:
    """Draw campaigns of two weeks for steady items that sell every week, and one campaign still to come.

    Args:
        items: frame of `stockstrata.sample.catalogue.plan_items`.
        scale: extent of the company.
        rng: source of randomness.

    Returns:
        One row a campaign and item: `promotion_id, item, location` (positions, -1 for every location), `start_week`,
        `start_date, end_date, uplift` and `dip` (true relative effects), `expected_uplift, discount, is_future`.
    """
    steady = (items["role"] == "steady") & items["pattern"].isin(["smooth", "erratic"])
    eligible = np.flatnonzero(steady)
    slots = max(1, (scale.week_count - 8) // SLOT_WEEKS)
    per_slot = -(-scale.campaign_count // slots)
    item_count = max(1, min(scale.campaign_item_count, len(eligible) // (per_slot + 1)))
    campaign = np.arange(scale.campaign_count)
    slot = campaign % slots
    start_week = 6 + slot * SLOT_WEEKS + rng.integers(0, SLOT_WEEKS - PROMOTION_WEEKS - DIP_WEEKS, len(campaign))
    turns = np.stack([rng.permutation(eligible) for _ in range(slots + 1)])
    picked = [
        turns[slot[c], (c // slots) * item_count : (c // slots + 1) * item_count] for c in range(scale.campaign_count)
    ]
    chosen = np.concatenate([*picked, turns[slots, :item_count]])
    starts = np.append(scale.week_starts[start_week], _FUTURE_START)
    number = np.repeat(np.arange(len(campaign) + 1), [*map(len, picked), item_count])
    where = rng.choice([-1, *range(scale.location_count)], len(campaign) + 1, p=_location_odds(scale))
    uplift = rng.uniform(0.5, 1.5, len(chosen))
    return pd.DataFrame(
        {
            "promotion_id": codes("PROMO-", scale.division * _DIVISION_CAMPAIGNS + number + 1, 3),
            "item": chosen,
            "location": where[number],
            "start_week": np.append(start_week, scale.week_count)[number],
            "start_date": starts[number],
            "end_date": starts[number] + (7 * PROMOTION_WEEKS - 1),
            "uplift": np.round(uplift, 3),
            "dip": np.round(rng.uniform(0.2, 0.4, len(chosen)), 3),
            "expected_uplift": np.round(uplift * rng.uniform(0.7, 1.4, len(chosen)), 1),
            "discount": rng.choice([0.1, 0.15, 0.2, 0.25], len(chosen)),
            "is_future": number == len(campaign),
        }
    )


def _location_odds(scale: Scale) -> np.ndarray:
    single = np.full(scale.location_count, 0.3 / scale.location_count)
    return np.append(0.7, single)


def promotion_effects(promotions: pd.DataFrame, scale: Scale) -> tuple[np.ndarray, np.ndarray]:
    """Spread the promotions over item-locations and weeks.

    Args:
        promotions: frame of `plan_promotions`.
        scale: extent of the company.

    Returns:
        `multiplier` of demand and `row` of the running promotion (-1 for none), both (item-locations, weeks).
    """
    multiplier = np.ones((scale.series_count, scale.week_count))
    running = np.full((scale.series_count, scale.week_count), -1, dtype=np.int32)
    past = promotions.loc[~promotions["is_future"]]
    for location in range(scale.location_count):
        here = past.loc[past["location"].isin([-1, location])]
        series = here["item"].to_numpy() * scale.location_count + location
        week = here["start_week"].to_numpy()
        for ahead in range(PROMOTION_WEEKS + DIP_WEEKS):
            at = np.minimum(week + ahead, scale.week_count - 1)
            inside = week + ahead < scale.week_count
            is_dip = ahead >= PROMOTION_WEEKS
            effect = 1.0 - here["dip"].to_numpy() if is_dip else 1.0 + here["uplift"].to_numpy()
            multiplier[series[inside], at[inside]] *= effect[inside]
            if not is_dip:
                running[series[inside], at[inside]] = here.index.to_numpy()[inside]
    return multiplier, running
