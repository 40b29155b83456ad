"""From what a cycle planned to what the simulator runs: rows of `policy.stock_policy` as policies and terms.

A replay has a fixed list of item-locations over all its cycles. What a cycle did not plan (it came later, or was gone)
has no policy then: nothing is ordered for it, and its demand of that time is nobody's shortage.

Periods are days, weeks or months, as fine as demand is known. Lead times and review periods become whole periods, to
the nearest: a replay that always rounded up would call every policy too low. What rounding adds is told with the
figures (`rounded_interval_days`), because a replay with longer intervals than planned asks more of a policy than it
promised. Period 0 is the first after the first cut-off.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.columns import DAYS_PER_YEAR, numbers, texts
from stockstrata.errors import PlanningError
from stockstrata.simulation.policies import Policies, policies
from stockstrata.simulation.terms import Opening

KEY = ["item_id", "location_id"]
_LONGEST_PERIODS = 32_000
# Zones of `ddmrp` are a reorder point and a level; the one order of a season is due when nothing is left.
_FAMILY = {"ddmrp": "s_S", "newsvendor": "s_S"}
_BY_LOT = ("s_Q", "kanban")


@dataclass(frozen=True)
class PlannedCycle:
    """The policies of one cycle for all n item-locations of a replay.

    Attributes:
        first_period: first period after the cycle's cut-off; the order at the cut-off is the cycle's own.
        policies: of each item-location; `do_not_stock` where the cycle planned none.
        segment_code: segment of the cycle, empty where it planned none, (n,).
        is_planned: whether the cycle planned the item-location, (n,).
        period_demand_qty: expected demand of a period, units, (n,).
        interval_days: lead time plus review period that the policy was planned for, days, NaN where none, (n,).
    """

    first_period: int
    policies: Policies
    segment_code: np.ndarray
    is_planned: np.ndarray
    period_demand_qty: np.ndarray
    interval_days: np.ndarray

    def with_policies(self, chosen: Policies) -> "PlannedCycle":
        """The same cycle with other policies where it planned any: a rule of thumb to compare with."""
        columns = {field.name: getattr(self.policies, field.name) for field in dataclasses.fields(Policies)}
        mixed = {name: np.where(self.is_planned, getattr(chosen, name), held) for name, held in columns.items()}
        return dataclasses.replace(self, policies=Policies(**mixed))


@dataclass(frozen=True)
class ReplayCase:
    """What really came to n item-locations in T periods: the same for all policies that are replayed.

    Attributes:
        keys: `item_id, location_id`, n rows.
        period_days: days in a period.
        demand_qty: units, (n, T).
        lead_time_periods: whole periods until an order arrives, by the time at which it is placed: column 0 at the
            first cut-off, column t + 1 at the end of period t, (n, T + 1).
        is_whole: whether it is counted in whole units, (n,).
        lost_share_rate: share of unmet demand that is lost, (n,).
        moq_qty: smallest order, units, 0 where there is none, (n,).
        order_multiple_qty: order multiple, units, 0 where there is none, (n,).
        unit_cost_amount: currency per unit, NaN where unknown, (n,).
        holding_cost_amount: currency per unit and period, NaN where unknown, (n,).
        order_cost_amount: currency per order, (n,).
        shortage_cost_amount: currency per unit short, NaN where unknown, (n,).
        opening: stock, backlog and arrivals at the first cut-off; None begins each policy in its steady state.
    """

    keys: pd.DataFrame
    period_days: float
    demand_qty: np.ndarray
    lead_time_periods: np.ndarray
    is_whole: np.ndarray
    lost_share_rate: np.ndarray
    moq_qty: np.ndarray
    order_multiple_qty: np.ndarray
    unit_cost_amount: np.ndarray
    holding_cost_amount: np.ndarray
    order_cost_amount: np.ndarray
    shortage_cost_amount: np.ndarray
    opening: Opening | None = None


def whole_periods(days: np.ndarray | float, period_days: float, *, least: int = 0) -> np.ndarray:
    """Days in whole periods, to the nearest, halves up.

    Example: 10 days are one week, 11 days two; with `least=1` 2 days are one week, too.
    """
    found = np.floor(np.nan_to_num(np.asarray(days, dtype=float)) / period_days + 0.5 + 1e-9)
    return np.clip(found, least, _LONGEST_PERIODS).astype(np.int64)


def planned_cycle(
    stock_policy: pd.DataFrame, keys: pd.DataFrame, *, first_period: int, period_days: float
) -> PlannedCycle:
    """One cycle's policies in the order of a replay's item-locations.

    They order what `ordering.due_quantities` would at the same position, but for two things: nothing is ordered on top
    for what comes short (`order_inflation_ratio`), because in a replay all comes; and a lost sale's order goes by the
    position, not by projected stock.

    Args:
        stock_policy: rows of `policy.stock_policy` of the cycle, one for each item-location.
        keys: `item_id, location_id` of all item-locations of the replay; rows of others are left out.
        first_period: first period after the cut-off.
        period_days: days in a period.

    Raises:
        PlanningError: an item-location stands twice, or a family is not known.

    Example: `planned_cycle(policies, keys, first_period=4, period_days=7.0)` for a cut-off after four weeks.
    """
    places = _places(stock_policy, keys, "policy.stock_policy")
    is_planned = places >= 0
    rows = stock_policy.iloc[np.maximum(places, 0)] if len(stock_policy) else stock_policy.reindex(range(len(keys)))
    stated = texts(rows, "policy_family").to_numpy(dtype=str)
    reorder, top, lot = (
        np.where(is_planned, np.nan_to_num(numbers(rows, name)), 0.0)
        for name in ("reorder_point_qty", "order_up_to_qty", "order_qty")
    )
    family = np.array([_FAMILY.get(code, code) for code in stated], dtype=object)
    # Nothing to order in lots of: the order goes up to the level, as in `due_quantities`.
    family = np.where(np.isin(family, _BY_LOT) & ~(lot > 0), "s_S", family)
    family = np.where(is_planned, family, "do_not_stock")
    up_to = ~np.isin(family, _BY_LOT)
    return PlannedCycle(
        first_period=first_period,
        policies=policies(
            family.astype(str),
            item_count=len(keys),
            reorder_point_qty=np.where(up_to, np.minimum(reorder, top), reorder),
            order_up_to_qty=top,
            order_qty=lot,
            review_periods=np.where(
                is_planned, whole_periods(numbers(rows, "review_period_days"), period_days, least=1), 1
            ),
        ),
        segment_code=np.where(is_planned, texts(rows, "segment_code").to_numpy(dtype=object), ""),
        is_planned=is_planned,
        period_demand_qty=np.where(
            is_planned, np.nan_to_num(numbers(rows, "annual_demand_qty")) * period_days / DAYS_PER_YEAR, 0.0
        ),
        interval_days=np.where(
            is_planned, numbers(rows, "lead_time_days") + numbers(rows, "review_period_days"), np.nan
        ),
    )


def replay_case(
    keys: pd.DataFrame,
    demand_qty: np.ndarray,
    stock_policies: Sequence[pd.DataFrame],
    item_locations: pd.DataFrame,
    *,
    period_days: float,
    lead_time_periods: np.ndarray | None = None,
    opening: Opening | None = None,
) -> ReplayCase:
    """Terms of a replay from what the cycles stored; each item-location has those of its newest policy.

    An item-location is counted in whole units where its demand, minimum and multiple are whole.

    Args:
        keys: `item_id, location_id`, n rows.
        demand_qty: units, (n, T); what is not known or negative counts as none.
        stock_policies: frames of `policy.stock_policy`, the oldest first: costs, lead times, unmet demand.
        item_locations: `item_id, location_id, moq_qty, order_multiple_qty`.
        period_days: days in a period.
        lead_time_periods: as in `ReplayCase`; None takes the planned lead time of the newest policy for every order.
        opening: as in `ReplayCase`; broken units of what is counted whole are rounded.

    Raises:
        PlanningError: no policy, an item-location that stands twice, or lead times of another shape.

    Example: `replay_case(keys, demand, [january, february], planned, period_days=7.0)`.
    """
    demand = np.maximum(np.nan_to_num(np.asarray(demand_qty, dtype=float)), 0.0)
    n, periods = demand.shape
    if not stock_policies or n != len(keys):
        raise PlanningError(f"replay: {len(stock_policies)} cycles and demand of {n} rows for {len(keys)} keys.")
    newest = pd.concat(stock_policies, ignore_index=True).drop_duplicates(KEY, keep="last")
    rows = _rows(newest, keys, "policy.stock_policy")
    items = _rows(item_locations, keys, "item-locations")
    moq, multiple = (np.nan_to_num(numbers(items, name)) for name in ("moq_qty", "order_multiple_qty"))
    if lead_time_periods is None:
        lead = whole_periods(numbers(rows, "lead_time_days"), period_days)
        lead_time_periods = np.repeat(lead[:, None], periods + 1, axis=1)
    if lead_time_periods.shape != (n, periods + 1):
        raise PlanningError(f"replay: lead times of shape {lead_time_periods.shape}; expected {(n, periods + 1)}.")
    whole = (np.floor(demand) == demand).all(axis=1) & (np.floor(multiple) == multiple) & (np.floor(moq) == moq)
    return ReplayCase(
        keys=keys.loc[:, KEY].reset_index(drop=True),
        period_days=period_days,
        demand_qty=demand,
        lead_time_periods=lead_time_periods,
        is_whole=whole,
        lost_share_rate=(texts(rows, "unmet_demand_code") == "lost_sale").to_numpy(dtype=float),
        moq_qty=np.maximum(moq, 0.0),
        order_multiple_qty=np.maximum(multiple, 0.0),
        unit_cost_amount=numbers(rows, "unit_cost_amount"),
        holding_cost_amount=numbers(rows, "holding_cost_per_unit_week_amount") * period_days / 7,
        order_cost_amount=np.nan_to_num(numbers(rows, "order_cost_amount")),
        shortage_cost_amount=numbers(rows, "shortage_cost_per_unit_amount"),
        opening=opening,
    )


def lead_times_that_came(
    receipts: pd.DataFrame,
    keys: pd.DataFrame,
    placed_dates: pd.DatetimeIndex,
    *,
    fallback_days: np.ndarray,
    period_days: float,
) -> np.ndarray:
    """Lead times that orders would have met: those of the item-location's own orders placed nearest in time.

    Args:
        receipts: `item_id, location_id, order_date, lead_time_days`, one row for each receipt, of any length; several
            of a day count as their mean.
        keys: `item_id, location_id`, n rows.
        placed_dates: the days at whose end orders can be placed, rising: the last day before the first period, then
            the last day of each, (T + 1,).
        fallback_days: lead time of an item-location without receipts, days, (n,).
        period_days: days in a period.

    Returns:
        (n, T + 1), whole periods, as in `ReplayCase`.

    Example: orders of 1 March that took 9 days and of 1 May that took 20: those placed until 31 March meet 9 days.
    """
    placed = placed_dates.to_numpy(dtype="datetime64[ns]")
    # By date, then by row, as the search asks for it.
    grid = pd.DataFrame({"row": np.tile(np.arange(len(keys)), len(placed)), "order_date": np.repeat(placed, len(keys))})
    row = pd.MultiIndex.from_frame(keys[KEY]).get_indexer(pd.MultiIndex.from_frame(receipts[KEY]))
    known = pd.DataFrame(
        {
            "row": row,
            "order_date": pd.to_datetime(receipts["order_date"]).to_numpy(dtype="datetime64[ns]"),
            "days": numbers(receipts, "lead_time_days"),
        }
    )
    known = known[(row >= 0) & (known["days"] >= 0)].groupby(["order_date", "row"], as_index=False)["days"].mean()
    days = np.repeat(np.asarray(fallback_days, dtype=float)[:, None], len(placed_dates), axis=1)
    if len(known):
        found = pd.merge_asof(grid, known, on="order_date", by="row", direction="nearest")
        came = found["days"].to_numpy(dtype=float).reshape(len(placed), len(keys)).T
        days = np.where(np.isfinite(came), came, days)
    return whole_periods(days, period_days)


def _places(frame: pd.DataFrame, keys: pd.DataFrame, table: str) -> np.ndarray:
    index = pd.MultiIndex.from_frame(frame[KEY])
    if not index.is_unique:
        item, location = index[index.duplicated()][0]
        raise PlanningError(f"{table}: item {item} at {location} stands there twice; expected one row a cycle.")
    return index.get_indexer(pd.MultiIndex.from_frame(keys[KEY]))


def _rows(frame: pd.DataFrame, keys: pd.DataFrame, table: str) -> pd.DataFrame:
    """A row for each key, without figures where the frame has none."""
    places = _places(frame, keys, table)
    return frame.reset_index(drop=True).reindex(np.where(places >= 0, places, -1)).reset_index(drop=True)
