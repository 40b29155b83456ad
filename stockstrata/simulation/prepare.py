"""Compile the simulator and the sums of stock levels now, so that the first cycle need not: part of the installation.

`python -m stockstrata.simulation.prepare`. Without it the first use compiles, which takes some fifteen seconds once.
"""

import numpy as np

from stockstrata import shaped
from stockstrata.simulation.policies import policies
from stockstrata.simulation.replay import replay_trace
from stockstrata.simulation.terms import terms


def main() -> None:
    """Use each compiled function once, with arguments of the types that cycles use."""
    one = np.ones(1)
    shape = np.linspace(-2.0, 2.0, len(shaped.PROBABILITIES))[None, :]
    shaped.loss(one, one, one, shape)
    replay_trace(terms(1, lead_time=1), np.ones((1, 2)), [(0, policies("do_not_stock", item_count=1))])


if __name__ == "__main__":
    main()
