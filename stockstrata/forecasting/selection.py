"""Which series of a cycle get a tournament, and why; the champions of all others are only refitted."""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stockstrata.forecasting.drift import DriftSignals, drift_signals
from stockstrata.forecasting.earlier import EarlierChampions, HeldChampions, held_champions
from stockstrata.forecasting.outcome import SeriesOutcome
from stockstrata.forecasting.segment_loss import SelectionLoss
from stockstrata.panel import DemandPanel
from stockstrata.parameters import PoolModel, PoolSettings

NO_TRIGGER = "none"
"""Trigger of a series that needs no tournament."""

# What a tournament goes by, and not why a row stands in its file, nor when the next tournament is due.
_NOT_METHOD = {
    "valid_from_date", "approved_by", "reason", "tournament_cadence_days", "drift_signal_limit",
    "material_change_rate",
}  # fmt: skip


@dataclass(frozen=True)
class SelectionPlan:
    """Tournament or refit for n series.

    Attributes:
        as_of: cut-off of the cycle.
        trigger_code: why a tournament is held, the first that holds: `never_selected`; `no_champion` (a fallback stood
            in); `pool_changed`; `method_changed` (models or settings of the pool, bucket or loss); `cadence`;
            `horizon_changed` (protection interval); `history_changed` (what the last tournament learnt from was
            corrected); `drift`; or `none`, (n,).
        sitting_code: champion that a challenger must beat by the replacement margin, empty where there is none, (n,).
        held_code: champion that an earlier cycle noted, empty where there is none, (n,).
        since: cut-off of the cycle since which it is champion, `datetime64[D]`, NaT where unknown, (n,).
        tournament: cut-off of the cycle of its last tournament, likewise, (n,).
        signals: drift since then.
        method_hash: of the models and settings of the series' pool, its planning bucket and its loss now, (n,).
        backtest: back-tests to carry along; None where no cycle came before.
    """

    as_of: dt.date
    trigger_code: np.ndarray
    sitting_code: np.ndarray
    held_code: np.ndarray
    since: np.ndarray
    tournament: np.ndarray
    signals: DriftSignals
    method_hash: np.ndarray
    backtest: SeriesOutcome | None

    @property
    def is_due(self) -> np.ndarray:
        """Whether a tournament is held, (n,)."""
        return self.trigger_code != NO_TRIGGER


def selection_plan(
    panel: DemandPanel,
    pool_code: np.ndarray,
    buckets: np.ndarray,
    block_buckets: np.ndarray,
    loss: SelectionLoss,
    *,
    settings: Mapping[str, PoolSettings],
    models: Mapping[str, Sequence[PoolModel]],
    as_of: dt.date,
    earlier: EarlierChampions | None,
) -> SelectionPlan:
    """Decide for each series of a cycle from what the cycles before it wrote down.

    A tournament depends on the pool of a series, its planning bucket, its loss and its protection interval, so a
    segment that changes within its pool and keeps these needs none.

    Args:
        panel: demand history up to the cut-off, n series.
        pool_code: forecast pool of each, (n,).
        buckets: protection interval of each, buckets, (n,).
        block_buckets: buckets that its segment asks to be forecast as one, a part of one below 1, (n,).
        loss: that its champions are chosen by.
        settings: of each pool.
        models: of each pool, simplest first.
        as_of: cut-off of the cycle.
        earlier: champions of the cycles before; None where there are none.

    Example: `selection_plan(panel, pool, buckets, blocks, loss, settings=settings, models=models, as_of=day,
    earlier=None).is_due` is true for every series.
    """
    n = len(panel.keys)
    kinds = list(zip(pool_code.tolist(), block_buckets.tolist(), loss.code, loss.level.tolist(), strict=True))
    hashes = {kind: _method_hash(settings[kind[0]], models[kind[0]], *kind[1:]) for kind in set(kinds)}
    method = np.array([hashes[kind] for kind in kinds], dtype=object)
    if earlier is None or earlier.register.empty:
        unknown, nothing = np.full(n, np.datetime64("NaT", "D")), np.full(n, "", dtype=object)
        signals = DriftSignals(np.zeros(n), np.zeros(n))
        never = np.full(n, "never_selected", dtype=object)
        return SelectionPlan(as_of, never, nothing, nothing, unknown, unknown, signals, method, None)
    held = held_champions(earlier, panel.keys, buckets)
    own = [settings[code] for code in pool_code]
    signals = drift_signals(held.expected, _since(panel, held))
    elapsed = (np.datetime64(as_of, "D") - held.tournament).astype("timedelta64[D]").astype(float)
    rate = np.array([one.material_change_rate for one in own])
    stretch = np.abs(buckets / held.expected.interval_buckets - 1.0)
    learnt = np.abs(history_demand(panel, held.newest_bucket, own) - held.history_demand_qty)
    trigger = np.select(
        [
            ~held.is_known,
            ~held.is_validated,
            held.pool_code != pool_code,
            held.method_hash != method,
            ~(elapsed < np.array([one.tournament_cadence_days for one in own])),
            ~(stretch <= rate),
            ~(learnt <= rate * held.history_demand_qty),
            signals.is_beyond(np.array([one.drift_signal_limit for one in own])),
        ],
        [
            "never_selected", "no_champion", "pool_changed", "method_changed", "cadence", "horizon_changed",
            "history_changed", "drift",
        ],
        NO_TRIGGER,
    ).astype(object)  # fmt: skip
    # Under other rules a champion has no claim: it is chosen anew as if there had been none.
    is_protected = ~np.isin(trigger, ["never_selected", "no_champion", "pool_changed", "method_changed"])
    return SelectionPlan(
        as_of=as_of,
        trigger_code=trigger,
        sitting_code=np.where(is_protected, held.champion_code, "").astype(object),
        held_code=np.where(held.is_known, held.champion_code, "").astype(object),
        since=held.since,
        tournament=held.tournament,
        signals=DriftSignals(
            np.where(held.is_validated, np.nan_to_num(signals.tracking), 0.0),
            np.where(held.is_validated, np.nan_to_num(signals.error), 0.0),
        ),
        method_hash=method,
        backtest=held.backtest,
    )


def history_demand(panel: DemandPanel, newest_bucket: np.ndarray, settings: Sequence[PoolSettings]) -> np.ndarray:
    """Demand that models learn from at a bucket: the sum of the newest buckets that a pool uses up to it, units, (n,).

    Args:
        panel: demand of n series.
        newest_bucket: the bucket, `datetime64[D]`; NaT gives NaN, (n,).
        settings: of each series' pool.

    Example: demand 1, 2, 3, 4 at the third bucket with a history of two: 5.
    """
    dates = panel.bucket_start_dates.to_numpy().astype("datetime64[D]")
    is_told = ~np.isnat(newest_bucket)
    end = np.searchsorted(dates, np.where(is_told, newest_bucket, dates[0]), side="right")
    start = np.maximum(end - np.array([one.max_history_buckets for one in settings]), 0)
    sums = np.concatenate([np.zeros((len(end), 1)), np.nancumsum(panel.demand_qty, axis=1)], axis=1)
    rows = np.arange(len(end))
    return np.where(is_told, sums[rows, end] - sums[rows, start], np.nan)


def _since(panel: DemandPanel, held: HeldChampions) -> np.ndarray:
    """Demand of the buckets after the last tournament, in the place of the forecasts frozen there, (n, F)."""
    dates = panel.bucket_start_dates.to_numpy().astype("datetime64[D]")
    is_told = ~np.isnat(held.newest_bucket)
    first = np.searchsorted(dates, np.where(is_told, held.newest_bucket, dates[-1]), side="right")
    place = first[:, None] + np.arange(held.expected.forecast_qty.shape[1])[None, :]
    inside = is_told[:, None] & (place < len(dates))
    demand = np.take_along_axis(panel.demand_qty, np.minimum(place, len(dates) - 1), axis=1)
    return np.where(inside, demand, np.nan)


def _method_hash(
    settings: PoolSettings, models: Sequence[PoolModel], block_buckets: float, loss_code: str, loss_level: float
) -> str:
    own = settings.model_copy(update={"selection_loss": loss_code})
    figures = (str(block_buckets), repr(loss_level))
    rows = [*figures, *(row.model_dump_json(exclude=_NOT_METHOD) for row in (own, *models))]
    return hashlib.blake2b("\n".join(rows).encode(), digest_size=8).hexdigest()
