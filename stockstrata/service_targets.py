"""Which service an item-location is planned for, and how often it may order: targets, economic ratios, reviews.

An `economic` target is the critical ratio `p / (p + h T)`: p currency per unit short, h currency per unit and week in
stock, T weeks that an order must last. It is the best chance of no stock-out in a cycle where each unit short at the
end of a replenishment cycle costs p and each unit left then costs h T (Silver, Pyke & Thomas, Inventory and Production
Management in Supply Chains, 4th ed., 6.5 and 6.9, cost B2 per unit short; Zipkin, Foundations of Inventory Management,
sec. 9.4). The charge p is per unit, not per unit and week: a unit that stays short for two cycles counts twice.
"""

import numpy as np
import pandas as pd

from stockstrata.columns import aligned, texts
from stockstrata.costs import item_costs
from stockstrata.errors import ParameterError
from stockstrata.ordering.calendar import effective_review_days, order_weekdays
from stockstrata.parameters import PlanningParameters, ServiceTarget

ECONOMIC = "economic"
PERIOD_DAYS = {"week": 7.0, "month": 365.25 / 12}
"""Days in a planning period or bucket, on average."""

Real = np.ndarray | float


def critical_ratio(shortage_cost: Real, holding_cost: Real, cover_weeks: Real) -> np.ndarray:
    """`p / (p + h T)`: the share of cycles that should end without a stock-out.

    Args:
        shortage_cost: p, currency per unit short.
        holding_cost: h, currency per unit and week.
        cover_weeks: T, weeks that an order must last.

    Example:
        p = 1, h = 0.2 and T = 1 give 0.8333; a newsvendor with underage cost 0.7 and overage cost 0.3 has 0.7.
    """
    shortage = np.asarray(shortage_cost, dtype=float)
    return shortage / (shortage + np.asarray(holding_cost) * cover_weeks)


def service_targets(item_id: pd.Series, segment_code: pd.Series, *, rows: tuple[ServiceTarget, ...]) -> pd.DataFrame:
    """Target of each row: that of its item, else of its segment, else of all.

    Args:
        item_id: item of each row.
        segment_code: segment of each row.
        rows: the targets in force.

    Returns:
        `service_measure`, `service_target` (NaN for economic), `service_target_source_code` (item, segment or all).

    Raises:
        ParameterError: if a segment has no target and there is none for all.

    Example: an item row (`*`, item P7) beats the row of P7's segment.
    """
    held = {(row.segment_code, row.item_id): row for row in rows}
    kinds = pd.DataFrame({"item": item_id.to_numpy(), "segment": segment_code.to_numpy()}, dtype=object)
    with_own = {row.item_id for row in rows if row.item_id}
    kinds["item"] = kinds["item"].where(kinds["item"].isin(with_own), "")
    found = {pair: _target(held, *pair) for pair in kinds.drop_duplicates().itertuples(index=False, name=None)}
    chosen = [found[pair] for pair in kinds.itertuples(index=False, name=None)]
    return pd.DataFrame(
        {
            "service_measure": [row.service_measure for row, _ in chosen],
            "service_target": np.array([row.service_target for row, _ in chosen], dtype=float),
            "service_target_source_code": [source for _, source in chosen],
        }
    )


def _target(held: dict[tuple[str, str], ServiceTarget], item: str, segment: str) -> tuple[ServiceTarget, str]:
    own = (((segment, item), "item"), (("*", item), "item")) if item else ()
    for key, source in (*own, ((segment, ""), "segment"), (("*", ""), "all")):
        if key in held:
            return held[key], source
    raise ParameterError(
        f"service_targets.csv has no row in force for segment {segment} and none for all (*); add one of them."
    )


def review_periods(
    item_locations: pd.DataFrame,
    assignment: pd.DataFrame,
    *,
    parameters: PlanningParameters,
    cycle_days: float,
) -> pd.DataFrame:
    """Days between two orders that each item-location may place.

    The strategy's review period, or the longest gap that the supplier's order days leave; but where the target is
    economic and ordering costs nothing, every cycle orders, so the days from one cycle to the next.

    Args:
        item_locations: frame of `int_item_locations__planned`.
        assignment: frame of `segmentation.segment_assignment`.
        parameters: strategies, targets and cost rates.
        cycle_days: days from one planning cycle to the next.

    Returns:
        `item_id, location_id, review_period_days, is_every_cycle`, in the order of `item_locations`.
    """
    segment = texts(aligned(assignment, item_locations, table="segmentation.segment_assignment"), "segment_code")
    reviews = {row.segment_code: row.review_period_days for row in parameters.segment_strategies}
    unknown = sorted(set(segment) - set(reviews))
    if unknown:
        raise ParameterError(f"segment_strategies.csv has no row in force for segment {unknown[0]}; add one.")
    targets = service_targets(texts(item_locations, "item_id"), segment, rows=parameters.service_targets)
    costs = item_costs(item_locations, parameters=parameters, segment_code=segment)
    free = (targets["service_measure"] == ECONOMIC) & (costs["order_cost_amount"] == 0)
    is_open = order_weekdays(texts(item_locations, "order_days"))
    own = effective_review_days(segment.map(reviews).to_numpy(dtype=float), is_open)
    return pd.DataFrame(
        {
            "item_id": item_locations["item_id"].to_numpy(),
            "location_id": item_locations["location_id"].to_numpy(),
            "review_period_days": np.where(free, cycle_days, own),
            "is_every_cycle": free.to_numpy(),
        }
    )
