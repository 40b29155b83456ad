"""Curves of what service costs: stock value against fill rate and units short, for policies at rising targets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stockstrata.simulation.plan_replay import PlanReplay, segment_figures
from stockstrata.simulation.planned import ReplayCase

STOCK, SHORT, FILL = "mean_stock_amount", "short_qty", "fill_rate"
TOTAL = "all"


@dataclass(frozen=True)
class Curve:
    """Figures of one way to plan at rising targets.

    Attributes:
        figures: by target (rows, rising) and segment (`all` first): the figures of a replay, one frame a segment.
        base: number of the target as shipped, or as it is told.
    """

    figures: Mapping[str, pd.DataFrame]
    base: int

    def point(self, segment: str = TOTAL) -> pd.Series:
        """Figures at the shipped target."""
        return self.figures[segment].iloc[self.base]

    def stock_at_fill(self, fill: float, segment: str = TOTAL) -> float:
        """Least stock value with at least the fill rate, between targets by straight lines; NaN where none gives it.

        Where the lowest target gives more already, its stock, which is no less than what is needed.
        """
        rows = self.figures[segment]
        if rows[FILL].iloc[0] >= fill:
            return float(rows[STOCK].iloc[0])
        return _crossing(rows[FILL].to_numpy(), rows[STOCK].to_numpy(), fill)

    def short_at_stock(self, stock: float, segment: str = TOTAL) -> float:
        """Units short with the stock value, between targets by straight lines; NaN beyond the curve."""
        rows = self.figures[segment]
        return _crossing(rows[STOCK].to_numpy(), rows[SHORT].to_numpy(), stock)


def curve(case: ReplayCase, replay: Callable[[float], PlanReplay], targets: Sequence[float], base: float) -> Curve:
    """Replay every target.

    Args:
        case: what came.
        replay: the replay at a target; targets rise with stock.
        targets: rising.
        base: the shipped one, among them.
    """
    tables: dict[str, list[pd.Series]] = {}
    for target in targets:
        found = replay(target)
        everything = np.where(found.segment_code == "", "", TOTAL)
        rows = pd.concat([segment_figures(case, found.sums, everything), found.segments], ignore_index=True)
        for _, row in rows.iterrows():
            tables.setdefault(row["segment_code"], []).append(row)
    return Curve({code: pd.DataFrame(rows) for code, rows in tables.items()}, list(targets).index(base))


def _crossing(x: np.ndarray, y: np.ndarray, at: float) -> float:
    """The y at which x first reaches `at` as the targets rise; NaN where it does not, or begins above it."""
    reached = np.flatnonzero(x >= at)
    if not len(reached) or reached[0] == 0:
        return float(y[0]) if len(reached) and x[0] == at else float("nan")
    after = reached[0]
    share = (at - x[after - 1]) / (x[after] - x[after - 1])
    return float(y[after - 1] + share * (y[after] - y[after - 1]))


def draw(curves: Mapping[str, Mapping[str, Curve]], units: Mapping[str, str], file: Path) -> None:
    """Fill rate and units short against stock value, a column a set, a line a way; dots are what is shipped."""
    # Imported here because nothing else draws.
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, fields = plt.subplots(2, len(curves), figsize=(4.2 * len(curves), 7.2), squeeze=False)
    for column, (name, ways) in enumerate(curves.items()):
        for row, (figure_name, label) in enumerate(((FILL, "fill rate"), (SHORT, "units short"))):
            field = fields[row][column]
            for way, held in ways.items():
                rows = held.figures[TOTAL]
                line = field.plot(rows[STOCK], rows[figure_name], marker=".", markersize=4, label=way)[0]
                field.plot(*held.point()[[STOCK, figure_name]], marker="o", markersize=8, color=line.get_color())
            field.set_xlabel(f"mean stock, {units[name]}")
            field.set_ylabel(label)
            if row == 0:
                field.set_title(name)
                field.legend(fontsize=8, loc="lower right")
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)
    plt.close(figure)
