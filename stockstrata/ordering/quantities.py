"""How much a policy orders at an inventory position."""

import numpy as np
import pandas as pd

from stockstrata.columns import numbers
from stockstrata.distributions import DISCRETE
from stockstrata.policy import NOT_STOCKED
from stockstrata.replenishment import feasible_order_up, whole_multiple


def due_quantities(policy: pd.DataFrame, position: np.ndarray, item: pd.DataFrame) -> np.ndarray:
    """Quantity that is due at a position, units, (n,); zero where it lies above the reorder point.

    `s_Q` orders the smallest number of Q that lifts the position *above* the reorder point, `kanban` the containers of
    all cards that are free, the other families order up to their level; all obey minimum and multiple. Ordered once,
    nothing more is due. An order counts for what comes of it in good: one `order_inflation_ratio`-th.

    Args:
        policy: `policy_family, method_code, reorder_point_qty, order_qty, order_up_to_qty, order_inflation_ratio` of n
            rows.
        position: inventory position, what is under way at what is expected to come of it, units, (n,).
        item: `moq_qty, order_multiple_qty` of the same rows.

    Example: s = 20, Q = 30 and a position of -10 give 60: 30 would only lift it to 20.
    """
    family = policy["policy_family"].to_numpy(dtype=str)
    reorder, lot = numbers(policy, "reorder_point_qty"), numbers(policy, "order_qty")
    is_whole = policy["method_code"].isin(DISCRETE).to_numpy()
    multiple = whole_multiple(numbers(item, "order_multiple_qty"), is_whole)
    by_lot = (family == "s_Q") & (lot > 0)
    inflation = numbers(policy, "order_inflation_ratio")
    size = np.where(by_lot, lot / inflation, 1.0)
    count = np.floor((reorder - position) / size) + 1
    # Above by more than rounding: the parts of the position are summed anew once the order is among them.
    rounding = 1e-9 * np.maximum(np.maximum(np.abs(reorder), np.abs(position)), 1.0)
    count += position + count * size <= reorder + rounding
    target = np.where(by_lot, reorder, numbers(policy, "order_up_to_qty"))
    gap = target - position
    gap = np.where(gap > 1e-9 * np.maximum(np.abs(target), 1.0), gap, 0.0)
    by_card = (family == "kanban") & (lot > 0)
    lot = np.where(by_lot | by_card, lot, 1.0)
    gap = np.where(by_card, np.floor(gap * inflation / lot + 1e-9) * lot, gap * inflation)
    quantity = np.where(by_lot, count * lot, feasible_order_up(gap, numbers(item, "moq_qty"), multiple))
    due = (position <= reorder) & ~np.isin(family, NOT_STOCKED)
    return np.where(due, quantity, 0.0)
