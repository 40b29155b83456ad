"""By which loss the champions of each segment are chosen: that of its pool, or its own."""

from dataclasses import dataclass

import numpy as np

from stockstrata.parameters import PlanningParameters

PINBALL = "pinball"


@dataclass(frozen=True)
class SelectionLoss:
    """Loss of n series.

    Attributes:
        code: `rmse`, `mae` or `pinball` of demand over the protection interval, (n,).
        level: level of the pinball loss, 0 for the others, (n,).
    """

    code: np.ndarray
    level: np.ndarray


def selection_losses(segment_code: np.ndarray, parameters: PlanningParameters) -> SelectionLoss:
    """Loss of each series, as `PlanningParameters.selection_loss` gives it for its segment.

    Args:
        segment_code: segment of each series, (n,).
        parameters: strategies, pools and targets in force.

    Example: series of a segment with loss `pinball` and a target of 0.97 have the level 0.97.
    """
    found = {code: parameters.selection_loss(code) for code in sorted(set(segment_code))}
    codes, levels = zip(*(found[code] for code in segment_code), strict=True)
    return SelectionLoss(np.array(codes, dtype=object), np.array(levels, dtype=float))
