"""One chunk of the simulation: draws for some item-locations and paths, and one policy after another run on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stockstrata.errors import PlanningError
from stockstrata.replenishment import feasible_order_up
from stockstrata.simulation import chance, kernel, layout
from stockstrata.simulation.demand import Demand, DemandMoments, DemandOutcomes, DemandQuantiles
from stockstrata.simulation.policies import Policies, rules
from stockstrata.simulation.terms import Terms

_DEMAND, _LEAD_TIME, _RECEIVED_SHARE, _ROUNDING = range(4)
_METHOD_CODES = {
    "degenerate": chance.DEGENERATE,
    "normal": chance.NORMAL,
    "gamma": chance.GAMMA,
    "poisson": chance.POISSON,
    "negative_binomial": chance.NEGATIVE_BINOMIAL,
}


class ConservationError(PlanningError):
    """A simulated row broke a law: its stock, backlog, orders or inputs do not add up, so no figure can be trusted."""


@dataclass(frozen=True)
class OrderState:
    """What a `custom` policy may look at, at the end of a period.

    Attributes:
        period: number of the period.
        items: the item-locations shown, as a part of all.
        on_hand_qty: (items, paths), units.
        backlog_qty: (items, paths), units.
        on_order_qty: (items, paths), units.
        demand_qty: demand of this period, (items, paths), units.
    """

    period: int
    items: slice
    on_hand_qty: np.ndarray
    backlog_qty: np.ndarray
    on_order_qty: np.ndarray
    demand_qty: np.ndarray


OrderFunction = Callable[[OrderState], np.ndarray]
"""Quantities that `custom` policies order at the end of a period, (items, paths); zero for nothing."""


@dataclass(frozen=True)
class Chunk:
    """Part of the item-locations and of the paths.

    Attributes:
        items: item-locations.
        first_path: number of the first path.
        path_count: number of paths.
    """

    items: slice
    first_path: int
    path_count: int

    @property
    def item_count(self) -> int:
        """Number of item-locations."""
        return self.items.stop - self.items.start


Schedule = Sequence[tuple[int, Policies]]
"""Policies and the period from whose start each holds; the first from 0."""


def draw(terms: Terms, demand: Demand, chunk: Chunk, *, period_count: int, seed: int) -> layout.Draws:
    """All that chance brings to a chunk; calendars are left open.

    The draws of an item, path and period are the same in every chunk that holds them.
    """
    shape = (chunk.item_count, period_count, chunk.path_count)
    one = (chunk.item_count, 1, 1)
    keys = np.ascontiguousarray(terms.keys[chunk.items])
    times, shares = terms.lead_time.rows(chunk.items), terms.received_share.rows(chunk.items)
    if times.is_certain:
        lead = times.values.astype(np.int16).reshape(one)
    else:
        lead = np.empty(shape, np.int16)
        values = np.ascontiguousarray(times.values.astype(np.int16))
        cumulative = np.ascontiguousarray(times.cumulative)
        chance.fill_outcomes(lead, values, cumulative, keys, _purpose(seed, _LEAD_TIME), chunk.first_path)
    if shares.is_certain:
        share = shares.values.reshape(one).astype(float)
    else:
        share = np.empty(shape)
        values, cumulative = np.ascontiguousarray(shares.values), np.ascontiguousarray(shares.cumulative)
        chance.fill_outcomes(share, values, cumulative, keys, _purpose(seed, _RECEIVED_SHARE), chunk.first_path)
    lost, is_whole = terms.lost_share_rate[chunk.items], terms.is_whole[chunk.items]
    rounding = np.full(one, 0.5)
    if ((lost > 0) & (lost < 1) & is_whole).any():
        rounding = np.empty(shape)
        chance.fill_uniform(rounding, keys, _purpose(seed, _ROUNDING), chunk.first_path)
    wanted = draw_demand(demand, chunk, keys=keys, is_whole=is_whole, period_count=period_count, seed=seed)
    return layout.Draws(wanted, lead, share, rounding, np.ones((1, period_count), dtype=bool))


def draw_demand(
    demand: Demand, chunk: Chunk, *, keys: np.ndarray, is_whole: np.ndarray, period_count: int, seed: int
) -> np.ndarray:
    """Demand of a chunk, (items, periods, paths), units."""
    out = np.empty((chunk.item_count, period_count, chunk.path_count))
    whole, purpose = np.ascontiguousarray(is_whole), _purpose(seed, _DEMAND)
    if isinstance(demand, DemandMoments):
        mean, sd = (
            np.ascontiguousarray(np.atleast_2d(column[chunk.items].T).T.astype(float))
            for column in (demand.mean_qty, demand.sd_qty)
        )
        method = np.array([_METHOD_CODES[code] for code in demand.method[chunk.items]], dtype=np.int64)
        chance.fill_demand(out, method, mean, sd, whole, keys, purpose, chunk.first_path)
    elif isinstance(demand, DemandOutcomes):
        found = demand.outcomes.rows(chunk.items)
        values, cumulative = np.ascontiguousarray(found.values), np.ascontiguousarray(found.cumulative)
        chance.fill_outcomes(out, values, cumulative, keys, purpose, chunk.first_path)
    elif isinstance(demand, DemandQuantiles):
        values = demand.quantity[chunk.items]
        values = np.ascontiguousarray(values if values.ndim == 3 else values[:, None, :])
        chance.fill_quantiles(out, demand.levels.astype(float), values, whole, keys, purpose, chunk.first_path)
    else:
        values = demand.quantity[chunk.items, :period_count]
        if values.ndim == 3:
            values = values[:, :, chunk.first_path : chunk.first_path + chunk.path_count]
        out[:] = values if values.ndim == 3 else values[:, :, None]
    return out


class Run:
    """Some policies on the draws of a chunk, from opening stock through any number of blocks of periods.

    Args:
        terms: of all item-locations.
        chunk: which of them, and which paths.
        draws: what chance brings to them.
        first: the policies that hold from period 0: where `opening.on_hand_qty` is None they start full.
        order_function: for `custom` policies.
        trace: filled with every period where it is given.

    Attributes:
        state: where the rows stand.
        opening_sums: their running sums before the first period.
    """

    def __init__(
        self,
        terms: Terms,
        chunk: Chunk,
        draws: layout.Draws,
        first: Policies,
        *,
        order_function: OrderFunction | None = None,
        trace: layout.Trace | None = None,
    ) -> None:
        self.chunk, self.period_count = chunk, draws.demand.shape[1]
        self._terms, self._draws, self._order_function, self._trace = terms, draws, order_function, trace
        self.state = _opening_state(terms, chunk, draws, first.rows(chunk.items))
        self.opening_sums = self.state.sums.copy()
        _buy_once(self.state, terms, first.rows(chunk.items), chunk.items)

    def advance(self, first: int, last: int, chosen: Policies, calendars: tuple[np.ndarray, np.ndarray]) -> None:
        """Go on from the start of period `first` to the end of period `last - 1`.

        Args:
            first: first period.
            last: period before which to stop.
            chosen: policies of all item-locations.
            calendars: `review_calendars` of the policies.

        Raises:
            ConservationError: a row broke a law; names item, path and period.
            PlanningError: a `custom` policy without an order function, or one that gives no quantities.
        """
        items = self.chunk.items
        law = rules(_rows(self._terms, items), chosen.rows(items), calendars[1][items])
        law = layout.Rules(*(np.ascontiguousarray(column) for column in law))
        draws = self._draws._replace(is_review=calendars[0])
        is_custom = law.kind == layout.OUTSIDE
        if not is_custom.any():
            self._block(first, last, law, draws)
            return
        if self._order_function is None:
            name = self._terms.item_id[items][np.flatnonzero(is_custom)[0]]
            raise PlanningError(
                f"simulation: item {name} has a custom policy; pass the function that tells its orders."
            )
        for t in range(first, last):
            self._block(t, t + 1, law, draws)
            wanted = self._asked(t, self._order_function)
            broken = np.zeros(4, np.int64)
            kernel.place_orders(t, wanted, law, draws, self.state, self._trace, broken)
            self._stop_if(broken)

    def _block(self, first: int, last: int, law: layout.Rules, draws: layout.Draws) -> None:
        broken = np.zeros(4, np.int64)
        kernel.run_block(first, last, law, draws, self.state, self._trace, broken)
        self._stop_if(broken)

    def _asked(self, t: int, order_function: OrderFunction) -> np.ndarray:
        state = self.state
        shown = (state.on_hand.copy(), state.backlog.copy(), state.on_order.copy(), self._draws.demand[:, t].copy())
        wanted = np.asarray(order_function(OrderState(t, self.chunk.items, *shown)), dtype=float)
        if wanted.shape != state.on_hand.shape:
            raise PlanningError(
                f"simulation: the order function gave an array of shape {wanted.shape} in period {t}; expected one "
                f"quantity for each item and path, {state.on_hand.shape}."
            )
        return np.ascontiguousarray(wanted)

    def _stop_if(self, broken: np.ndarray) -> None:
        law, item, path, period = (int(figure) for figure in broken)
        if not law:
            return
        figures = ", ".join(
            f"{name} {getattr(self.state, name)[item, path]:.12g}" for name in ("on_hand", "backlog", "on_order")
        )
        raise ConservationError(
            f"simulation: item {self._terms.item_id[self.chunk.items][item]}, path {self.chunk.first_path + path}, "
            f"period {period}: {layout.LAWS[law]}; found {figures}, "
            f"demand {self._draws.demand[item, period, path]:.12g}. No figure of this simulation can be used; "
            "repair the inputs of this item or leave it out."
        )


def pipeline_slots(terms: Terms, longest_lead: int) -> int:
    """Slots that a pipeline needs: the next power of two."""
    least = max(longest_lead + 2, terms.opening.pipeline_qty.shape[1], 2)
    return 1 << (least - 1).bit_length()


def _purpose(seed: int, purpose: int) -> np.uint64:
    return np.uint64((seed * 8 + purpose) % 2**64)


def _rows(terms: Terms, items: slice) -> Terms:
    return Terms(
        item_id=terms.item_id[items],
        keys=terms.keys[items],
        is_whole=terms.is_whole[items],
        lost_share_rate=terms.lost_share_rate[items],
        lead_time=terms.lead_time.rows(items),
        received_share=terms.received_share.rows(items),
        may_cross=terms.may_cross[items],
        moq_qty=terms.moq_qty[items],
        order_multiple_qty=terms.order_multiple_qty[items],
        is_open=terms.is_open[items],
        costs=terms.costs,
        opening=terms.opening,
    )


def _opening_state(terms: Terms, chunk: Chunk, draws: layout.Draws, first: Policies) -> layout.State:
    n, paths, items = chunk.item_count, chunk.path_count, chunk.items
    opening, is_whole = terms.opening, terms.is_whole[items]
    on_hand = first.full_qty if opening.on_hand_qty is None else _column(opening.on_hand_qty, terms, items)
    on_hand = np.where(is_whole & (opening.on_hand_qty is None), np.ceil(on_hand), on_hand)
    backlog = _column(opening.backlog_qty, terms, items)
    coming = np.broadcast_to(opening.pipeline_qty, (terms.item_count, opening.pipeline_qty.shape[1]))[items]
    _check_opening(terms, chunk, np.concatenate([on_hand[:, None], backlog[:, None], coming], axis=1))
    is_projected = first.family == "projected"
    longest = max(int(draws.lead.max(initial=0)), int(first.expected_lead_periods.max(initial=0)))
    slots = pipeline_slots(terms, longest)
    placed_slots = slots if is_projected.any() else 0
    state = layout.State(
        on_hand=np.repeat(on_hand[:, None], paths, axis=1),
        backlog=np.repeat(backlog[:, None], paths, axis=1),
        on_order=np.repeat(coming.sum(axis=1)[:, None], paths, axis=1),
        is_short=np.zeros((n, paths)),
        last_due=np.full((n, paths), coming.shape[1] - 1, dtype=np.int64),
        due=np.zeros((n, slots, paths)),
        good=np.zeros((n, slots, paths)),
        ends=np.zeros((n, slots, paths)),
        coming_in=coming.copy(),
        placed_qty=np.zeros((n, placed_slots, paths)),
        placed_due=np.zeros((n, placed_slots, paths), dtype=np.int64),
        sums=np.zeros((n, layout.SUMS, paths)),
    )
    for period in range(coming.shape[1]):
        state.due[:, period], state.good[:, period] = coming[:, [period]], coming[:, [period]]
        state.ends[:, period] = coming[:, [period]] > 0
    state.sums[:, layout.DEMAND], state.sums[:, layout.RECEIVED] = state.backlog, state.on_hand
    state.sums[:, layout.ORDERED] = state.on_order
    return state


def _buy_once(state: layout.State, terms: Terms, first: Policies, items: slice) -> None:
    """The single order of the newsvendor family, received before the first demand."""
    missing = (
        np.where(first.family == "newsvendor", first.order_up_to_qty, 0.0)[:, None] - state.on_hand + state.backlog
    )
    quantity = np.where((first.family == "newsvendor")[:, None], np.maximum(missing, 0.0), 0.0)
    quantity = feasible_order_up(quantity, terms.moq_qty[items][:, None], terms.order_multiple_qty[items][:, None])
    state.on_hand[:] += quantity
    for column in (layout.ORDERED, layout.ARRIVED, layout.RECEIVED):
        state.sums[:, column] += quantity
    state.sums[:, layout.ORDERS] += quantity > 0


def _column(value: np.ndarray | float, terms: Terms, items: slice) -> np.ndarray:
    return np.broadcast_to(np.asarray(value, dtype=float), (terms.item_count,))[items].copy()


def _check_opening(terms: Terms, chunk: Chunk, figures: np.ndarray) -> None:
    whole = terms.is_whole[chunk.items]
    odd = ~(np.isfinite(figures) & (figures >= 0)).all(axis=1) | (whole & (figures != np.floor(figures)).any(axis=1))
    if odd.any():
        row = int(np.flatnonzero(odd)[0])
        raise PlanningError(
            f"simulation: item {terms.item_id[chunk.items][row]} opens with {figures[row].tolist()}; expected stock, "
            "backlog and pipeline from 0, whole where the item is counted in whole units."
        )
