"""The order of an item whose unmet demand is lost: chosen from projected stock at its arrival.

With lost sales the inventory position says too little: what is sold out before an order arrives is gone and leaves the
order for later demand. What the order must bring so that nothing is lost from its arrival to the end of piece j of its
window is N_j; the window ends with the arrival of the next order (`stock_paths`). One unit more is held over each piece
whose N_j is covered, at h, currency per unit and week, and saves one sale where N_J is not, at p, currency per unit
lost. The least expected cost of the window alone is at the least q of

    h sum_j w_j P(N_j <= q) + p P(N_J <= q) >= p

(w_j: length of the piece, weeks): with one piece of a week the newsvendor's ratio `p / (p + h)` of stock at arrival.
Such myopic orders are close to the best for short lead times, and a little too large: what they leave over is found
when demand was low, where the next order, which is decided before that is seen, is too large already. So the window
after is planned along: with q' the next order and M_j what it and the stock left over must bring there,

    h sum_j w_j P(N_j <= q) + h sum_j w'_j P(N_J + (M_j - q')+ <= q) + p P(N_J + (M_J - q')+ <= q) >= p

and q' the least order of its own window, given q; the two are found in turn. References: Zipkin, Operations Research
56 (2008) 1256-1263; Morton, Operations Research 19 (1971) 1708-1716; van Donselaar, de Kok & Rutten, Int. J.
Production Economics 45 (1996) 287-302.
"""

from dataclasses import dataclass

import numpy as np

from stockstrata.replenishment import feasible_order_up, smallest_feasible_order, whole_multiple
from stockstrata.stock_paths import Needs, ProjectionCase, order_needs

ROUNDS = 4  # in which this order and the next are found in turn
CHUNK_CELLS = 3_000_000  # numbers of a projection in memory at a time
_ROUNDING = 1e-9


@dataclass(frozen=True)
class OrderTerms:
    """What the order of n item-locations is judged by.

    Attributes:
        holding_cost: currency per unit and week, 0 where the target is not economic, (n,).
        shortage_cost: currency per unit lost, 1 where the target is not economic, (n,).
        no_stock_out_rate: chance that nothing is lost in the window, asked for where holding costs 0, (n,).
        cover_weeks: weeks that an order lasts; what is longer than the window costs holding too, (n,).
        weekly_demand_qty: expected demand of a week, units, (n,).
        lot_qty: an order is no less, units; 0 where every cycle orders what it needs, (n,).
        minimum: least order, units; 0 or NaN where there is none, (n,).
        multiple: orders are whole numbers of it, units; 0 or NaN where any quantity will do, (n,).
        inflation: units to order for one that comes in good, at least 1, (n,).
    """

    holding_cost: np.ndarray
    shortage_cost: np.ndarray
    no_stock_out_rate: np.ndarray
    cover_weeks: np.ndarray
    weekly_demand_qty: np.ndarray
    lot_qty: np.ndarray
    minimum: np.ndarray
    multiple: np.ndarray
    inflation: np.ndarray

    def rows(self, chosen: slice) -> "OrderTerms":
        """Some of the rows."""
        return OrderTerms(**{name: getattr(self, name)[chosen] for name in self.__dataclass_fields__})


@dataclass(frozen=True)
class LostSaleOrders:
    """Orders of n item-locations, units, (n,) each.

    Attributes:
        order_qty: what to order now; 0 where stock and what is coming suffice.
        arrival_stock_qty: stock expected when the order arrives, without it.
        window_demand_qty: demand expected from then until the next order can arrive.
    """

    order_qty: np.ndarray
    arrival_stock_qty: np.ndarray
    window_demand_qty: np.ndarray


def lost_sale_orders(
    case: ProjectionCase, terms: OrderTerms, *, bucket_weeks: float, path_count: int, seed: int
) -> LostSaleOrders:
    """What to order now where unmet demand is lost.

    Minimum and multiple: of the two feasible quantities around the best one the cheaper is taken, where stock beyond
    the window's need and another window's demand is held until it has sold at the mean rate.

    Args:
        case: stock, open orders and demand.
        terms: costs or chance of the order, and the supplier's terms.
        bucket_weeks: weeks in a bucket.
        path_count: paths that stock is projected on.
        seed: seed of the paths.

    Example: no stock, nothing on order, no lead time, demand of a week Poisson with mean 4, p = 1, h = 0.2: order 6,
        the least with P(D <= q) of at least 0.833.
    """
    count = len(case.arrival)
    width = int(np.ceil((2 * case.end - case.arrival).max(initial=1.0))) + case.due.shape[1] + 4
    step = max(int(CHUNK_CELLS / (path_count * width)), 1)
    parts = [slice(start, min(start + step, count)) for start in range(0, count, step)]
    found = [
        _orders(
            order_needs(case.rows(part), path_count=path_count, seed=seed),
            terms.rows(part),
            case.is_whole[part],
            bucket_weeks,
        )
        for part in parts
    ]
    names = LostSaleOrders.__dataclass_fields__
    empty = [np.zeros(0)]
    return LostSaleOrders(**{name: np.concatenate([getattr(part, name) for part in found] or empty) for name in names})


def _orders(needs: Needs, terms: OrderTerms, is_whole: np.ndarray, bucket_weeks: float) -> LostSaleOrders:
    needed, weights = _weighted_needs(needs, terms, bucket_weeks)
    best = _best_quantity(needs, needed, weights, terms, is_whole, bucket_weeks)
    # Chosen in units that come in good; ordered in units that the supplier is asked for.
    minimum, multiple = terms.minimum / terms.inflation, whole_multiple(terms.multiple, is_whole) / terms.inflation
    upper = feasible_order_up(best, minimum, multiple)
    lower = _feasible_order_down(best, minimum, multiple)
    idle = np.maximum(upper - best - needs.window_demand_qty, 0.0)
    weekly = np.maximum(terms.weekly_demand_qty, _ROUNDING)
    cost_up = _cost(upper, needed, weights, terms) + terms.holding_cost * idle**2 / (2 * weekly)
    chosen = np.where(_cost(lower, needed, weights, terms) <= cost_up, lower, upper)
    in_lots = (terms.lot_qty > 0) | (terms.holding_cost <= 0)
    lot = terms.lot_qty / terms.inflation
    by_lot = feasible_order_up(np.where(best > 0, np.maximum(best, lot), 0.0), minimum, multiple)
    asked = np.where(in_lots, by_lot, chosen) * terms.inflation
    # Whole numbers of the multiple again, which the way there and back may have missed by a rounding.
    step = np.where(multiple > 0, multiple * terms.inflation, 1.0)
    asked = np.where(multiple > 0, np.round(asked / step) * step, asked)
    return LostSaleOrders(asked, needs.arrival_stock_qty, needs.window_demand_qty)


def _weighted_needs(needs: Needs, terms: OrderTerms, bucket_weeks: float) -> tuple[np.ndarray, np.ndarray]:
    """Needs of the window's pieces, (n, P, J), and what holding a unit over each piece costs, (n, J)."""
    weeks = needs.piece_buckets * bucket_weeks
    used = np.append(weeks.max(axis=0)[:-1] > 0, True)
    weeks, needed = weeks[:, used], needs.needed_qty[:, :, used]
    weeks[:, -1] += np.maximum(terms.cover_weeks - weeks.sum(axis=1), 0.0)
    # A piece before the window of a row counts for nothing there.
    return np.where(np.isfinite(needed), needed, 0.0), weeks * terms.holding_cost[:, None]


def _best_quantity(
    needs: Needs,
    needed: np.ndarray,
    holding: np.ndarray,
    terms: OrderTerms,
    is_whole: np.ndarray,
    bucket_weeks: float,
) -> np.ndarray:
    """Order of least expected cost before minimum and multiple, at least 0, whole where units are, (n,)."""
    is_economic = terms.holding_cost > 0
    wanted = terms.shortage_cost * np.where(is_economic, 1.0, terms.no_stock_out_rate)

    def least(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        found = np.maximum(_weighted_quantile(values, weights, wanted), 0.0)
        return np.where(is_whole, np.ceil(found - _ROUNDING), found)

    with_loss = holding.copy()
    with_loss[:, -1] += terms.shortage_cost
    best = least(needed, with_loss)
    used = (needs.later_buckets > 0).any(axis=0)
    plans_along = is_economic & (terms.lot_qty <= 0) & (best > 0)
    if not plans_along.any() or not used.any():
        return best
    later, weeks = needs.later_qty[:, :, used], needs.later_buckets[:, used] * bucket_weeks
    later_weights = weeks * terms.holding_cost[:, None]
    later_weights[:, -1] += terms.shortage_cost
    both = np.concatenate([holding, later_weights], axis=1)
    end = needed[:, :, -1:]
    for _ in range(ROUNDS):
        left = np.maximum(best[:, None, None] - end, 0.0)
        following = least(later - left, later_weights)
        short = end + np.maximum(later - following[:, None, None], 0.0)
        best = np.where(plans_along, least(np.concatenate([needed, short], axis=2), both), best)
    return best


def _weighted_quantile(values: np.ndarray, weights: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Least value at which the weights of the values up to it, averaged over paths, reach what is wanted, (n,).

    Args:
        values: (n, P, J).
        weights: of each column, (n, J).
        wanted: sum of weights, no more than all of them, (n,).
    """
    count, paths, _ = values.shape
    flat = values.reshape(count, -1)
    order = np.argsort(flat, axis=1)
    sums = np.cumsum(np.take_along_axis(np.tile(weights, (1, paths)), order, axis=1), axis=1) / paths
    place = np.minimum((sums < wanted[:, None] * (1 - _ROUNDING)).sum(axis=1), flat.shape[1] - 1)
    return np.take_along_axis(flat, np.take_along_axis(order, place[:, None], axis=1), axis=1)[:, 0]


def _cost(quantity: np.ndarray, needed: np.ndarray, holding: np.ndarray, terms: OrderTerms) -> np.ndarray:
    """Expected holding and lost-sale cost of the window, but for what no order changes, currency, (n,)."""
    left = np.maximum(quantity[:, None, None] - needed, 0.0).mean(axis=1)
    lost = np.maximum(needed[:, :, -1] - quantity[:, None], 0.0).mean(axis=1)
    return (holding * left).sum(axis=1) + terms.shortage_cost * lost


def _feasible_order_down(quantity: np.ndarray, minimum: np.ndarray, multiple: np.ndarray) -> np.ndarray:
    """Largest feasible quantity that is no larger than `quantity`, units; 0 where there is none."""
    step = np.where(multiple > 0, multiple, 1.0)
    down = np.where(multiple > 0, np.floor(quantity / step + _ROUNDING) * step, quantity)
    least = smallest_feasible_order(np.nan_to_num(minimum), multiple)
    return np.where(down >= least - _ROUNDING, down, 0.0)
