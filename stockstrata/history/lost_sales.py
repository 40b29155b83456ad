"""Demand that met an empty shelf: which buckets sales do not tell all of, and what was probably wanted in them."""

from dataclasses import dataclass, replace

import numpy as np
import scipy  # loads its parts when they are first used: the code location does without

from stockstrata.history.expected import expected_demand, in_whole_units
from stockstrata.history.outliers import SMOOTH_SHARE

_ROUNDS = 12
"""The estimate moves by a third of what is left each round at 50 percent of buckets sold out."""

_ROUNDS_AT_CLOSE = 4
"""Where the variation is known, what is left of an estimate's error after so many rounds is noise beside it."""

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
        lost_at_close_qty: the same as it was to be told when each bucket closed, without later buckets; the variation
            of a series, its season and the size of its sales are those of its whole history all the same, (n, T).
        expected_qty: demand of the bucket if in stock throughout, units, (n, T).
        method_code: `expected_demand` (not in stock at all), `availability_weighted` (in stock part of the time),
            `censored_expectation` (sold out at an unknown moment), `not_yet_available` (before the item first stood
            on the shelf), `not_estimated` (too few buckets in stock), or empty, (n, T).
    """

    lost_qty: np.ndarray
    lost_at_close_qty: np.ndarray
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
    gap = np.where(is_flagged, most_flagged_gap_buckets, most_gap_buckets)
    gone = empty & ~early & (_run_lengths(empty) > gap) & (late | ~is_flagged)
    gone_at_close = empty & ~early & (_run_lengths(empty, with_later=False) > gap)
    seen_buckets = np.cumsum(rate, axis=1)
    is_known, known_at_close = seen_buckets[:, -1:] >= least_buckets, seen_buckets >= least_buckets
    limited = started & ((rate < 1) | availability.is_dry) & ~gone
    is_dry = limited & availability.is_dry & (seen > 0)
    run_outs = np.where(limited & ~is_dry, availability.run_outs, 0)
    reference, weight = np.where(started, reference_qty, 0.0), np.where(started, reference_weight, 0.0)
    cut = _cut_off_by_run_outs(reference, rate * weight, run_outs, factor, span_buckets)
    told = _Told(
        seen=seen,
        reference=reference + cut,
        weight=weight * np.where(gone, 0.0, rate),
        is_dry=is_dry & (reference_weight > 0),
        factor=factor,
        span_buckets=span_buckets,
    )
    expected, dry_mean, dispersion = _expectation(told)
    at_close = replace(told, reference=reference, weight=weight * np.where(gone_at_close, 0.0, rate))
    expected_then, dry_then = _expectation_at_close(at_close, dispersion) if limited.any() else (expected, dry_mean)

    def lost_by(expected_qty: np.ndarray, dry_qty: np.ndarray, can: np.ndarray) -> np.ndarray:
        lost = np.where(is_dry, np.maximum(dry_qty - seen, 0.0), (1.0 - rate) * expected_qty + cut)
        return _whole(np.where(limited & ~early & can, lost, 0.0), seen, started)

    method = np.where(limited & (rate <= 0), "expected_demand", np.where(limited, "availability_weighted", ""))
    method = np.where(is_dry, "censored_expectation", method)
    method = np.where(limited & ~is_known, "not_estimated", np.where(early, "not_yet_available", method))
    # A series that was never in stock has no start either: it stays as it is.
    never = early.sum(axis=1) == started.sum(axis=1)
    method = np.where(early & never[:, None], "not_estimated", method)
    return LostSales(
        lost_by(expected, dry_mean, is_known),
        lost_by(expected_then, dry_then, known_at_close & is_known & ~gone_at_close),
        np.maximum(expected, 0.0),
        method.astype(object),
    )


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


def _run_lengths(mask: np.ndarray, *, with_later: bool = True) -> np.ndarray:
    """For each cell at which a mask holds the length of the run that it stands in, or of that up to it, (n, T)."""
    length = mask.astype(np.int64)
    for bucket in range(1, mask.shape[1]):
        length[:, bucket] = np.where(mask[:, bucket], length[:, bucket - 1] + 1, 0)
    if not with_later:
        return length
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


@dataclass(frozen=True)
class _Told:
    """What estimates are made from.

    Attributes:
        seen: demand seen, units, (n, T).
        reference: the same without spikes, with what run-outs cut off, (n, T).
        weight: share of the bucket that may be learnt from, (n, T).
        is_dry: sold out at an unknown moment, (n, T).
        factor: season and promotions around 1, (n, T).
        span_buckets: reach of the expectation, buckets.
    """

    seen: np.ndarray
    reference: np.ndarray
    weight: np.ndarray
    is_dry: np.ndarray
    factor: np.ndarray
    span_buckets: float

    @property
    def whole(self) -> np.ndarray:
        """Weight where a bucket that sold out counts in full, for what was wanted in it stands in for its sales."""
        return np.where(self.is_dry, 1.0, self.weight)

    @property
    def sells(self) -> np.ndarray:
        return (self.whole > 0) & (self.reference > 0)

    @property
    def full(self) -> np.ndarray:
        """Buckets that sold and were in stock throughout."""
        return (self.weight >= 1) & self.sells & ~self.is_dry

    @property
    def bound(self) -> np.ndarray:
        """Least that was wanted: the continuous distribution of a whole number reaches half a unit below it."""
        return np.where(_is_whole(self.seen), np.maximum(self.seen - 0.5, 0.0), self.seen)

    def sizes(self, qty: np.ndarray, *, with_later: bool) -> np.ndarray:
        """Size of a sale to be expected without looking at it: local, or where sales are rare the series' mean size."""
        whole, held = self.whole, self.full | self.is_dry
        chance = _share(np.where(self.sells, whole, 0.0).sum(axis=1), whole.sum(axis=1))[:, None]
        local = expected_demand(
            qty, whole, span_buckets=self.span_buckets, season=self.factor, with_own=False, with_later=with_later
        )
        mean = _share(np.where(held, qty, 0.0).sum(axis=1), np.where(held, self.factor, 0.0).sum(axis=1))
        return np.where(chance >= SMOOTH_SHARE, _share(local, chance), mean[:, None] * self.factor)

    def given(self, size: np.ndarray, dispersion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Demand of each bucket given that it was at least its sales, and its square."""
        given, second = _given_at_least(np.maximum(size, _LEAST_SIZE), dispersion, self.bound)
        largest = self.seen.max(axis=1, keepdims=True)
        return np.clip(given, self.seen, np.maximum(LARGEST_GUESS * self.seen, largest)), second

    def expected(self, given: np.ndarray, *, with_later: bool) -> np.ndarray:
        """Demand of each bucket had it been in stock throughout."""
        seen = np.where(self.is_dry, given, self.reference)
        return expected_demand(
            seen, self.whole, span_buckets=self.span_buckets, season=self.factor, with_later=with_later
        )


def _expectation(told: _Told) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expected demand of each bucket, that of buckets that sold out given what they sold, and squared variations."""
    full, is_dry = told.full, told.is_dry
    held = full | is_dry
    count = np.maximum(held.sum(axis=1), 1)
    given, second = told.reference, np.zeros(told.seen.shape)
    dispersion = np.full(told.seen.shape, _LEAST_DISPERSION)
    for _ in range(_ROUNDS if is_dry.any() else 1):
        size = told.sizes(np.where(is_dry, given, told.reference), with_later=True)
        ratio = np.where(full, _share(told.reference, size), np.where(is_dry, _share(given, size), 0.0))
        squares = np.where(is_dry, second, ratio**2)
        mean = ratio.sum(axis=1) / count
        typical = (np.where(held, size, 0.0).sum(axis=1) / count)[:, None]
        taper = np.where(size > 0, np.sqrt(_share(size, typical)), 1.0)
        variation = (np.where(held, squares - mean[:, None] ** 2, 0.0) * taper).sum(axis=1) / count
        dispersion = np.maximum(_share(variation, mean**2)[:, None] / np.maximum(taper, 0.1), _LEAST_DISPERSION)
        given, second = told.given(size, dispersion)
        second = second / np.maximum(size, _LEAST_SIZE) ** 2
    return told.expected(given, with_later=True), given, dispersion


def _expectation_at_close(told: _Told, dispersion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expected demand of each bucket by it and those before it, and that of buckets that sold out."""
    given = told.reference
    for _ in range(_ROUNDS_AT_CLOSE if told.is_dry.any() else 1):
        size = told.sizes(np.where(told.is_dry, given, told.reference), with_later=False)
        # Before the first sale nothing is expected yet, and sales are all that is known to have been wanted.
        given = np.where(size > _LEAST_SIZE, told.given(size, dispersion)[0], told.seen)
    return told.expected(given, with_later=False), given


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
