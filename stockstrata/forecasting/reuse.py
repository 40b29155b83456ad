"""Taking over what an earlier run of a cycle found for series whose inputs are the same.

The outcome of a series is a function of few things: its newest buckets, its protection interval, the models and
settings of its pool, the code, and what earlier cycles say of its champion. Where all of them are as they were, so is
the outcome, to the last digit. What is pooled over series (variances, quantiles, accuracy) is worked out anew each time
from the outcomes of all.
"""

import hashlib
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from stockstrata.forecasting.outcome import PoolTask, SeriesOutcome
from stockstrata.panel import KEY

REUSED = "reused"
"""Origin of a series' outcome that was taken over; any other origin says why it was computed."""

# Why a parameter row stands in its file changes no number.
_COMMENTS = {"valid_from_date", "approved_by", "reason"}


@dataclass(frozen=True)
class SeriesInputs:
    """What the outcome of n series depends on.

    Attributes:
        history_hash: hash of the newest buckets, (n,).
        interval_buckets: protection interval, buckets, (n,).
        method_hash: hash of the pool's models and settings, the season, and the code, (n,).
        champion_hash: hash of the champion that must be beaten, or that is refitted with its back-test, (n,).
        pool_hash: hash of what the series may learn from the others of its pool; empty where nothing, (n,).
    """

    history_hash: np.ndarray
    interval_buckets: np.ndarray
    method_hash: np.ndarray
    champion_hash: np.ndarray
    pool_hash: np.ndarray


@dataclass(frozen=True)
class SeriesStates:
    """Outcomes of n series with the inputs that they came from.

    Attributes:
        keys: `item_id, location_id`, n rows without doubles.
        inputs: their inputs.
        outcome: their outcomes.
    """

    keys: pd.DataFrame
    inputs: SeriesInputs
    outcome: SeriesOutcome


@dataclass(frozen=True)
class Reuse:
    """Which outcomes can be taken over.

    Attributes:
        origin: `reused`, or why the series must be computed, the first that holds: `new` (no earlier outcome),
            `method` (models, settings or code), `interval` (lead time or review period), `history`, `champion` (what
            earlier cycles say of it), or `pool` (another series of a pool with a model that learns from all), (n,).
        held: row of the earlier outcome of each reused series, in the order of these.
    """

    origin: np.ndarray
    held: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """The reused series."""
        return np.flatnonzero(self.origin == REUSED)


def task_inputs(task: PoolTask, code_version: str, pool_hash: str = "") -> SeriesInputs:
    """The inputs of the series of a task.

    Args:
        task: series of one pool.
        code_version: changes with everything else that results depend on: code, libraries, processor.
        pool_hash: of what the series learn from the others of their pool.
    """
    parameters = [row.model_dump_json(exclude=_COMMENTS) for row in (task.settings, *task.models)]
    method = _hash(
        "\n".join(
            [
                code_version,
                *map(str, (task.season_length, task.least_depth, task.block_buckets, task.loss_level)),
                *parameters,
            ]
        ).encode()
    )
    told = [
        values
        for values in (task.judged_qty, task.is_observed, task.origin_qty, task.event_factor, task.day_share)
        if values is not None
    ]
    histories = [
        _hash(b"".join(values[place, started][-needed:].tobytes() for values in (task.demand_qty, *told)))
        for place, (started, needed) in enumerate(zip(np.isfinite(task.demand_qty), task.needed_buckets, strict=True))
    ]
    return SeriesInputs(
        np.array(histories, dtype=object),
        task.interval_buckets,
        np.full(len(histories), method, dtype=object),
        _champion_hashes(task),
        np.full(len(histories), pool_hash, dtype=object),
    )


def reusable(states: SeriesStates | None, keys: pd.DataFrame, inputs: SeriesInputs) -> Reuse:
    """Compare inputs with those of an earlier run.

    Args:
        states: the earlier run; None where none is kept.
        keys: `item_id, location_id` of n series.
        inputs: their inputs.
    """
    if states is None:
        return Reuse(np.full(len(keys), "new", dtype=object), np.zeros(0, dtype=np.int64))
    place = pd.MultiIndex.from_frame(states.keys[KEY]).get_indexer(pd.MultiIndex.from_frame(keys[KEY]))
    known, before = place >= 0, states.inputs
    origin = np.select(
        [
            ~known,
            inputs.method_hash != before.method_hash[place],
            # The interval decides how much history is hashed.
            inputs.interval_buckets != before.interval_buckets[place],
            inputs.history_hash != before.history_hash[place],
            inputs.champion_hash != before.champion_hash[place],
            inputs.pool_hash != before.pool_hash[place],
        ],
        ["new", "method", "interval", "history", "champion", "pool"],
        REUSED,
    ).astype(object)
    return Reuse(origin, place[origin == REUSED])


def _champion_hashes(task: PoolTask) -> np.ndarray:
    sitting = [f"tournament {code}".encode() for code in task.sitting_code]
    if task.carried is None:
        return np.array([_hash(code) for code in sitting], dtype=object)
    parts = [np.asarray(getattr(task.carried, field.name)) for field in fields(task.carried)]
    figures = np.hstack([part.reshape(len(sitting), -1).astype(float) for part in parts if part.dtype != object])
    words = ["\n".join(row) for row in zip(*(part for part in parts if part.dtype == object), strict=True)]
    return np.array(
        [_hash(row.tobytes() + word.encode()) for row, word in zip(figures, words, strict=True)], dtype=object
    )


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
