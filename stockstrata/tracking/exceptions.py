"""Exceptions of a cycle: what stands out, why, how much money is at stake, what to do, and who has time for it."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from stockstrata.columns import numbers
from stockstrata.panel import KEY
from stockstrata.parameters import ExceptionCapacity, PlanningParameters
from stockstrata.tables import FORECAST_EXCEPTION
from stockstrata.tracking import measures
from stockstrata.tracking.measures import Findings, Measure
from stockstrata.tracking.segment_rules import ALL, values_by_segment

EXCEPTION_COLUMNS = [column.name for column in FORECAST_EXCEPTION.columns if column.name != "period_start_date"]
_RULES: dict[str, tuple[Callable[[Findings], Measure], str]] = {
    "biased": (
        measures.bias,
        "Look for a cause that the history does not show; correct the demand, or override while the bias lasts.",
    ),
    "demand_deviation": (
        measures.demand_deviation,
        "Find out whether the demand of the period will come again; mark it as an event, or override.",
    ),
    "plan_change": (
        measures.plan_change,
        "Check what changed in history, model or overrides before orders follow the new plan.",
    ),
    "fallback_model": (
        measures.fallback_model,
        "Bring more history or name a predecessor; until then set the forecast by hand.",
    ),
    "worse_than_naive": (
        measures.worse_than_naive,
        "Look at the series: a change of level or gaps in the feed mislead the models.",
    ),
    "override_awaiting_approval": (measures.awaiting_approval, "Approve or reject the override."),
    "stream_disagreement": (
        measures.stream_disagreement,
        "Bring the forecasters together and settle which figure holds.",
    ),
}


def forecast_exceptions(found: Findings, earlier: pd.DataFrame, *, parameters: PlanningParameters) -> pd.DataFrame:
    """Raise the exceptions of a cycle, rank them by value at stake and cut them to the capacity of their owners.

    Args:
        found: the figures to look at.
        earlier: `item_id, location_id, rule_code` of the exceptions of the cycle before; what stands there is not new.
        parameters: rules, capacities, strategies.

    Returns:
        FORECAST_EXCEPTION, sorted by owner, rank and key. The same figures give the same rows.

    Example: with a capacity of 25 and 60 exceptions of an owner, the 25 of most value have `is_listed`.
    """
    segments = found.tracking["segment_code"]
    cost = numbers(found.beside(found.unit_costs), "unit_cost_amount")
    raised = []
    for code, (measured, action) in _RULES.items():
        rules = [rule for rule in parameters.exception_rules if rule.rule_code == code]
        threshold = values_by_segment(rules, "threshold_value", segments.to_numpy(dtype=object))
        measure = measured(found)
        rows = np.isfinite(threshold) & (measure.value >= threshold) & (measure.value > 0)
        raised.append(
            found.tracking.loc[rows, [*KEY, "segment_code", "owner"]].assign(
                rule_code=code,
                measured_value=measure.value[rows],
                threshold_value=threshold[rows],
                value_at_stake_amount=np.nan_to_num(cost * measure.stake_qty)[rows],
                reason=measure.told(rows),
                action=action,
            )
        )
    exceptions = pd.concat(raised, ignore_index=True)
    named = [*KEY, "rule_code"]
    known = pd.MultiIndex.from_frame(earlier[named].astype(object))
    is_new = ~pd.MultiIndex.from_frame(exceptions[named].astype(object)).isin(known)
    listed = _listed(exceptions.assign(is_new=is_new), parameters.exception_capacity)
    return listed.loc[:, EXCEPTION_COLUMNS].sort_values(["owner", "worklist_rank", *named], ignore_index=True)


def _listed(exceptions: pd.DataFrame, capacities: Sequence[ExceptionCapacity]) -> pd.DataFrame:
    """Rank inside each capacity: that of owner and segment where it is stated, else what the owner has for the rest."""
    stated = {(row.owner, row.segment_code): row.capacity_count for row in capacities}
    pairs = exceptions[["owner", "segment_code"]].drop_duplicates()
    held = [_capacity(stated, *pair) for pair in pairs.itertuples(index=False, name=None)]
    pairs = pairs.assign(
        capacity_group=[group for group, _ in held],
        capacity_count=np.array([count for _, count in held], dtype=np.int64),
    )
    ranked = exceptions.merge(pairs, on=["owner", "segment_code"], how="left").sort_values(
        ["owner", "capacity_group", "value_at_stake_amount", *KEY, "rule_code"],
        ascending=[True, True, False, True, True, True],
        ignore_index=True,
    )
    rank = ranked.groupby(["owner", "capacity_group"]).cumcount() + 1
    return ranked.assign(worklist_rank=rank, is_listed=rank <= ranked["capacity_count"])


def _capacity(stated: Mapping[tuple[str, str], int], owner: str, segment: str) -> tuple[str, int]:
    """Group that shares a capacity, and the capacity."""
    for group, pair in ((segment, (owner, segment)), (segment, (ALL, segment)), (ALL, (owner, ALL))):
        if pair in stated:
            return group, stated[pair]
    return ALL, stated[(ALL, ALL)]
