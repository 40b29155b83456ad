"""Calibration of quantiles: how often demand stayed at or below each, by demand pattern, as a table and a picture."""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.report import Report

LEVELS = {"p50_qty": 0.50, "p90_qty": 0.90, "p95_qty": 0.95, "p98_qty": 0.98}
COVERED = ("p90_qty", "p95_qty", "p98_qty")
LARGEST_GAP = 0.015
"""Coverage further from its level than this is flagged."""

LEAST_COUNT = 300
"""Fewer intervals than this prove nothing: with 300, a gap of 1.5 points at 0.95 is 1.2 standard errors."""

ALL = "all"


def coverage(pattern: np.ndarray, actual: np.ndarray, found: pd.DataFrame) -> pd.DataFrame:
    """Share of intervals at or below each quantile.

    Args:
        pattern: demand pattern of each interval, (n,).
        actual: demand that came, units, (n,).
        found: quantiles as in `LEVELS`, n rows.

    Returns:
        Indexed by pattern, with `all` last: `count` and a column for each level.
    """
    held = {column: actual <= found[column].to_numpy(dtype=float) + 1e-9 for column in LEVELS}
    frame = pd.DataFrame({"pattern": pattern, "count": 1, **held})
    shares = {"count": "sum", **dict.fromkeys(LEVELS, "mean")}
    return pd.concat([part.groupby("pattern").agg(shares) for part in (frame, frame.assign(pattern=ALL))])


def flags(row: pd.Series) -> list[str]:
    """Levels whose coverage is off by more than `LARGEST_GAP` on `LEAST_COUNT` intervals or more.

    Example: `["0.98 low by 2.1 points"]`.
    """
    if row["count"] < LEAST_COUNT:
        return []
    told = []
    for column in COVERED:
        gap = float(row[column]) - LEVELS[column]
        if abs(gap) > LARGEST_GAP:
            told.append(f"{LEVELS[column]:.2f} {'high' if gap > 0 else 'low'} by {abs(gap) * 100:.1f} points")
    return told


def add_coverage(report: Report, name: str, table: pd.DataFrame) -> int:
    """Add the coverage of a set to a report; how many levels were flagged."""
    count = 0
    for pattern, row in table.iterrows():
        found = flags(row)
        count += len(found)
        told = ", ".join(f"{LEVELS[column]:.2f}: {row[column]:.3f}" for column in COVERED)
        judged = "; ".join(found) or ("within bounds" if row["count"] >= LEAST_COUNT else "too few to judge")
        report.add(
            f"{name}: coverage, {pattern}",
            float(row["p95_qty"]),
            "at 0.95",
            f"{told}; {row['count']:,.0f} series-origins; {judged}",
            parts={column: float(row[column]) for column in (*LEVELS, "count")},
        )
    return count


def draw(tables: dict[str, pd.DataFrame], file: Path) -> None:
    """Draw achieved against nominal coverage, a field a set, a line a pattern; what lies on the diagonal is right."""
    # Imported here because nothing else draws.
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, fields = plt.subplots(1, len(tables), figsize=(3.6 * len(tables), 3.8), squeeze=False, sharey=True)
    nominal = list(LEVELS.values())
    for field, (name, table) in zip(fields[0], tables.items(), strict=True):
        field.plot([0.4, 1.0], [0.4, 1.0], color="grey", linewidth=0.8)
        for pattern, row in table.iterrows():
            style = {"color": "black", "linewidth": 2.0} if pattern == ALL else {"linewidth": 1.0}
            field.plot(
                nominal, [row[column] for column in LEVELS], marker="o", markersize=3,
                label=f"{pattern} ({row['count']:,.0f})", **style,
            )  # fmt: skip
        field.set_title(name)
        field.set_xlabel("nominal")
        field.legend(fontsize=7, loc="lower right")
    fields[0][0].set_ylabel("achieved coverage")
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)
    plt.close(figure)
