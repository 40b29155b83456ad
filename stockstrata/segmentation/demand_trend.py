"""Whether demand moves up or down: rates of the newest span and the span before, guarded against season and dips.

Two demand rates are compared on the square-root scale, where an overdispersed count has constant variance:
`z = (sqrt(m1) - sqrt(m2)) / sqrt(phi / 4 (1/n1 + 1/n2))` with mean demand m and buckets n of each span and phi the
pooled variance over mean of bucket demand. It also works where one rate is zero. A change counts when the ratio of the
rates passes its threshold and z its own.

Two contrasts are tried, since a life stage should be seen soon (short) and also on thin demand (long): the newest span
with the span before it, and the newest half span with the span before that. Three guards:

- *Dip*: in the short contrast every third of the half span must have moved by the root of the threshold, so
  no single month decides.
- *Still moving*: the newest half span must differ from the half span before it by the root of the threshold, so a
  stage ends when demand settles.
- *Season*: with a year and two spans of history a change counts only if last year's same spans did not move the same
  way, or if the newest span also differs from the same span a year ago. With a year and one span, only the latter.
  Below that a season cannot be told from a change.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stockstrata.panel import DemandPanel
from stockstrata.parameters import PlanningSettings


@dataclass(frozen=True)
class DemandTrend:
    """Result for each series: rate of the newest span over the span before (NaN where unknown), and the verdicts."""

    ratio: np.ndarray
    is_growing: np.ndarray
    is_declining: np.ndarray


@dataclass(frozen=True)
class _Rates:
    """Sums over stretches of buckets counted back from the newest."""

    qty: np.ndarray
    length: np.ndarray

    @cached_property
    def _sums(self) -> tuple[np.ndarray, np.ndarray]:
        known = np.nan_to_num(self.qty)
        return tuple(np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1) for values in (known, known**2))  # type: ignore[return-value]

    def stretch(self, newest: int, buckets: np.ndarray | int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean, variance within and count of `buckets` buckets that end `newest` buckets before the end."""
        end = np.maximum(self.length - newest, 0)
        count = np.clip(np.minimum(buckets, end), 0, None)
        stop = np.maximum(self.qty.shape[1] - newest, 0)
        rows, begin = np.arange(len(self.qty)), stop - count
        total, squares = (sums[rows, stop] - sums[rows, begin] for sums in self._sums)
        mean = total / np.maximum(count, 1)
        return mean, np.maximum(squares - count * mean**2, 0.0), count


def demand_trend(panel: DemandPanel, *, settings: PlanningSettings) -> DemandTrend:
    """Whether each series grows or declines.

    Args:
        panel: demand history.
        settings: length of a span (days), ratios from which demand grows or declines, z that a change must reach.
    """
    span = max(round(settings.lifecycle_trend_days / panel.mean_bucket_days), 2)
    half, third = max(span // 2, 1), max(span // 6, 1)
    rates = _Rates(panel.demand_qty, panel.length_buckets)
    verdicts = {}
    for name, threshold in (("up", settings.lifecycle_growth_ratio), ("down", settings.lifecycle_decline_ratio)):
        z = settings.lifecycle_confidence_z
        long = _is_moved(rates, 0, span, span, span, threshold, z) & _is_clear_of_season(
            rates, panel.season_length, span, span, threshold, z
        )
        short = _is_moved(rates, 0, half, span, half, threshold, z) & _is_clear_of_season(
            rates, panel.season_length, half, span, threshold, z
        )
        for position in range(min(3, half)):
            short &= _is_moved(rates, position * third, third, span, half, threshold**0.5, 0.0, gap=half)
        moving = _is_moved(rates, 0, half, half, half, threshold**0.5, 0.0)
        verdicts[name] = (long | short) & moving
    newest, before = rates.stretch(0, span), rates.stretch(span, span)
    known = (newest[2] == span) & (before[2] == span)
    return DemandTrend(np.where(known, _ratio(newest[0], before[0]), np.nan), verdicts["up"], verdicts["down"])


def _is_moved(
    rates: _Rates,
    newest: int,
    buckets: int,
    before: int,
    least: int,
    threshold: float,
    z: float,
    gap: int | None = None,
) -> np.ndarray:
    """Whether the rate of a stretch passes the threshold against the stretch before it (at least `least` buckets)."""
    base = newest + buckets if gap is None else gap
    new, old = rates.stretch(newest, buckets), rates.stretch(base, before)
    return _passes(new, old, threshold, z) & (new[2] == buckets) & (old[2] >= least)


def _is_clear_of_season(
    rates: _Rates, season: int, buckets: int, before: int, threshold: float, z: float
) -> np.ndarray:
    this_year, last_year = rates.stretch(0, buckets), rates.stretch(season, buckets)
    earlier = rates.stretch(season + buckets, before)
    differs = _passes(this_year, last_year, threshold, z)
    moved_likewise = _ratio(last_year[0], earlier[0]) > 1 if threshold > 1 else _ratio(last_year[0], earlier[0]) < 1
    has_both, has_one = earlier[2] == before, last_year[2] == buckets
    return np.where(has_both, differs | ~moved_likewise, np.where(has_one, differs, True))


def _passes(new: tuple[np.ndarray, ...], old: tuple[np.ndarray, ...], threshold: float, z: float) -> np.ndarray:
    (mean, within, count), (old_mean, old_within, old_count) = new, old
    freedom = np.maximum(count + old_count - 2, 1)
    pooled = (mean * count + old_mean * old_count) / np.maximum(count + old_count, 1)
    dispersion = np.divide(within + old_within, freedom * pooled, out=np.zeros(len(mean)), where=pooled > 0)
    error = np.sqrt(dispersion / 4 * (1 / np.maximum(count, 1) + 1 / np.maximum(old_count, 1)))
    distance = np.sqrt(mean) - np.sqrt(old_mean)
    ratio = _ratio(mean, old_mean)
    if threshold > 1:
        return (ratio >= threshold) & (distance >= z * error)
    return (ratio <= threshold) & (distance <= -z * error)


def _ratio(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """Rate ratio; infinite against a rate of zero, 1 where both are zero."""
    infinite = np.where(new > 0, np.inf, 1.0)
    return np.divide(new, old, out=infinite, where=old > 0)
