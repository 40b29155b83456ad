"""Paths of demand and stock up to the arrival of an order and of the one after it, where unmet demand is lost.

Time runs in planning buckets from the cut-off and is cut into pieces at the bucket borders, at every arrival, at the
arrival of the order that is decided now (`arrival`) and at that of the next order (`end`); one more window of that
length follows. What arrives is on the shelf at the start of a piece; demand of the piece that finds no stock is lost.

Demand of a piece with expected quantity m, given the level L of its path, has mean `m L` and variance `f m L` (f: the
bucket's own variance over its mean). L is gamma distributed with mean 1 and variance v and the same for all pieces of a
path. So the cumulative variance is `sum(f m) + v M^2` (M: mean over all pieces); v is chosen such that it equals that
of demand over the protection interval. Whole units are negative binomial or Poisson, others gamma distributed: both may
be cut into pieces without changing their sum.

Draws of an item-location depend on the seed and its key alone, so neither on other rows nor on how they are split.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

_CERTAIN = 1e-12  # variance over mean below which demand is certain
_ROUNDING = 1e-9


@dataclass(frozen=True)
class ProjectionCase:
    """What is known of n item-locations at the cut-off; times in buckets from there.

    Attributes:
        seed_key: names the random numbers of each row, (n,).
        on_hand_qty: stock free for sale, units, (n,).
        arrival: when the order decided now arrives, (n,).
        end: when the next order can arrive, after `arrival`, (n,).
        bucket_mean_qty: expected demand by bucket, (n, F); the last bucket goes on beyond F.
        bucket_sd_qty: standard deviation of each bucket's demand, (n, F).
        interval_sd_qty: standard deviation of demand from the cut-off to `end`, (n,).
        is_whole: whether demand is counted in whole units, (n,).
        due: when each open order arrives, NaN where there is none, (n, A).
        due_qty: how much, (n, A).
    """

    seed_key: np.ndarray
    on_hand_qty: np.ndarray
    arrival: np.ndarray
    end: np.ndarray
    bucket_mean_qty: np.ndarray
    bucket_sd_qty: np.ndarray
    interval_sd_qty: np.ndarray
    is_whole: np.ndarray
    due: np.ndarray
    due_qty: np.ndarray

    def rows(self, chosen: slice) -> "ProjectionCase":
        """Some of the rows."""
        return ProjectionCase(**{name: getattr(self, name)[chosen] for name in self.__dataclass_fields__})


@dataclass(frozen=True)
class Needs:
    """What the order must bring, on P paths of n item-locations.

    Attributes:
        needed_qty: least order with which nothing is lost from its arrival to the end of each piece, (n, P, J);
            negative where stock is left over; as it was at the end for pieces after it.
        piece_buckets: length of each piece from the arrival to the end, 0 outside, (n, J).
        later_qty: what the end's stock and the next order must bring so that nothing is lost from the end of the window
            to the end of each piece of one more window, (n, P, J), 0 before.
        later_buckets: length of each piece of that window, 0 outside, (n, J).
        arrival_stock_qty: expected stock at the arrival, the order itself left out, units, (n,).
        window_demand_qty: expected demand from the arrival to the end, units, (n,).
    """

    needed_qty: np.ndarray
    piece_buckets: np.ndarray
    later_qty: np.ndarray
    later_buckets: np.ndarray
    arrival_stock_qty: np.ndarray
    window_demand_qty: np.ndarray


@dataclass(frozen=True)
class _Pieces:
    """Pieces of time: start, length, expected demand, variance over mean, and arrivals at the start, each (n, J)."""

    start: np.ndarray
    length: np.ndarray
    mean_qty: np.ndarray
    dispersion: np.ndarray
    received_qty: np.ndarray
    level_variance: np.ndarray


def order_needs(case: ProjectionCase, *, path_count: int, seed: int) -> Needs:
    """Project stock along the paths, with sales lost when it runs out, and tell what the order must bring.

    With X the stock when the order arrives, D_j and A_j cumulated demand and arrivals from then to piece j, an order q
    loses nothing up to j if `q >= max(D_i - A_i) - X over i <= j`; beyond, each unit more saves one sale on the path.

    Args:
        case: the item-locations.
        path_count: P.
        seed: with the row's own key, seed of its draws.
    """
    pieces = _pieces(case)
    demand = _demand(case, pieces, path_count, seed)
    is_later = pieces.start >= case.end[:, None] - _ROUNDING
    in_window = (pieces.start >= case.arrival[:, None] - _ROUNDING) & ~is_later
    stock = np.repeat(case.on_hand_qty[:, None], path_count, axis=1)
    balance, later = np.zeros_like(stock), np.zeros_like(stock)
    need, later_need = np.full_like(stock, -np.inf), np.zeros_like(stock)
    arrival_stock = np.full(len(stock), np.nan)
    needed, later_needed = np.zeros(demand.shape), np.zeros(demand.shape)
    for j in range(demand.shape[2]):
        received = pieces.received_qty[:, j, None]
        stock_then = stock + received
        is_in, is_after = in_window[:, j, None], is_later[:, j, None]
        first = in_window[:, j] & np.isnan(arrival_stock)
        arrival_stock = np.where(first, stock_then.mean(axis=1), arrival_stock)
        balance = np.where(first[:, None], stock_then, balance + np.where(is_in, received, 0.0))
        balance = np.where(is_in, balance - demand[:, :, j], balance)
        need = np.where(is_in, np.maximum(need, -balance), need)
        later = np.where(is_after, later + demand[:, :, j] - received, later)
        later_need = np.maximum(later_need, later)
        needed[:, :, j], later_needed[:, :, j] = need, later_need
        stock = np.maximum(stock_then - demand[:, :, j], 0.0)
    return Needs(
        needed_qty=needed,
        piece_buckets=np.where(in_window, pieces.length, 0.0),
        later_qty=later_needed,
        later_buckets=np.where(is_later, pieces.length, 0.0),
        arrival_stock_qty=arrival_stock,
        window_demand_qty=np.where(in_window, pieces.mean_qty, 0.0).sum(axis=1),
    )


def _pieces(case: ProjectionCase) -> _Pieces:
    count, buckets = case.bucket_mean_qty.shape
    beyond = 2 * case.end - case.arrival  # one more window
    last = int(np.ceil(beyond.max() - _ROUNDING))
    due = np.where(np.isfinite(case.due), np.maximum(case.due, 0.0), np.inf)
    borders = np.broadcast_to(np.arange(last + 1, dtype=float), (count, last + 1))
    bounds = np.concatenate([borders, case.arrival[:, None], case.end[:, None], due], axis=1)
    bounds = np.sort(np.minimum(np.concatenate([bounds, beyond[:, None]], axis=1), beyond[:, None]), axis=1)
    start, length = bounds[:, :-1], np.diff(bounds, axis=1)
    bucket = np.minimum(np.floor(start + _ROUNDING).astype(np.int64), buckets - 1)
    whole_mean = np.take_along_axis(case.bucket_mean_qty, bucket, axis=1)
    mean = whole_mean * length
    own = np.take_along_axis(case.bucket_sd_qty, bucket, axis=1) ** 2
    is_judged = start < case.end[:, None] - _ROUNDING
    dispersion, level = _spread(mean, own * length, case.interval_sd_qty**2, length, is_judged, case.is_whole)
    received = np.zeros_like(mean)
    rows = np.arange(count)
    for column in range(due.shape[1]):  # open orders of one row, not rows
        place = (start < due[:, [column]] - _ROUNDING).sum(axis=1)
        is_in = (place < mean.shape[1]) & (due[:, column] < beyond - _ROUNDING)
        received[rows[is_in], place[is_in]] += case.due_qty[is_in, column]
    return _Pieces(start, length, mean, dispersion, received, level)


def _spread(
    mean: np.ndarray,
    variance: np.ndarray,
    wanted: np.ndarray,
    length: np.ndarray,
    is_judged: np.ndarray,
    is_whole: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Variance over mean of each piece, (n, J), and variance of the level, (n,), that give the wanted variance.

    The wanted variance is that of the judged pieces together. A bucket's published variance holds that of the level
    too: it is taken out as far as whole units allow.
    """
    total = np.where(is_judged, mean, 0.0).sum(axis=1)
    square = mean * np.divide(mean, length, out=np.zeros_like(mean), where=length > 0)
    room = total**2 - np.where(is_judged, square, 0.0).sum(axis=1)
    missing = wanted - np.where(is_judged, variance, 0.0).sum(axis=1)
    level = np.divide(missing, room, out=np.zeros_like(total), where=room > _ROUNDING * total**2)
    least = np.where(is_whole[:, None], mean, 0.0)
    own = np.maximum(variance - np.clip(level, 0.0, None)[:, None] * square, np.minimum(least, variance))
    own_sum = np.where(is_judged, own, 0.0).sum(axis=1)
    level = np.divide(wanted - own_sum, total**2, out=np.zeros_like(total), where=total > 0)
    # Buckets that vary more than the interval does: their errors take each other back, so each counts for less.
    shrink = np.divide(wanted, own_sum, out=np.ones_like(total), where=(level < 0) & (own_sum > 0))
    own = own * shrink[:, None]
    dispersion = np.divide(own, mean, out=np.zeros_like(mean), where=mean > 0)
    return dispersion, np.clip(level, 0.0, None)


def _demand(case: ProjectionCase, pieces: _Pieces, path_count: int, seed: int) -> np.ndarray:
    """Demand of each piece on each path, (n, P, J)."""
    out = np.zeros((*pieces.mean_qty.shape[:1], path_count, pieces.mean_qty.shape[1]))
    for row in range(len(out)):  # each row has a stream of its own; the work is in the draws
        held = np.flatnonzero(pieces.mean_qty[row] > 0)
        rng = np.random.Generator(np.random.SFC64([seed, _stream(str(case.seed_key[row]))]))
        variance = pieces.level_variance[row]
        level = rng.gamma(1 / variance, variance, path_count) if variance > _CERTAIN else np.ones(path_count)
        mean = level[:, None] * pieces.mean_qty[row, held]
        out[row][:, held] = _drawn(rng, mean, pieces.dispersion[row, held], is_whole=bool(case.is_whole[row]))
    return out


def _drawn(rng: np.random.Generator, mean: np.ndarray, dispersion: np.ndarray, *, is_whole: bool) -> np.ndarray:
    extra = dispersion - 1.0 if is_whole else dispersion
    is_certain = np.broadcast_to(dispersion <= _CERTAIN, mean.shape)
    scale = np.broadcast_to(np.maximum(extra, _CERTAIN), mean.shape)
    rate = np.where(scale > _CERTAIN, rng.gamma(mean / scale, scale), mean)
    drawn = rng.poisson(np.minimum(rate, 1e15)).astype(float) if is_whole else rate
    return np.where(is_certain, mean, drawn)


def _stream(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
