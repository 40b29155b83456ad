"""What the forecast step tells of itself beside its tables: what it computed and why, and which models failed."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from assets.output import code_counts
from stockstrata.forecasting.pooled import Lesson
from stockstrata.forecasting.reuse import REUSED
from stockstrata.forecasting.selection import NO_TRIGGER

_SHOWN_FAULTS = 20
_REASONS = {
    "new": "no earlier outcome",
    "method": "pool, models, settings or code changed",
    "interval": "lead time or review period changed",
    "history": "history changed",
    "champion": "champion of the cycles before changed",
    "pool": "another series of a pool that learns from all changed",
}


def told_of_origins(origins: pd.Series) -> str:
    """How many series were taken over from an earlier run of the cycle, and why the others were not."""
    computed = origins[origins != REUSED]
    told = f"reused {len(origins) - len(computed)} of {len(origins)} series; recomputed {len(computed)}"
    reasons = [f"{_REASONS[str(code)]} {count}" for code, count in computed.value_counts().sort_index().items()]
    return f"{told}: {', '.join(reasons)}" if reasons else told


def told_of_tournaments(register: pd.DataFrame) -> dict[str, Any]:
    """How many series had a tournament and why, what came of it, and who drifted."""
    held = register[register["trigger_code"] != NO_TRIGGER]
    drifted = held[held["trigger_code"] == "drift"]
    shown = drifted.head(_SHOWN_FAULTS).itertuples(index=False)
    return {
        "tournaments": f"{len(held)} of {len(register)} series; the champions of the others were refitted",
        "tournament_count": len(held),
        "triggers": code_counts(held["trigger_code"]),
        "decisions": code_counts(register["decision_code"]),
        "drifted_count": len(drifted),
        "drifted": "\n".join(f"{row.item_id}, {row.location_id}: {row.reason}" for row in shown) or "none",
    }


def told_of_faults(faults: pd.DataFrame) -> dict[str, Any]:
    """Models that could not be used on a series, for which another stood in: how often, and the first of them."""
    shown = faults.head(_SHOWN_FAULTS).itertuples(index=False)
    examples = [f"{row.item_id}, {row.location_id}: {row.model_code}: {row.fault_text}" for row in shown]
    return {
        "unusable_models": code_counts(faults["model_code"]),
        "unusable_model_count": len(faults),
        "unusable_model_examples": "\n".join(examples) or "none",
    }


def told_of_lessons(lessons: Sequence[Lesson]) -> dict[str, Any]:
    """What became of the models that learn from a whole pool; nothing where no pool was to learn."""
    told = [
        f"{lesson.pool_code}: {lesson.model_code}: {lesson.reason_text or f'learnt from {lesson.series_count} series'}"
        for lesson in lessons
    ]
    return {"pooled_models": "\n".join(told)} if told else {}
