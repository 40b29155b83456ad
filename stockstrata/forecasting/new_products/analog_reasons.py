"""Why an item-location is an analog of another, in words."""

import numpy as np

from stockstrata.forecasting.new_products.similarity import Attributes

_WORDS = {"item": "same item", "family": "same family", "category": "same category", "location": "same location",
          "uom": "same unit of measure"}  # fmt: skip
_NEAR_RATIO = 1.5
"""Prices up to this ratio apart are called near in words; the similarity itself knows no such edge."""


def analog_reasons(attributes: Attributes, new: np.ndarray, analog: np.ndarray, is_launch: np.ndarray) -> np.ndarray:
    """What speaks for each pair, strongest first.

    Args:
        attributes: of all item-locations.
        new: row of the new item-location of each pair, (p,).
        analog: row of its analog, (p,).
        is_launch: whether the analog's launch was compared, (p,).

    Example: `same family, same location, near in price, launch seen`.
    """
    old = attributes.predecessor[new]
    flags = [("predecessor", (old >= 0) & (attributes.codes["item"][analog] == old))]
    for name, words in _WORDS.items():
        code = attributes.codes[name]
        flags.append((words, (code[new] >= 0) & (code[new] == code[analog])))
    gap = np.abs(attributes.log_price[new] - attributes.log_price[analog])
    flags.append(("near in price", gap <= np.log(_NEAR_RATIO)))
    flags.append(("launch seen", is_launch))
    kinds = np.array([words for words, _ in flags], dtype=object)
    agreed = np.stack([flag for _, flag in flags], axis=1)
    combinations, which = np.unique(agreed, axis=0, return_inverse=True)
    told = [", ".join(kinds[row]) if row.any() else "none nearer" for row in combinations]
    return np.array(told, dtype=object)[which.ravel()] if len(agreed) else np.zeros(0, dtype=object)
