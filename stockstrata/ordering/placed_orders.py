"""Every order placed in a period, matched to a proposal or classified."""

import numpy as np
import pandas as pd

from stockstrata.columns import DAYS_PER_YEAR, days, numbers, texts
from stockstrata.ordering.quantities import due_quantities
from stockstrata.ordering.rules import OrderLimits
from stockstrata.policy import KEY, NOT_STOCKED

_LONGEST_HELD_DAYS = DAYS_PER_YEAR


def judged_orders(
    placed: pd.DataFrame, policies: pd.DataFrame, proposals: pd.DataFrame, *, limits: OrderLimits
) -> pd.DataFrame:
    """One row for each order line: which proposal or policy it follows, or in what it does not.

    The first that holds names the line:

    - `unjudged`: no cycle was planned before it; `unplanned_item`: one was, without this item-location.
    - `not_stocked`: its policy keeps no stock.
    - `emergency`: promised within a share of the supplier's usual wait, or dearer than the policy's unit cost by more
      than a share of it. Cost: the premium, and that of the order itself.
    - `oversized`: more than a multiple of what was wanted.
    - `undersized`: the last line for a proposal, when all come to less than a share of it. Cost: one more order.
    - `late_release`: the first line for a proposal, more than a limit of days after it was to be ordered. Cost: units
      that demand took in those days, from the safety stock or short, at the cost of one short, as far as they exceed
      the safety stock.
    - `matched`: what a proposal wanted; `in_policy`: what the policy wanted at the position of the day, without one.
    - `early`: nothing was wanted: the position stood above the reorder point by more demand than that of some review
      periods, or the policy orders nothing at it. Without a stock figure nothing can be said: `unjudged`.

    What a proposal wanted is used up by the lines that follow it, in the order of day, number and line.

    Args:
        placed: frame of `int_purchase_orders__placed`.
        policies: frame of `policy.stock_policy` of the cycle before, with `moq_qty, order_multiple_qty`.
        proposals: frame of `policy.order_proposal` of that cycle: `order_qty, order_date`.
        limits: limits of each segment.

    Returns:
        Columns of `policy.order_exception` that hold for a line by itself.
    """
    lines = placed.sort_values([*KEY, "order_date", "order_id", "line"], ignore_index=True)
    row = pd.MultiIndex.from_frame(policies[KEY]).get_indexer(pd.MultiIndex.from_frame(lines[KEY]))
    has_policy = row >= 0
    policy = policies.reset_index(drop=True).reindex(row).reset_index(drop=True)
    segment = texts(policy, "segment_code").where(has_policy, "")
    by_segment = segment.to_numpy(dtype=object)
    ordered, position = numbers(lines, "ordered_qty"), numbers(lines, "inventory_position_qty")
    proposal = _proposals_of(lines, proposals, ordered)
    left = proposal["left_qty"].to_numpy()
    daily = numbers(policy, "annual_demand_qty") / DAYS_PER_YEAR
    # Ordering somewhat ahead of the reorder point is what a review does.
    ahead = limits.of("early", by_segment) * daily * numbers(policy, "review_period_days")
    above = position - numbers(policy, "reorder_point_qty")
    at_review = np.where(above > 0, position - np.nan_to_num(above), position)
    due = np.where(above <= ahead, due_quantities(policy, at_review, policy), 0.0)
    wanted = np.where(left > 0, left, np.nan_to_num(due))
    wait = (days(lines, "due_date") - days(lines, "order_date")).astype("timedelta64[D]")
    wait_days = np.where(np.isnat(wait), np.nan, wait.astype(float))
    usual = numbers(lines, "usual_wait_days")
    unit_cost = numbers(policy, "unit_cost_amount")
    premium = np.maximum(numbers(lines, "unit_cost_amount") - unit_cost, 0.0)
    is_hasty = wait_days < limits.of("emergency_wait", by_segment) * usual
    is_hasty &= np.isfinite(limits.of("emergency_wait", by_segment))
    is_dear = premium > limits.of("emergency_price", by_segment) * unit_cost * (1 + 1e-9)
    waited = (days(lines, "order_date") - days(proposal, "order_date")).astype("timedelta64[D]")
    late_days = np.where(np.isnat(waited), 0.0, waited.astype(float))
    is_small = proposal["all_qty"] < limits.of("undersized", by_segment, without=0.0) * proposal["proposed_qty"] - 1e-9
    tests = {
        "unjudged": np.full(len(lines), policies.empty),
        "unplanned_item": ~has_policy,
        "not_stocked": np.isin(policy["policy_family"].to_numpy(dtype=str), NOT_STOCKED),
        "emergency": is_hasty | is_dear,
        "oversized": (wanted > 0) & (ordered > limits.of("oversized", by_segment) * wanted + 1e-9),
        "undersized": (left > 0) & proposal["is_last"].to_numpy() & is_small.to_numpy(),
        "late_release": (left > 0)
        & proposal["is_first"].to_numpy()
        & (late_days > limits.of("late_release", by_segment)),
        "matched": left > 0,
        "in_policy": wanted > 0,
        "early": np.isfinite(above),
    }
    code = np.select(list(tests.values()), list(tests), "unjudged")
    unused = np.where(code == "oversized", ordered - wanted, ordered)
    cover = np.divide(np.where(code == "oversized", np.maximum(above, 0.0) + wanted, above), daily, where=daily > 0,
                      out=np.full(len(lines), np.inf))  # fmt: skip
    held_days = np.clip(np.where(code == "not_stocked", _LONGEST_HELD_DAYS, cover), 0.0, _LONGEST_HELD_DAYS)
    holding = unused * held_days / 7 * numbers(policy, "holding_cost_per_unit_week_amount")
    drawn = np.maximum(late_days * daily - numbers(policy, "safety_stock_qty"), 0.0)
    cost = np.select(
        [
            code == "emergency",
            code == "undersized",
            code == "late_release",
            np.isin(code, ("early", "oversized", "not_stocked")),
            code == "unplanned_item",
        ],
        [
            np.nan_to_num(premium) * ordered + numbers(policy, "order_cost_amount"),
            numbers(policy, "order_cost_amount"),
            np.minimum(drawn, ordered) * numbers(policy, "shortage_cost_per_unit_amount"),
            holding,
            np.nan,
        ],
        0.0,
    )
    paid = numbers(lines, "unit_cost_amount")
    out = lines.loc[:, ["order_id", "line", *KEY, "supplier_id", "order_date", "due_date"]].assign(
        judged_code="placed",
        segment_code=segment,
        exception_code=code,
        wanted_date=proposal["order_date"].where(pd.Series(code == "late_release")),
        order_qty=ordered,
        wanted_qty=np.where(np.isin(code, ("unjudged", "unplanned_item", "not_stocked")), 0.0, wanted),
        deviation_days=np.select(
            [code == "late_release", is_hasty], [late_days, np.maximum(usual - wait_days, 0.0)], 0.0
        ),
        order_value_amount=ordered * np.where(np.isfinite(paid), paid, unit_cost),
        cost_amount=cost,
    )
    figures = {"position": position, "reorder": numbers(policy, "reorder_point_qty"), "wait": wait_days}
    figures |= {"all": proposal["all_qty"], "proposed": proposal["proposed_qty"], "late": late_days}
    figures |= {"usual": usual, "paid": paid, "unit_cost": unit_cost, "is_hasty": is_hasty}
    return out.assign(reason=_reasons(out, pd.DataFrame(figures)))


def _proposals_of(lines: pd.DataFrame, proposals: pd.DataFrame, ordered: np.ndarray) -> pd.DataFrame:
    """The proposal that each line may follow, one row a line; lines are in order of time.

    Returns:
        `proposed_qty` (0 without one), `order_date` (NaT without one), `left_qty` (what it still wanted when the line
        was placed), `all_qty` (of all lines since), units; `is_first`, `is_last` of the lines of its item-location.
    """
    row = pd.MultiIndex.from_frame(proposals[KEY]).get_indexer(pd.MultiIndex.from_frame(lines[KEY]))
    proposed = np.append(numbers(proposals, "order_qty"), 0.0)[row]
    by_key = pd.Series(ordered).groupby([lines[name] for name in KEY])
    place = by_key.cumcount()
    return pd.DataFrame(
        {
            "proposed_qty": proposed,
            "order_date": np.append(days(proposals, "order_date"), np.datetime64("NaT"))[row].astype("datetime64[s]"),
            "left_qty": np.maximum(proposed - (by_key.cumsum().to_numpy() - ordered), 0.0),
            "all_qty": by_key.transform("sum").to_numpy(),
            "is_first": (place == 0).to_numpy(),
            "is_last": (place == by_key.transform("size") - 1).to_numpy(),
        }
    )


def _reasons(out: pd.DataFrame, figures: pd.DataFrame) -> list[str]:
    told = {
        "matched": "Ordered {ordered:.10g} where a proposal wanted {wanted:.10g}.",
        "in_policy": "Ordered {ordered:.10g} at an inventory position of {position:.10g} (reorder point {reorder:.10g})"
        ", where the policy wanted {wanted:.10g}.",
        "early": "Ordered {ordered:.10g} at an inventory position of {position:.10g} (reorder point {reorder:.10g}), "
        "where neither a proposal nor the policy wanted any yet.",
        "oversized": "Ordered {ordered:.10g} where {wanted:.10g} were wanted.",
        "undersized": "Ordered {all:.10g} in all where a proposal wanted {proposed:.10g}.",
        "late_release": "Ordered {ordered:.10g}, {late:.0f} days after the proposal wanted it ordered.",
        "not_stocked": "Ordered {ordered:.10g} of what the policy keeps no stock of.",
        "unplanned_item": "Ordered {ordered:.10g} of what the cycle before did not plan.",
        "unjudged": "Ordered {ordered:.10g}; no policy or no stock figure tells whether it was due.",
    }
    hasty = "Ordered {ordered:.10g}, promised within {wait:.10g} days where the supplier's median is {usual:.10g}."
    dear = "Ordered {ordered:.10g} at {paid:.10g} a unit where the policy reckons with {unit_cost:.10g}."
    urgent = np.where(figures["is_hasty"], hasty, dear)
    forms = [str(told.get(code, other)) for code, other in zip(out["exception_code"], urgent, strict=True)]
    rows = figures.assign(ordered=out["order_qty"], wanted=out["wanted_qty"]).to_dict("records")
    return [form.format_map(row) for form, row in zip(forms, rows, strict=True)]
