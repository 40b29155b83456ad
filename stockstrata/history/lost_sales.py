"""Demand that met an empty shelf: which buckets sales do not tell all of, and what was probably wanted in them."""

from dataclasses import dataclass

import numpy as np
import scipy  # loads its parts when they are first used: the code location does without

from stockstrata.history.expected import expected_demand, in_whole_units
from stockstrata.history.outliers import SMOOTH_SHARE

_ROUNDS = 12
"""The estimate moves by a third of what is left each round at 50 percent of buckets sold out."""

LARGEST_GUESS = 2.0
"""A bucket that sold out is never taken for more than so many times its sales, unless the series has sold more."""

_LEAST_DISPERSION = 0.02
_LEAST_SIZE = 1e-12  # stands for no sale to be expected
_FAR_TAIL = 1e-9


@dataclass(frozen=True)
class Availability:
    """Whether n series could be bought in T buckets.

    Attributes:
        in_stock_rate: share of the bucket in stock, 0 to 1; 1 where nothing is known, (n, T).
        is_dry: stock ran out in the bucket and nobody knows when, so that sales are a lower bound, (n, T).
        run_outs: times that stock ran out in a bucket whose stock is known day by day, (n, T).
        source_code: `flag` (the demand row says so), `stock` (the stock ledger) or empty, (n, T).
    """

    in_stock_rate: np.ndarray
    is_dry: np.ndarray
    run_outs: np.ndarray
    source_code: np.ndarray


@dataclass(frozen=True)
class LostSales:
    """What was probably wanted beyond sales.

    Attributes:
        lost_qty: units to add to demand, (n, T).
        expected_qty: demand of the bucket if in stock throughout, units, (n, T).
        method_code: `expected_demand` (not in stock at all), `availability_weighted` (in stock part of the time),
            `censored_expectation` (sold out at an unknown moment), `not_yet_available` (before the item first stood
            on the shelf), `not_estimated` (too few buckets in stock), or empty, (n, T).
    """

    lost_qty: np.ndarray
    expected_qty: np.ndarray
    method_code: np.ndarray


def lost_sales(
    demand_qty: np.ndarray,
    reference_qty: np.ndarray,
    reference_weight: np.ndarray,
    availability: Availability,
    *,
    factor: np.ndarray,
    span_buckets: float,
    least_buckets: float,
    most_gap_buckets: float,
    most_flagged_gap_buckets: float,
) -> LostSales:
    """Estimate the demand that was not sold, where availability is known to have been below 100 percent.

    Time out of stock gets the demand expected from the time in stock around it. Sales of a bucket in which stock ran
    out at an unknown moment are a lower bound s, so demand is `E[D | D >= s]` of a gamma distribution whose mean is the
    expected size and whose variation is that of the series (variance rising with the power 1.5 of the mean, as Taylor's
    law has it for most demand), by expectation-maximisation over all such buckets
    (Dempster, Laird and Rubin, J. R. Stat. Soc. B 39 (1977) 1; for sales: Nahmias, Naval Research Logistics 41 (1994)).
    Where stock is known day by day, each time that it ran out also cut the demand of that day: by `variance / (2 mean)`
    more than half a day's demand, the mean excess of a renewal process over a level (Feller, vol. II, ch. XI.4).
    Amounts are whole units where the series is, and whole sales of the usual size where it sells now and then.

    Args:
        demand_qty: demand seen after returns, (n, T), NaN before a series starts.
        reference_qty: the same without spikes, what is learnt from, (n, T).
        reference_weight: share of the bucket that may be learnt from when in stock, (n, T).
        availability: what is known of stock.
        factor: season and promotions of each bucket around 1, (n, T).
        span_buckets: reach of the expectation, buckets.
        least_buckets: buckets in stock, in sum, below which nothing is estimated.
        most_gap_buckets: an empty stock ledger for longer than this says that nobody keeps the item.
        most_flagged_gap_buckets: flags that say out of stock to the end of a history for longer than this say that the
            item was taken off the range.

    Example: sales [10, 0, 10] with in-stock rates [1, 0, 1] lose 10 in the second bucket, [0, 10, 0].
    """
    started = np.isfinite(demand_qty)
    seen = np.where(started, demand_qty, 0.0)
    rate = np.where(started, availability.in_stock_rate, 0.0)
    empty = started & (rate <= 0) & (seen <= 0)
    early = empty & (np.cumsum(started & ~empty, axis=1) == 0)
    late = empty & (np.cumsum((started & ~empty)[:, ::-1], axis=1)[:, ::-1] == 0)
    is_flagged = availability.source_code == "flag"
    # A flag says that the item could not be bought; an empty shelf may also say that nobody keeps it there.
    gone = empty & np.where(
        is_flagged, late & (_run_lengths(empty) > most_flagged_gap_buckets), _run_lengths(empty) > most_gap_buckets
    )
    gone &= ~early
    is_known = rate.sum(axis=1) >= least_buckets
    limited = started & ((rate < 1) | availability.is_dry) & ~gone
    is_dry = limited & availability.is_dry & (seen > 0)
    cut = _cut_off_by_run_outs(
        np.where(started, reference_qty, 0.0),
        rate * np.where(started, reference_weight, 0.0),
        np.where(limited & ~is_dry, availability.run_outs, 0),
        factor,
        span_buckets,
    )
    expected, dry_mean = _expectation(
        seen,
        np.where(started, reference_qty, 0.0) + cut,
        np.where(started, reference_weight, 0.0) * np.where(gone, 0.0, rate),
        is_dry & (reference_weight > 0),
        factor=factor,
        span_buckets=span_buckets,
    )
    lost = np.where(is_dry, np.maximum(dry_mean - seen, 0.0), (1.0 - rate) * expected + cut)
    can = limited & ~early & is_known[:, None]
    lost = _whole(np.where(can, lost, 0.0), seen, started)
    method = np.where(limited & (rate <= 0), "expected_demand", np.where(limited, "availability_weighted", ""))
    method = np.where(is_dry, "censored_expectation", method)
    method = np.where(limited & ~is_known[:, None], "not_estimated", np.where(early, "not_yet_available", method))
    # A series that was never in stock has no start either: it stays as it is.
    never = early.sum(axis=1) == started.sum(axis=1)
    method = np.where(early & never[:, None], "not_estimated", method)
    return LostSales(lost, np.maximum(expected, 0.0), method.astype(object))


def is_recorded_while_out(demand_qty: np.ndarray, expected_qty: np.ndarray, is_out: np.ndarray, limit: float) -> bool:
    """Whether demand goes on while stock is out: it is what was ordered then, not what was sold, and nothing is lost.

    Args:
        demand_qty: demand of each bucket, units, (n, T).
        expected_qty: demand expected of it, units, (n, T).
        is_out: buckets that the stock ledger shows empty from beginning to end, (n, T).
        limit: share of the expected demand from which it counts as recorded.
    """
    wanted = float(expected_qty[is_out].sum())
    return wanted > 0 and float(np.nan_to_num(demand_qty)[is_out].sum()) >= limit * wanted


def _run_lengths(mask: np.ndarray) -> np.ndarray:
    """For each cell at which a mask holds the length of the run that it stands in, (n, T)."""
    length = mask.astype(np.int64)
    for bucket in range(1, mask.shape[1]):
        length[:, bucket] = np.where(mask[:, bucket], length[:, bucket - 1] + 1, 0)
    for bucket in range(mask.shape[1] - 2, -1, -1):
        length[:, bucket] = np.where(mask[:, bucket] & mask[:, bucket + 1], length[:, bucket + 1], length[:, bucket])
    return length


def _cut_off_by_run_outs(
    reference: np.ndarray, weight: np.ndarray, run_outs: np.ndarray, factor: np.ndarray, span_buckets: float
) -> np.ndarray:
    if not run_outs.any():
        return np.zeros(reference.shape)
    expected = expected_demand(reference, weight, span_buckets=span_buckets, season=factor)
    full = weight >= 1
    count = np.maximum(full.sum(axis=1), 1)
    variance = np.where(full, (reference - expected) ** 2, 0.0).sum(axis=1) / count
    mean = np.where(full, expected, 0.0).sum(axis=1) / count
    # Counts step over a level by half a unit less than quantities flow over it.
    excess = np.maximum(_share(variance, 2.0 * mean) - 0.5 * _is_whole(reference)[:, 0], 0.0)
    return run_outs * np.minimum(excess, reference.max(axis=1))[:, None]


def _expectation(
    seen: np.ndarray,
    reference: np.ndarray,
    weight: np.ndarray,
    is_dry: np.ndarray,
    *,
    factor: np.ndarray,
    span_buckets: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Expected demand of each bucket, and of buckets that sold out given what they sold."""
    whole = np.where(is_dry, 1.0, weight)
    sells = (whole > 0) & (reference > 0)
    chance = _share(np.where(sells, whole, 0.0).sum(axis=1), whole.sum(axis=1))[:, None]
    full = (weight >= 1) & sells & ~is_dry
    second = np.zeros(seen.shape)
    given = reference
    largest = seen.max(axis=1, keepdims=True)
    # The continuous distribution of a whole number reaches half a unit below it.
    bound = np.where(_is_whole(seen), np.maximum(seen - 0.5, 0.0), seen)
    held = full | is_dry
    for _ in range(_ROUNDS if is_dry.any() else 1):
        size = _sizes(np.where(is_dry, given, reference), whole, chance, factor, held, span_buckets)
        ratio = np.where(full, _share(reference, size), np.where(is_dry, _share(given, size), 0.0))
        squares = np.where(is_dry, second, ratio**2)
        count = np.maximum(held.sum(axis=1), 1)
        mean = ratio.sum(axis=1) / count
        typical = (np.where(held, size, 0.0).sum(axis=1) / count)[:, None]
        taper = np.where(size > 0, np.sqrt(_share(size, typical)), 1.0)
        variation = (np.where(held, squares - mean[:, None] ** 2, 0.0) * taper).sum(axis=1) / count
        dispersion = np.maximum(_share(variation, mean**2)[:, None] / np.maximum(taper, 0.1), _LEAST_DISPERSION)
        given, second = _given_at_least(np.maximum(size, _LEAST_SIZE), dispersion, bound)
        given = np.clip(given, seen, np.maximum(LARGEST_GUESS * seen, largest))
        second = second / np.maximum(size, _LEAST_SIZE) ** 2
    given_or_seen = np.where(is_dry, given, reference)
    expected = expected_demand(given_or_seen, whole, span_buckets=span_buckets, season=factor)
    return expected, given


def _sizes(
    qty: np.ndarray, weight: np.ndarray, chance: np.ndarray, factor: np.ndarray, held: np.ndarray, span_buckets: float
) -> np.ndarray:
    """Size of a sale to be expected without looking at it: local, or where sales are rare the series' mean size."""
    local = expected_demand(qty, weight, span_buckets=span_buckets, season=factor, with_own=False)
    mean = _share(np.where(held, qty, 0.0).sum(axis=1), np.where(held, factor, 0.0).sum(axis=1))
    return np.where(chance >= SMOOTH_SHARE, _share(local, chance), mean[:, None] * factor)


def _given_at_least(mean: np.ndarray, dispersion: np.ndarray, bound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`E[D | D >= s]` and `E[D^2 | D >= s]` of gamma demand with that mean and squared variation."""
    shape = 1.0 / dispersion
    scale = mean * dispersion
    at = bound / scale
    tail = scipy.special.gammaincc(shape, at)
    is_far = tail < _FAR_TAIL
    safe = np.where(is_far, 1.0, tail)
    first = mean * scipy.special.gammaincc(shape + 1.0, at) / safe
    square = mean**2 * (1.0 + dispersion) * scipy.special.gammaincc(shape + 2.0, at) / safe
    # Far out the tail of a gamma distribution falls like an exponential one.
    return np.where(is_far, bound + scale, first), np.where(is_far, (bound + scale) ** 2 + scale**2, square)


def _whole(lost: np.ndarray, seen: np.ndarray, started: np.ndarray) -> np.ndarray:
    sells = started & (seen > 0)
    count = sells.sum(axis=1)
    is_steady = count >= SMOOTH_SHARE * np.maximum(started.sum(axis=1), 1)
    size = np.maximum(np.rint(_share(np.where(sells, seen, 0.0).sum(axis=1), count)), 1.0)
    whole = _is_whole(seen)[:, 0]
    unit = np.where(whole, np.where(is_steady, 1.0, size), 0.0)
    # Beside a sale the missing part of it is added, else sales of the usual size.
    beside = in_whole_units(np.where(seen > 0, lost, 0.0), np.where(whole, 1.0, 0.0))
    alone = in_whole_units(np.where(seen > 0, 0.0, lost), unit)
    return np.where(seen > 0, beside, alone)


def _is_whole(qty: np.ndarray) -> np.ndarray:
    return (qty == np.floor(qty)).all(axis=1, keepdims=True)


def _share(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), 0.0)
