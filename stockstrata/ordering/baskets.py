"""Filling an order up to the supplier's least value, with the least extra holding."""

from dataclasses import dataclass

import numpy as np

LONGEST_HELD_DAYS = 3652.5
_MOST_CHOICES = 2_000_000


@dataclass(frozen=True)
class Candidates:
    """Items that an order may take more of, (n,) each.

    Attributes:
        first_qty: least quantity to add, units: for an item that is ordered anyway a step, else its least order.
        step_qty: step above it, units.
        unit_value: what one unit adds to the value of the order, currency.
        ahead_days: days until the item would be ordered next.
        daily_qty: expected demand of a day, units.
        holding_amount: cost of holding a unit for a day, currency.
    """

    first_qty: np.ndarray
    step_qty: np.ndarray
    unit_value: np.ndarray
    ahead_days: np.ndarray
    daily_qty: np.ndarray
    holding_amount: np.ndarray


def advance_cost(
    quantity: np.ndarray, ahead_days: np.ndarray, daily_qty: np.ndarray, holding_amount: np.ndarray
) -> np.ndarray:
    """What it costs to buy units now that the next order would have brought, `h q (T + q / 2d)`, currency.

    They lie until the next order would have come, after T days; it comes later by what they last, q / d days, in which
    they are used up evenly. Neither is longer than ten years.

    Example: 10 units at 0.1 a day, 20 days ahead, of which one a day is used: 10 x 0.1 x (20 + 5) = 25.
    """
    lasts = np.divide(quantity, daily_qty, out=np.full(np.shape(quantity), np.inf), where=np.asarray(daily_qty) > 0)
    ahead = np.minimum(np.maximum(ahead_days, 0.0), LONGEST_HELD_DAYS)
    return np.where(quantity > 0, holding_amount * quantity * (ahead + np.minimum(lasts, LONGEST_HELD_DAYS) / 2), 0.0)


def filled_basket(shortfall: float, items: Candidates) -> np.ndarray:
    """Quantities to add so that their value reaches the shortfall, at the least cost by `advance_cost`, units, (n,).

    The cheapest combination is found by going through the items and keeping, of the combinations of those seen, the
    ones that no other beats in both value and cost (Nemhauser and Ullmann, Management Science 15 (1969) 494).
    Those are dropped that cannot become cheaper than a greedy filling even at the best ratio of cost to value still to
    come. Baskets with more than two million combinations at a time keep the greedy filling.

    Args:
        shortfall: value to add, currency.
        items: what may be added; each has a unit value above 0.

    Example: to add 10 of value, an item of 4 that costs 1 a unit and one of 5 that costs 1.4 give two of the second.
    """
    count = len(items.first_qty)
    if not count or shortfall <= 0:
        return np.zeros(count)
    choices = [_choices(shortfall, items, row) for row in range(count)]
    values = [np.minimum(quantity * items.unit_value[row], shortfall) for row, quantity in enumerate(choices)]
    costs = [_cost(items, row, quantity) for row, quantity in enumerate(choices)]
    greedy = _greedy(shortfall, values, costs)
    best = sum(cost[taken] for cost, taken in zip(costs, greedy, strict=True))
    found = _exact(shortfall, values, costs, best)
    taken = greedy if found is None else found
    return np.array([quantity[pick] for quantity, pick in zip(choices, taken, strict=True)])


def _choices(shortfall: float, items: Candidates, row: int) -> np.ndarray:
    """Quantities of one item worth considering: none, the least one, and steps until it fills the basket alone."""
    missing = shortfall - items.first_qty[row] * items.unit_value[row]
    steps = int(min(max(np.ceil(missing / (items.step_qty[row] * items.unit_value[row]) - 1e-9), 0), 100_000))
    return np.append(0.0, items.first_qty[row] + items.step_qty[row] * np.arange(steps + 1))


def _cost(items: Candidates, row: int, quantity: np.ndarray) -> np.ndarray:
    return advance_cost(quantity, items.ahead_days[row], items.daily_qty[row], items.holding_amount[row])


def _greedy(shortfall: float, values: list[np.ndarray], costs: list[np.ndarray]) -> list[int]:
    """Take the cheapest next step by value until the basket is full, then give back what is not needed."""
    taken = [0] * len(values)
    left = shortfall
    while left > 1e-9 * shortfall:
        best, pick = np.inf, (0, 0)
        for row, (value, cost) in enumerate(zip(values, costs, strict=True)):
            more = np.minimum(value[taken[row] + 1 :] - value[taken[row]], left)
            if len(more):
                ratio = (cost[taken[row] + 1 :] - cost[taken[row]]) / np.maximum(more, 1e-300)
                at = int(np.argmin(ratio))
                if ratio[at] < best:
                    best, pick = ratio[at], (row, taken[row] + 1 + at)
        row, at = pick
        left -= values[row][at] - values[row][taken[row]]
        taken[row] = at
    for row in np.argsort([-cost[pick] for cost, pick in zip(costs, taken, strict=True)], kind="stable"):
        needed = values[row][taken[row]] + left
        taken[row] = int(np.argmax(values[row] >= needed - 1e-9 * shortfall))
        left = needed - values[row][taken[row]]
    return taken


def _exact(shortfall: float, values: list[np.ndarray], costs: list[np.ndarray], bound: float) -> list[int] | None:
    """The cheapest choice of each item, or None where the combinations grow too many."""
    ratios = [np.min(cost[1:] / value[1:]) for value, cost in zip(values, costs, strict=True)]
    ahead = np.append(np.minimum.accumulate(ratios[::-1])[::-1], np.inf)
    value, cost = np.zeros(1), np.zeros(1)
    came_from: list[tuple[np.ndarray, np.ndarray]] = []
    for row, (more, dearer) in enumerate(zip(values, costs, strict=True)):
        if len(value) * len(more) > _MOST_CHOICES:
            return None
        total = np.minimum(value[:, None] + more, shortfall).ravel()
        spent = (cost[:, None] + dearer).ravel()
        missing = shortfall - total
        least = np.where(missing > 1e-9 * shortfall, spent + missing * min(ahead[row + 1], 1e300), spent)
        kept = np.flatnonzero(least <= bound * (1 + 1e-9) + 1e-12)
        order = kept[np.lexsort((kept, spent[kept], -total[kept]))]
        best_so_far = np.minimum.accumulate(spent[order])
        is_front = np.append(True, best_so_far[1:] < best_so_far[:-1])
        front = order[is_front]
        came_from.append((front // len(more), front % len(more)))
        value, cost = total[front], spent[front]
    if not len(value):
        return None
    at, taken = 0, [0] * len(values)
    for row in reversed(range(len(values))):
        parents, picks = came_from[row]
        taken[row], at = int(picks[at]), int(parents[at])
    return taken
