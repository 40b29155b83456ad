"""Stock policy of each item-location: buffer, reorder point, order quantity and order-up-to level for its target.

Lead-time demand here is demand over the protection interval: lead time plus review period. `R_S` protects all of it;
reorder points (`s_Q`, `s_S`, `R_s_S`) are looked at once a review period and protect the lead time and the undershoot
(`reviewed`). Whole units are planned where its distribution is discrete.

Decisions that the figures rest on:

- *Never below zero*: a fill-rate target with a large order can be met with a negative buffer. The level is then raised
  to the demand expected until an order arrives (whole units: rounded down), so the buffer is zero and the service
  better than asked. An economic
  target is not raised: where holding is dear next to falling short, less than expected demand costs least.
- *Economic targets*: the critical ratio of costs is a cycle service level (`service_targets`). Where ordering costs
  nothing, every cycle orders up to the level (`R_S`), whatever the family of the segment.
- *Criticality floors*: where the floor of an item's criticality needs the higher level, the floor is the target.
- *Lost sales*: a fill rate counts what is served of all demand, so the target is met with less (`safety_stock`). The
  level is that of back-orders else, an upper bound; proposals project stock instead (`lost_sales`).
- *Whole units*: the level that meets the target is rounded up. For slow movers it may lie below expected demand by less
  than one unit; the safety stock is then zero.
- *Parts of the buffer*: see `buffer_parts`. They are never negative and add up to the safety stock.
- *`R_S`*: the safety stock is the base-stock level less expected demand; how the reorder point lies below the
  order-up-to level is told in `replenishment.order_rule`.
"""

import datetime as dt
from typing import get_args

import numpy as np
import pandas as pd

from stockstrata.buffer_limits import limited_buffers, longest_cover_days, rounded_level
from stockstrata.buffer_parts import buffer_parts
from stockstrata.buffers import ServiceCase, achieved_service, protected_demand, service_level_stock
from stockstrata.columns import DAYS_PER_YEAR, aligned, numbers, texts
from stockstrata.costs import WEEKS_PER_YEAR, item_costs
from stockstrata.distributions import DISCRETE, METHODS
from stockstrata.errors import ParameterError, PlanningError
from stockstrata.evidence import policy_grade_reason, worst_grade
from stockstrata.families.choice import with_chosen_families
from stockstrata.families.levels import with_own_levels
from stockstrata.mix import segment_mixes
from stockstrata.ordering.lots import economic_lots, joint_order_cost, usable_lots
from stockstrata.parameters import CriticalityFloor, PlanningParameters, RateMeasure, SegmentStrategy
from stockstrata.phase_out import (
    arrives_too_late,
    decline_rate,
    ended,
    fading_demand,
    residual_demand,
    yearly_demand,
)
from stockstrata.policy_case import service_case
from stockstrata.replenishment import (
    economic_order_quantity,
    feasible_order_up,
    order_rule,
    smallest_feasible_order,
    whole_multiple,
)
from stockstrata.safety_stock import lost_sales_fill_rate
from stockstrata.service_targets import ECONOMIC, critical_ratio, service_targets
from stockstrata.stocking import average_stock, stocking_decision
from stockstrata.supply.policy_terms import with_yield
from stockstrata.tables import STOCK_POLICY

KEY = ["item_id", "location_id"]
NOT_STOCKED = ("make_to_order", "do_not_stock")
_COLUMNS = [column.name for column in STOCK_POLICY.columns if column.name != "period_start_date"]


def stock_policies(
    item_locations: pd.DataFrame,
    assignment: pd.DataFrame,
    lead_times: pd.DataFrame,
    lead_time_demand: pd.DataFrame,
    *,
    parameters: PlanningParameters,
    period_start_date: dt.date,
    cut_off_date: dt.date | None = None,
    last_policies: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row for each item-location: the policy that meets its segment's service target.

    Args:
        item_locations: frame of `int_item_locations__planned`.
        assignment: frame of `segmentation.segment_assignment`.
        lead_times: frame of `policy.lead_time`.
        lead_time_demand: frame of `forecast.lead_time_demand`.
        parameters: strategies, service targets, criticality floors and cost rates.
        period_start_date: first day of the period that is planned.
        cut_off_date: day that orders are dated; without it no announced phase-out limits them.
        last_policies: newest earlier rows of `policy.stock_policy`, for tolerance band and step limit.

    Returns:
        The columns of `policy.stock_policy` without period and stamp, sorted by item and location.
        `expected_service_rate` is the measure's value under the rounded policy (for `R_S` at the base-stock level,
        which larger order sizes only raise), and NaN for families that keep no stock.

    Raises:
        PlanningError: if a key is missing in one of the frames or lead-time demand is not a number.
        ParameterError: if a segment has no strategy.
    """
    planned = item_locations.sort_values(KEY, ignore_index=True)
    segments = aligned(assignment, planned, table="segmentation.segment_assignment")
    lead = aligned(lead_times, planned, table="policy.lead_time")
    demand = aligned(lead_time_demand, planned, table="forecast.lead_time_demand")
    out = pd.DataFrame({name: planned[name] for name in KEY})
    out["segment_code"] = segments["segment_code"]
    out = _with_strategy(out, parameters.segment_strategies)
    targets = service_targets(
        texts(planned, "item_id"), texts(segments, "segment_code"), rows=parameters.service_targets
    )
    out = _with_demand(pd.concat([out, targets], axis=1), lead, demand)
    costs = item_costs(planned, parameters=parameters, segment_code=texts(out, "segment_code"))
    out = _with_costs(out, costs)
    out = with_chosen_families(out, planned, segments, parameters.policy_rules)
    out = _without_hardly_wanted(out, parameters.settings.least_stocked_annual_demand_qty)
    out["moq_qty"], out["order_multiple_qty"] = numbers(planned, "moq_qty"), numbers(planned, "order_multiple_qty")
    out["price_breaks"], out["shelf_life_days"] = texts(planned, "price_breaks"), numbers(planned, "shelf_life_days")
    out["demand_sd_qty"] = np.fmin(numbers(demand, "demand_sd_qty"), out["lead_time_demand_sd_qty"])
    out["supply_sd_qty"] = np.fmin(numbers(demand, "lead_time_sd_qty"), out["lead_time_demand_sd_qty"])
    out["criticality_code"] = texts(planned, "criticality_code")
    out["daily_demand_qty"] = numbers(demand, "daily_mean_qty")
    out["last_safety_stock_qty"] = _last_buffers(out, last_policies)
    out["decline_rate"] = decline_rate(segments, parameters.settings.lifecycle_trend_days)
    out["residual_demand_qty"] = fading_demand(out["daily_demand_qty"].to_numpy(), out["decline_rate"].to_numpy())
    out["has_end_date"] = False
    if cut_off_date is not None:
        announced = residual_demand(planned, numbers(demand, "daily_mean_qty"), cut_off_date)
        out["has_end_date"] = np.isfinite(announced)
        out["residual_demand_qty"] = np.fmin(out["residual_demand_qty"], announced)
        is_over = arrives_too_late(planned, numbers(lead, "lead_time_days"), cut_off_date)
        is_over &= ~out["policy_family"].isin(NOT_STOCKED).to_numpy()
        out["policy_family"] = out["policy_family"].mask(is_over, "do_not_stock")
    out = with_yield(_with_order_quantity(out, parameters), lead, parameters.settings)
    out = _with_buffer(_with_usable_lots(_with_economic_target(out)), parameters)
    out = _with_stocking_decision(out, parameters)
    out["evidence_grade"] = worst_grade(*(texts(frame, "evidence_grade") for frame in (lead, demand, costs)))
    out["grade_reason"] = policy_grade_reason(
        lead_time_source=texts(lead, "lead_time_source_code"),
        demand_grade=texts(demand, "evidence_grade"),
        cost_source=texts(costs, "unit_cost_source_code"),
        policy_family=texts(out, "policy_family"),
        segment_code=texts(out, "segment_code"),
        is_hardly_wanted=out["is_hardly_wanted"],
        fallback_reason=texts(demand, "fallback_reason"),
    )
    out["policy_status_code"], out["isolation_reason"] = "current", ""
    out["policy_period_start_date"] = pd.Timestamp(period_start_date)
    return out.loc[:, _COLUMNS]


def _with_strategy(out: pd.DataFrame, strategies: tuple[SegmentStrategy, ...]) -> pd.DataFrame:
    wanted = ("policy_family", "review_period_days")
    rows = {row.segment_code: row for row in strategies}
    unknown = sorted(set(out["segment_code"]) - set(rows))
    if unknown:
        raise ParameterError(f"segment_strategies.csv has no row in force for segment {unknown[0]}; add one.")
    chosen = [rows[code] for code in out["segment_code"]]
    return out.assign(**{name: [getattr(row, name) for row in chosen] for name in wanted})


def _with_demand(out: pd.DataFrame, lead: pd.DataFrame, demand: pd.DataFrame) -> pd.DataFrame:
    out = out.assign(
        lead_time_days=numbers(lead, "lead_time_days"),
        lead_time_sd_days=numbers(lead, "lead_time_sd_days"),
        protection_interval_days=numbers(demand, "protection_interval_days"),
        lead_time_demand_qty=numbers(demand, "mean_qty"),
        lead_time_demand_sd_qty=numbers(demand, "sd_qty"),
        method_code=texts(demand, "method_code"),
        standard_quantiles=demand["standard_quantiles"].to_numpy(dtype=object),
        annual_demand_qty=numbers(demand, "daily_mean_qty") * DAYS_PER_YEAR,
    )
    figures = ["lead_time_demand_qty", "lead_time_demand_sd_qty", "annual_demand_qty", "protection_interval_days"]
    odd = ~(out[figures] >= 0).all(axis=1) | ~out["method_code"].isin(METHODS)
    if odd.any():
        row = out[odd].iloc[0]
        raise PlanningError(
            f"forecast.lead_time_demand: item {row.item_id} at {row.location_id} has mean {row.lead_time_demand_qty}, "
            f"sd {row.lead_time_demand_sd_qty}, method {row.method_code!r}; expected figures from 0 and a method of "
            f"{METHODS}. Run the forecast of this period again."
        )
    return out


_COSTS = (
    "unit_cost_amount",
    "order_cost_amount",
    "holding_cost_rate",
    "holding_cost_per_unit_year_amount",
    "holding_cost_per_unit_week_amount",
    "shortage_cost_per_unit_amount",
    "unmet_demand_code",
    "is_holding_cost_stated",
)


def _with_costs(out: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    out = out.assign(**{name: costs[name] for name in _COSTS})
    # Money cannot weigh orders against stock where nothing tells what the item costs to hold.
    is_assumed = texts(costs, "unit_cost_source_code").isin(("default", "unknown"))
    out["is_holding_known"] = ~is_assumed | costs["is_holding_cost_stated"]
    free = (out["service_measure"] == ECONOMIC) & (out["order_cost_amount"] == 0)
    # The forecast step has chosen the review period of these rows: see `service_targets.review_periods`.
    cycle_days = (out["protection_interval_days"] - out["lead_time_days"]).round(9)
    return out.assign(
        policy_family=out["policy_family"].mask(free & ~out["policy_family"].isin(NOT_STOCKED), "R_S"),
        review_period_days=out["review_period_days"].mask(free | (cycle_days > out["review_period_days"]), cycle_days),
    )


def _without_hardly_wanted(out: pd.DataFrame, least_annual_qty: float) -> pd.DataFrame:
    """Keep no stock where hardly any demand is expected.

    A service target says nothing sensible there: to serve 95 percent of a thousandth of a unit a year, should it come
    as one large order, takes a warehouse full.
    """
    stocked = ~out["policy_family"].isin(NOT_STOCKED)
    hardly = stocked & (out["annual_demand_qty"] < least_annual_qty)
    return out.assign(policy_family=out["policy_family"].mask(hardly, "do_not_stock"), is_hardly_wanted=hardly)


def _last_buffers(out: pd.DataFrame, last_policies: pd.DataFrame | None) -> np.ndarray:
    """Buffers of the last policies that kept stock, NaN where there is none, units."""
    if last_policies is None or last_policies.empty:
        return np.full(len(out), np.nan)
    held = last_policies.loc[~last_policies["policy_family"].isin(NOT_STOCKED)]
    row = pd.MultiIndex.from_frame(held[KEY]).get_indexer(pd.MultiIndex.from_frame(out[KEY]))
    return np.where(row >= 0, np.append(numbers(held, "safety_stock_qty"), np.nan)[row], np.nan)


def _with_stocking_decision(out: pd.DataFrame, parameters: PlanningParameters) -> pd.DataFrame:
    """The cheaper of stocking or not, carried out where the segment's limits say so."""
    held = {row.segment_code: row.stocking_decision for row in parameters.buffer_limits}
    codes = {row.criticality_code for row in parameters.criticality_floors}
    order = out["order_qty"].to_numpy()
    decision = stocking_decision(
        annual_demand_qty=out["annual_demand_qty"].to_numpy(),
        stock_qty=average_stock(out["safety_stock_qty"].to_numpy(), order),
        order_qty=order,
        fill_rate=out["expected_fill_rate"].to_numpy(),
        holding_cost=out["holding_cost_per_unit_year_amount"].to_numpy(),
        order_cost=out["order_cost_amount"].to_numpy(),
        shortage_cost=out["shortage_cost_per_unit_amount"].to_numpy(),
        has_floor=out["criticality_code"].isin(codes).to_numpy(),
    )
    stocked = ~out["policy_family"].isin(NOT_STOCKED).to_numpy()
    out = out.assign(
        stocked_cost_amount=np.where(stocked, decision.stocked_cost_amount, np.nan),
        unstocked_cost_amount=np.where(stocked, decision.unstocked_cost_amount, np.nan),
        stocking_decision_code=np.where(stocked, decision.decision_code, "not_judged"),
    )
    is_applied = np.array([held.get(code, held["*"]) == "apply" for code in out["segment_code"]], dtype=bool)
    drop = stocked & (decision.decision_code == "do_not_stock") & is_applied
    if drop.any():
        out.loc[drop, "policy_family"] = "do_not_stock"
        out.loc[drop, [*_LEVELS]] = 0.0
        out.loc[drop, ["service_lost_rate", *(name for name in out.columns if name.startswith("expected_"))]] = np.nan
    return out


_LEVELS = (
    *(f"safety_stock_{name}qty" for name in ("", "demand_", "supply_", "review_", "service_", "rounding_", "cap_")),
    *("unlimited_safety_stock_qty", "reorder_point_qty", "order_qty", "order_up_to_qty"),
)


def _with_order_quantity(out: pd.DataFrame, parameters: PlanningParameters) -> pd.DataFrame:
    """Economic and feasible order quantity.

    The latter covers no more than the longest cover, nor more than can be used before it spoils, unless a minimum asks.
    """
    max_cover_days = np.minimum(
        parameters.settings.max_order_cover_days, longest_cover_days(out, parameters.buffer_limits)
    )
    is_whole = out["method_code"].isin(DISCRETE).to_numpy()
    stocked = ~out["policy_family"].isin(NOT_STOCKED).to_numpy()
    annual = np.where(stocked, yearly_demand(out), 0.0)
    # Without a cost of the item, money cannot weigh orders against stock: the demand between two reviews stands in.
    order_cost = np.where(out["is_holding_known"].to_numpy(), out["order_cost_amount"].to_numpy(), 0.0)
    holding = out["holding_cost_per_unit_year_amount"].fillna(1.0).to_numpy()
    multiple = whole_multiple(out["order_multiple_qty"].to_numpy(), is_whole)
    order_cost = joint_order_cost(out, annual, order_cost, holding)
    economic = economic_order_quantity(annual, order_cost, holding)
    review_years = out["review_period_days"].to_numpy() / DAYS_PER_YEAR
    # With K = h R^2 D / 2 the economic quantity is exactly the demand of a review period R.
    stand_in = np.where(order_cost > 0, order_cost, holding * review_years**2 * annual / 2)
    # Likewise, an order cost above this one would order more than the longest cover allowed.
    stand_in = np.minimum(stand_in, holding * (max_cover_days / DAYS_PER_YEAR) ** 2 * annual / 2)
    order = economic_lots(out, annual, stand_in, holding, multiple, max_cover_days)
    return out.assign(economic_order_qty=economic, order_qty=order, review_demand_qty=annual * review_years)


def _with_usable_lots(out: pd.DataFrame) -> pd.DataFrame:
    """Orders of what expires so small that they are used in time, behind the buffer that their target needs."""
    expires = (out["shelf_life_days"] > 0).to_numpy() & (out["order_qty"] > 0).to_numpy()
    if not expires.any():
        return out
    rows = out.loc[expires]
    case = service_case(rows)
    buffer = np.maximum(service_level_stock(case) - protected_demand(case), 0.0)
    multiple = whole_multiple(rows["order_multiple_qty"].to_numpy(), case.is_whole)
    out = out.copy()
    out.loc[expires, "order_qty"] = usable_lots(rows, buffer, multiple)["order_qty"]
    return out


def _with_economic_target(out: pd.DataFrame) -> pd.DataFrame:
    """The critical ratio, with the weeks between two orders: a review period, or what a larger order lasts."""
    weekly = out["annual_demand_qty"].to_numpy() / WEEKS_PER_YEAR
    minimum, multiple = out["moq_qty"].to_numpy(), out["order_multiple_qty"].to_numpy()
    by_review = feasible_order_up(out["review_demand_qty"].to_numpy(), minimum, multiple)
    by_review = np.where(smallest_feasible_order(minimum, multiple) > 1, by_review, 0.0)
    lot = np.where(out["policy_family"] == "R_S", by_review, out["order_qty"].to_numpy())
    cover = np.divide(lot, weekly, out=np.zeros(len(out)), where=weekly > 0)
    ratio = critical_ratio(
        out["shortage_cost_per_unit_amount"].to_numpy(),
        out["holding_cost_per_unit_week_amount"].to_numpy(),
        np.maximum(out["review_period_days"].to_numpy() / 7, cover),
    )
    is_economic = (out["service_measure"] == ECONOMIC).to_numpy()
    return out.assign(service_target=np.where(is_economic, ratio, out["service_target"].to_numpy()))


def _with_mix(out: pd.DataFrame, own: ServiceCase, parameters: PlanningParameters) -> pd.DataFrame:
    """Fill rates of the segments' mix in place of targets, where `service_mix.csv` says so."""
    held = {row.segment_code: row.is_applied for row in parameters.service_mix}
    is_applied = np.array([held.get(code, held["*"]) for code in out["segment_code"]], dtype=bool)
    stocked = ~out["policy_family"].isin(NOT_STOCKED) & (out["annual_demand_qty"] > 0) & (out["unit_cost_amount"] > 0)
    rows = np.flatnonzero(is_applied & stocked.to_numpy())
    if not len(rows):
        return out
    mixed = segment_mixes(
        own.rows(rows),
        texts(out, "segment_code").to_numpy()[rows],
        current_level=service_level_stock(own.rows(rows)),
        floor_level=np.zeros(len(rows)),
        unit_cost=out["unit_cost_amount"].to_numpy()[rows],
        annual_demand=out["annual_demand_qty"].to_numpy()[rows],
        rules=parameters.service_mix,
    )
    is_lost = (out["unmet_demand_code"] == "lost_sale").to_numpy()[rows]
    fill = np.where(is_lost, lost_sales_fill_rate(mixed.fill_rate), mixed.fill_rate)
    index, out = out.index[rows], out.copy()
    out.loc[index, "service_measure"], out.loc[index, "service_target_source_code"] = "fill_rate", "mix"
    out.loc[index, "service_target"] = np.clip(fill, 1e-6, 1 - 1e-6)
    return out


def _with_floor(
    out: pd.DataFrame, solved: np.ndarray, floors: tuple[CriticalityFloor, ...]
) -> tuple[pd.DataFrame, np.ndarray]:
    """The floor where it needs a higher level than the target does, and the level in force, units."""
    rows = {row.criticality_code: row for row in floors}
    has_floor = out["criticality_code"].isin(rows).to_numpy()
    chosen = [rows[code] for code in out.loc[has_floor, "criticality_code"]]
    with_floor = out.loc[has_floor].assign(
        service_measure=[row.service_measure for row in chosen],
        service_target=[row.service_target for row in chosen],
        service_target_source_code="criticality_floor",
    )
    floor_qty = service_level_stock(service_case(with_floor))
    is_higher = floor_qty > solved[has_floor] + 1e-9
    changed = with_floor.loc[is_higher]
    level = solved.copy()
    level[np.flatnonzero(has_floor)[is_higher]] = floor_qty[is_higher]
    out = out.assign(floor_level_qty=0.0)
    out.loc[has_floor, "floor_level_qty"] = floor_qty
    for name in ("service_measure", "service_target", "service_target_source_code"):
        out.loc[changed.index, name] = changed[name]
    return out, level


def _with_buffer(out: pd.DataFrame, parameters: PlanningParameters) -> pd.DataFrame:
    own = service_case(out)
    out = _with_mix(out, own, parameters)
    out, solved = _with_floor(out, service_level_stock(service_case(out)), parameters.criticality_floors)
    case = service_case(out)
    whole, protected = case.is_whole, protected_demand(case)
    stocked = ~out["policy_family"].isin(NOT_STOCKED).to_numpy()
    out, solved = with_own_levels(out, solved, parameters.buffer_profiles)
    level = np.where(whole, np.ceil(np.round(solved, 9)), solved)
    least = np.where(out["service_measure"] == ECONOMIC, 0.0, np.where(whole, np.floor(protected), protected))
    level = np.where(stocked, np.maximum(level, least), 0.0)
    buffer = np.where(stocked, np.maximum(level - protected, 0.0), 0.0)
    parts = buffer_parts(case, own, solved, buffer)
    unlimited, unlimited_qty, least_level = level, buffer, out["floor_level_qty"].to_numpy()
    limited = limited_buffers(
        buffer,
        out,
        last_qty=np.where(stocked, out["last_safety_stock_qty"], np.nan),
        floor_qty=np.maximum(np.where(whole, np.ceil(np.round(least_level, 9)), least_level) - protected, 0.0),
        rows=parameters.buffer_limits,
    )
    codes = np.where(stocked, limited.limit_codes, "")
    level = np.where(codes != "", rounded_level(protected + limited.safety_stock_qty, level, whole), level)
    buffer = np.where(stocked, np.maximum(level - protected, 0.0), 0.0)
    rule = order_rule(
        out["policy_family"].to_numpy(),
        level,
        out["order_qty"].to_numpy(),
        out["review_demand_qty"].to_numpy(),
        is_whole=whole,
        minimum=out["moq_qty"].to_numpy(),
        multiple=out["order_multiple_qty"].to_numpy(),
    )
    rule = ended(rule, np.where(stocked, out["residual_demand_qty"], np.nan), whole)
    service = _expected_service(out, case, level, stocked)
    before = service["expected_service_rate"]
    if (level != unlimited).any():
        before = _expected_service(out, case, unlimited, stocked)["expected_service_rate"]
    is_ended = stocked & (np.nan_to_num(out["residual_demand_qty"], nan=np.inf) < level)
    why = np.where(out["has_end_date"], "phase_out", "decline")
    codes = np.where(is_ended, np.where(codes == "", why, codes + "; " + why), codes)
    return out.assign(
        unlimited_safety_stock_qty=unlimited_qty,
        safety_stock_cap_qty=buffer - unlimited_qty,
        limit_codes=codes,
        service_lost_rate=np.where(stocked, np.maximum(before - service["expected_service_rate"], 0.0), np.nan),
        safety_stock_qty=buffer,
        protected_demand_qty=protected,
        safety_stock_demand_qty=np.where(stocked, parts.demand_qty, 0.0),
        safety_stock_supply_qty=np.where(stocked, parts.supply_qty, 0.0),
        safety_stock_review_qty=np.where(stocked, parts.review_qty, 0.0),
        safety_stock_service_qty=np.where(stocked, parts.service_qty, 0.0),
        safety_stock_rounding_qty=np.where(stocked, parts.rounding_qty, 0.0),
        reorder_point_qty=rule.reorder_point_qty,
        order_qty=rule.order_qty,
        order_up_to_qty=rule.order_up_to_qty,
        **service,
    )


def _expected_service(
    out: pd.DataFrame, case: ServiceCase, level: np.ndarray, stocked: np.ndarray
) -> dict[str, np.ndarray]:
    """Every measure's value with the level, and that of the row's own measure; NaN where no stock is kept."""
    found = {
        measure: np.where(stocked, achieved_service(case.measured_by(measure, 0.5), level), np.nan)
        for measure in get_args(RateMeasure)
    }
    is_lost = (out["unmet_demand_code"] == "lost_sale").to_numpy()
    found["fill_rate"] = np.where(is_lost, lost_sales_fill_rate(found["fill_rate"]), found["fill_rate"])
    return {
        "expected_service_rate": np.select([case.measure == name for name in found], list(found.values())),
        "expected_cycle_service_rate": found["cycle_service_level"],
        "expected_fill_rate": found["fill_rate"],
        "expected_ready_rate": found["ready_rate"],
    }
