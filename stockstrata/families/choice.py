"""The policy family of each item-location: that of its segment's strategy, or the one that a rule chooses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.columns import DAYS_PER_YEAR, numbers, texts
from stockstrata.costs import WEEKS_PER_YEAR
from stockstrata.errors import ParameterError
from stockstrata.parameters import PolicyRule
from stockstrata.replenishment import economic_order_quantity

BY_RULE = "by_rule"
ALL = "*"


@dataclass(frozen=True)
class Traits:
    """What rules look at, (n,) each.

    Attributes:
        pattern_code: pattern of demand.
        criticality_code: criticality of the item; empty where unknown.
        lead_time_days: mean lead time, days.
        lead_time_cv: standard deviation of the lead time over its mean: how unreliable the supplier is.
        economic_cover_reviews: review periods that the economic order quantity lasts; NaN where costs are not known.
        review_period_days: days between two reviews, days.
    """

    pattern_code: np.ndarray
    criticality_code: np.ndarray
    lead_time_days: np.ndarray
    lead_time_cv: np.ndarray
    economic_cover_reviews: np.ndarray
    review_period_days: np.ndarray


def traits(planned: pd.DataFrame, segments: pd.DataFrame, figures: pd.DataFrame) -> Traits:
    """Traits of n item-locations.

    Args:
        planned: frame of `int_item_locations__planned`: `criticality_code`.
        segments: frame of `segmentation.segment_assignment`, the same rows: `pattern_code`.
        figures: `lead_time_days, lead_time_sd_days, annual_demand_qty, order_cost_amount,
            holding_cost_per_unit_week_amount, review_period_days` of the same rows.
    """
    lead, annual = numbers(figures, "lead_time_days"), numbers(figures, "annual_demand_qty")
    holding = numbers(figures, "holding_cost_per_unit_week_amount") * WEEKS_PER_YEAR
    with np.errstate(divide="ignore", invalid="ignore"):
        economic = economic_order_quantity(annual, np.nan_to_num(numbers(figures, "order_cost_amount")), holding)
    review = numbers(figures, "review_period_days")
    by_review = annual * review / DAYS_PER_YEAR
    unknown = np.full(len(lead), np.nan)
    return Traits(
        pattern_code=texts(segments, "pattern_code").to_numpy(dtype=str),
        criticality_code=texts(planned, "criticality_code").to_numpy(dtype=str),
        lead_time_days=lead,
        lead_time_cv=np.divide(numbers(figures, "lead_time_sd_days"), lead, out=np.zeros(len(lead)), where=lead > 0),
        economic_cover_reviews=np.divide(economic, by_review, out=unknown, where=by_review > 0),
        review_period_days=review,
    )


def rule_of(found: Traits, rules: Sequence[PolicyRule]) -> np.ndarray:
    """Position of the first rule, by priority, that holds for each item-location, (n,).

    A rule holds where all that it states does: a code (`*` is any), a least or a largest figure. A figure that is not
    known fulfils no limit.

    Args:
        found: what the rules look at.
        rules: rows of `policy_rules.csv`.

    Raises:
        ParameterError: no rule holds for one of them.

    Example: of `order_every_review` (economic cover of one review at most) and `otherwise`, an item whose economic
    order lasts four reviews takes the second.
    """
    by_priority = sorted(range(len(rules)), key=lambda row: (rules[row].priority, rules[row].rule_code))
    holds = [_holds(found, rules[row]) for row in by_priority]
    if not holds or not np.logical_or.reduce(holds).all():
        raise ParameterError("policy_rules.csv: no rule holds for some item-locations; add one without conditions.")
    return np.array(by_priority)[np.argmax(np.stack(holds), axis=0)]


def with_chosen_families(
    out: pd.DataFrame, planned: pd.DataFrame, segments: pd.DataFrame, rules: Sequence[PolicyRule]
) -> pd.DataFrame:
    """`policy_family` in place of `by_rule`; other rows stay as they are.

    Args:
        out: policies so far, with the figures of `traits`.
        planned: as in `traits`.
        segments: as in `traits`.
        rules: rows of `policy_rules.csv`.
    """
    asked = (out["policy_family"] == BY_RULE).to_numpy()
    if not asked.any():
        return out
    place = rule_of(traits(planned.loc[asked], segments.loc[asked], out.loc[asked]), rules)
    families = out["policy_family"].to_numpy(dtype=object).copy()
    families[asked] = np.array([rule.policy_family for rule in rules], dtype=object)[place]
    return out.assign(policy_family=families)


def _holds(found: Traits, rule: PolicyRule) -> np.ndarray:
    holds = np.full(len(found.lead_time_days), True)
    for name in ("pattern_code", "criticality_code"):
        wanted = getattr(rule, name)
        if wanted != ALL:
            holds &= getattr(found, name) == wanted
    for limit, name in (("min_lead_time_days", "lead_time_days"), ("min_lead_time_cv", "lead_time_cv")):
        least = getattr(rule, limit)
        if least is not None:
            holds &= getattr(found, name) >= least
    for name in ("economic_cover_reviews", "review_period_days"):
        most = getattr(rule, f"max_{name}")
        if most is not None:
            holds &= getattr(found, name) <= most
    return holds
