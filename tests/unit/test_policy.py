import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from stockstrata.distributions import METHODS, SHAPED, choose_method
from stockstrata.errors import ParameterError, PlanningError
from stockstrata.gate.in_force import kept_policies
from stockstrata.policy import stock_policies
from stockstrata.safety_stock import fill_rate
from stockstrata.shaped import PROBABILITIES
from stockstrata.tables import STOCK_POLICY

PERIOD = dt.date(2025, 1, 1)
LOOSE = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def strategy(code, family, review=7):
    return {
        "segment_code": code, "segment_name": code, "fulfilment_code": "make_to_stock", "forecast_pool": "smooth",
        "policy_family": family, "review_period_days": review, "count_frequency_per_year": 1, "owner": "t",
        "bucket_type": "day",
    }  # fmt: skip


def target_row(code, measure, target):
    return {"segment_code": code, "item_id": "", "service_measure": measure, "service_target": target}


@pytest.fixture
def plan(make_parameters, make_item_locations):
    """Policies of items with the given daily demand; lead time 21 days unless said."""

    def run(
        daily, sd, *, family="s_Q", measure="cycle_service_level", target=0.95, review=7, lead=21.0, supply_sd=0.0,
        is_whole=True, least_stocked=0, grade="full", source="item_receipts", lead_grade="full", limits=None,
        last=None, cut_off=None, tables=None, methods=None, shapes=None, stage="mature", trend=1.0, **columns,
    ):  # fmt: skip
        n = len(np.atleast_1d(daily))
        daily, demand_sd, supply_sd = (np.broadcast_to(np.asarray(v, dtype=float), n) for v in (daily, sd, supply_sd))
        rows = make_item_locations(n, **({"unit_cost_amount": 4.0} | columns))
        keys = rows[["item_id", "location_id"]]
        total = np.sqrt(demand_sd**2 + supply_sd**2)
        mean = daily * (lead + review)
        assignment = keys.assign(segment_code="T", lifecycle_code=stage, demand_trend_ratio=trend)
        leads = keys.assign(
            lead_time_days=lead, lead_time_sd_days=1.0, lead_time_source_code=source, evidence_grade=lead_grade
        )
        demand = keys.assign(
            protection_interval_days=lead + review,
            method_code=choose_method(mean, total, is_whole=np.broadcast_to(is_whole, n)),
            mean_qty=mean, sd_qty=total, demand_sd_qty=demand_sd, lead_time_sd_qty=supply_sd, daily_mean_qty=daily,
            fallback_reason="", evidence_grade=grade, standard_quantiles=shapes,
        )  # fmt: skip
        if methods is not None:
            demand["method_code"] = methods
        parameters = make_parameters(
            {
                "segment_strategies": [strategy("T", family, review)],
                "service_targets": [target_row("T", measure, target)],
                "buffer_limits": [{"segment_code": "T", "stocking_decision": "recommend"} | (limits or {})],
                **(tables or {}),
            },
            least_stocked_annual_demand_qty=least_stocked,
        )
        return stock_policies(
            rows, assignment, leads, demand, parameters=parameters, period_start_date=PERIOD, last_policies=last,
            cut_off_date=cut_off,
        )  # fmt: skip

    return run


def test_columns_and_identities(plan):
    out = plan([5.0, 0.4, 30], [20.0, 5, 60], supply_sd=[10.0, 1, 0])
    assert out.columns.tolist() == [c.name for c in STOCK_POLICY.columns if c.name != "period_start_date"]
    assert out.safety_stock_qty.to_numpy() == pytest.approx(out.reorder_point_qty - out.protected_demand_qty)
    assert (out.order_up_to_qty == out.reorder_point_qty + out.order_qty).all()
    assert out.annual_demand_qty.tolist() == pytest.approx([5 * 365.25, 0.4 * 365.25, 30 * 365.25])
    assert (out.grade_reason == "").all()


def test_cycle_service_of_a_level_is_the_quantile_of_lead_time_demand(plan):
    out = plan([10.0], [60.0], is_whole=False, target=0.98, family="R_S")
    mean, variance = 280, 3600
    assert out.order_up_to_qty[0] == pytest.approx(stats.gamma.ppf(0.98, mean**2 / variance, scale=variance / mean))
    assert out.expected_service_rate[0] == pytest.approx(0.98)
    whole = plan([10.0], [60.0], target=0.98, family="R_S")
    frozen = stats.nbinom(mean**2 / (variance - mean), mean / variance)
    assert whole.order_up_to_qty[0] == frozen.ppf(0.98)
    assert whole.expected_service_rate[0] == pytest.approx(frozen.cdf(whole.order_up_to_qty[0]))


def test_fill_rate_is_met_with_the_order_quantity(plan):
    out = plan([10.0], [60.0], measure="fill_rate", target=0.97, is_whole=False, order_multiple_qty=24.0)
    assert out.order_qty[0] % 24 == 0
    assert out.expected_service_rate[0] >= 0.97 - 1e-9
    if out.safety_stock_qty[0] > 0:
        assert out.expected_service_rate[0] == pytest.approx(0.97)
    # Looked at all the time, demand in small amounts: the textbook's formula.
    out = plan([10.0], [280**0.5], measure="fill_rate", target=0.999, lead=28.0, review=0.003, order_cost_amount=0.3)
    served = fill_rate(out.reorder_point_qty[0], out.order_qty[0], 280, 280**0.5, method="poisson")
    assert out.safety_stock_qty[0] > 0
    assert served == pytest.approx(out.expected_service_rate[0], abs=1e-4)


@pytest.mark.parametrize("family", ["s_Q", "s_S", "R_S", "R_s_S", "min_max"])
@pytest.mark.parametrize("measure", ["cycle_service_level", "fill_rate", "ready_rate"])
def test_every_distribution_serves_every_family_and_measure(plan, family, measure):
    # Shapes are those of a normal distribution, so that all ways tell nearly the same buffer.
    normal = stats.norm.ppf(np.clip(PROBABILITIES, 1e-6, 1 - 1e-6))
    methods = [code for code in METHODS if code not in {"degenerate", "poisson"}]
    shapes = pd.Series([normal if code in SHAPED else None for code in methods], dtype=object)
    out = plan(
        np.full(len(methods), 10.0), 60.0, family=family, measure=measure, target=0.98, methods=methods, shapes=shapes,
        order_cost_amount=0.0,
    )  # fmt: skip
    assert out.method_code.tolist() == methods
    assert (out.safety_stock_qty > 0).all()
    level = out.protected_demand_qty + out.safety_stock_qty
    assert level.to_numpy() == pytest.approx(np.full(len(out), level.median()), rel=0.08)


@pytest.mark.parametrize("family", ["s_Q", "R_s_S", "do_not_stock"])
def test_demand_that_hardly_ever_comes_has_figures_all_the_same(plan, family):
    # A shape pooled from series that have stopped: nothing but a rare fall lies away from the mean.
    stopped = np.where(np.arange(len(PROBABILITIES)) == 0, -210.0, -0.026)
    out = plan([2e-5], 0.079, family=family, target=0.5, review=28, lead=8.3, order_cost_amount=0.0,
               methods=["conformal_count"], shapes=pd.Series([stopped], dtype=object))  # fmt: skip
    parts = out.filter(regex="^safety_stock_")
    assert np.isfinite(parts.to_numpy(dtype=float)).all()
    assert out.safety_stock_qty.tolist() == [0.0]


def test_order_quantity_is_economic_and_feasible(plan):
    out = plan([10.0], [60.0], unit_cost_amount=4.0, order_cost_amount=25.0)
    assert out.economic_order_qty[0] == pytest.approx((2 * 25 * 3652.5 / (0.22 * 4)) ** 0.5)
    assert out.order_qty[0] in (np.floor(out.economic_order_qty[0]), np.ceil(out.economic_order_qty[0]))


def test_without_an_order_cost_the_demand_between_reviews_is_ordered(plan):
    out = plan([10.0], [60.0], order_cost_amount=0.0)
    assert out.economic_order_qty[0] == 0
    assert out.order_qty[0] == 70


def test_order_up_to_families(plan):
    up_to = plan([10.0], [60.0], family="R_s_S")
    assert up_to.order_up_to_qty[0] == up_to.reorder_point_qty[0] + up_to.order_qty[0]
    periodic = plan([10.0], [60.0], family="R_S", review=14, lead=14.0)
    frozen = stats.nbinom(280**2 / (3600 - 280), 280 / 3600)
    assert periodic.order_up_to_qty[0] == frozen.ppf(0.95)
    assert periodic.reorder_point_qty[0] == periodic.order_up_to_qty[0] - 1
    assert periodic.safety_stock_qty[0] == pytest.approx(periodic.order_up_to_qty[0] - 280)
    assert periodic.order_qty[0] == 140
    packed = plan([10.0], [60.0], family="R_S", review=14, lead=14.0, order_multiple_qty=12.0)
    assert packed.order_up_to_qty[0] == packed.reorder_point_qty[0] + 12
    assert packed.reorder_point_qty[0] == periodic.reorder_point_qty[0]


@LOOSE
@given(
    daily=st.floats(0.002, 60),
    ratio=st.floats(0.2, 20),
    supply=st.floats(0, 80),
    family=st.sampled_from(["s_Q", "s_S", "R_S", "R_s_S"]),
    measure=st.sampled_from(["cycle_service_level", "fill_rate"]),
    target=st.floats(0.5, 0.995),
    is_whole=st.booleans(),
)
def test_parts_add_up_and_nothing_is_negative_and_the_target_is_met(
    plan, daily, ratio, supply, family, measure, target, is_whole
):
    sd = (daily * 28 * ratio) ** 0.5
    out = plan(
        [daily], [sd], supply_sd=[supply], family=family, measure=measure, target=target, is_whole=is_whole
    ).iloc[0]
    parts = sum(out[f"safety_stock_{name}_qty"] for name in ("demand", "supply", "review", "service", "rounding"))
    assert parts == pytest.approx(out.safety_stock_qty, abs=1e-9)
    amounts = [out[name] for name in out.index if name.endswith("_qty")]
    assert min(amounts) >= 0
    assert out.expected_service_rate >= target - 1e-6
    if is_whole and out.method_code != "degenerate":
        assert out.reorder_point_qty == round(out.reorder_point_qty)
        assert out.order_up_to_qty == round(out.order_up_to_qty)
    if supply == 0:
        assert out.safety_stock_supply_qty == pytest.approx(0, abs=1e-6)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(daily=st.floats(0.1, 40), ratio=st.floats(1.2, 15), target=st.floats(0.5, 0.97), more=st.floats(0.001, 0.02))
def test_more_service_or_longer_lead_time_never_means_less_stock(plan, daily, ratio, target, more):
    for measure in ("cycle_service_level", "fill_rate"):

        def level(goal, lead, measure=measure):
            sd = (daily * (lead + 7) * ratio) ** 0.5
            return plan([daily], [sd], measure=measure, target=goal, lead=lead).reorder_point_qty[0]

        assert level(target + more, 21.0) >= level(target, 21.0)
        assert level(target, 28.0) >= level(target, 21.0)


def test_no_variation_gives_no_buffer(plan):
    level = plan([10.0], [0.0], target=0.99, family="R_S")
    assert level.safety_stock_qty[0] == 0
    assert level.order_up_to_qty[0] == 280
    assert level.expected_service_rate[0] == 1
    # A reorder point is found 0 to 70 units too low: 35 are expected, and all but the last hundredth are held.
    point = plan([10.0], [0.0], target=0.99)
    assert point.protected_demand_qty[0] == pytest.approx(210 + 35)
    assert point.reorder_point_qty[0] == pytest.approx(210 + 0.99 * 70)
    assert point.safety_stock_qty[0] == pytest.approx(point.safety_stock_review_qty[0], abs=0.02)
    assert point.expected_service_rate[0] == pytest.approx(0.99)


def test_dropping_a_driver_removes_its_part(plan):
    for family in ("s_Q", "R_s_S", "R_S"):
        kind = {"is_whole": False, "family": family}
        both = plan([10.0], [40.0], supply_sd=[40.0], **kind).iloc[0]
        demand = plan([10.0], [40.0], supply_sd=[0.0], **kind).iloc[0]
        supply = plan([10.0], [0.0], supply_sd=[40.0], **kind).iloc[0]
        quick = plan([10.0], [40.0], supply_sd=[40.0], review=0.001, lead=28.0, **kind).iloc[0]
        assert both.safety_stock_demand_qty > 0
        assert both.safety_stock_supply_qty > 0
        assert both.safety_stock_review_qty > 0
        assert both.safety_stock_demand_qty == pytest.approx(demand.safety_stock_demand_qty)
        assert demand.safety_stock_supply_qty == pytest.approx(0, abs=1e-9)
        assert supply.safety_stock_demand_qty == pytest.approx(0, abs=0.02)
        assert supply.safety_stock_supply_qty > 0
        assert quick.safety_stock_review_qty == pytest.approx(0, abs=0.3)
        assert both.safety_stock_rounding_qty == both.safety_stock_service_qty == 0


def test_the_buffer_is_capped_at_zero_where_a_large_order_covers_the_fill_rate(plan):
    out = plan([10.0], [60.0], measure="fill_rate", target=0.9, moq_qty=5000.0, is_whole=False)
    assert out.safety_stock_qty[0] == 0
    assert out.reorder_point_qty[0] == out.protected_demand_qty[0]
    assert out.expected_service_rate[0] > 0.99


def test_a_slow_mover_may_hold_less_than_a_unit_above_nothing(plan):
    out = plan([0.001], [0.16], target=0.9)
    assert out.reorder_point_qty[0] == 0
    assert out.safety_stock_qty[0] == 0
    assert out.order_qty[0] >= 1


def test_no_demand_needs_no_stock_and_no_order(plan):
    out = plan([0.0], [0.0], moq_qty=50.0)
    assert out[["safety_stock_qty", "reorder_point_qty", "order_qty", "order_up_to_qty"]].to_numpy().tolist() == [
        [0] * 4
    ]
    assert out.expected_service_rate[0] == 1


@pytest.mark.parametrize("family", ["make_to_order", "do_not_stock"])
def test_families_without_stock_are_all_zero_with_a_reason(plan, family):
    out = plan([10.0], [60.0], family=family)
    zero = [
        "safety_stock_qty", "safety_stock_demand_qty", "safety_stock_supply_qty", "safety_stock_rounding_qty",
        "reorder_point_qty", "order_qty", "order_up_to_qty",
    ]  # fmt: skip
    assert (out[zero] == 0).all().all()
    assert np.isnan(out.expected_service_rate[0])
    assert "no stock is kept" in out.grade_reason[0]


def test_hardly_any_demand_keeps_no_stock_whatever_the_spread(plan):
    out = plan([1e-5, 5.0], [30.0, 20.0], measure="fill_rate", least_stocked=1)
    assert out.policy_family.tolist() == ["do_not_stock", "s_Q"]
    assert (out.loc[0, ["safety_stock_qty", "reorder_point_qty", "order_up_to_qty"]] == 0).all()
    assert "least that stock is kept for" in out.grade_reason[0]


def test_the_worst_input_sets_the_grade_and_the_reason_names_each(plan):
    out = plan(
        [10.0], [60.0], grade="degraded", source="contract", lead_grade="degraded", unit_cost_amount=0.0,
        unit_price_amount=0.0,
    )  # fmt: skip
    assert out.evidence_grade[0] == "assumed"
    assert out.unit_cost_amount[0] == 1
    assert out.grade_reason[0] == (
        "lead time from the contract, too few receipts; lead-time demand rests on weak history; "
        "unit cost assumed by parameter"
    )


def test_missing_rows_and_odd_figures_are_named(plan, make_parameters, make_item_locations):
    with pytest.raises(PlanningError, match="item i000 at L1 has mean nan"):
        plan([np.nan], [1.0])
    rows = make_item_locations(1)
    keys = rows[["item_id", "location_id"]]
    with pytest.raises(PlanningError, match=r"policy\.lead_time: no row for item i000 at L1"):
        stock_policies(
            rows,
            keys.assign(segment_code="AX"),
            keys.iloc[:0],
            keys.iloc[:0],
            parameters=make_parameters(),
            period_start_date=PERIOD,
        )
    demand = keys.assign(
        protection_interval_days=7.0, method_code="gamma", mean_qty=1.0, sd_qty=1.0, demand_sd_qty=1.0,
        lead_time_sd_qty=0.0, daily_mean_qty=1.0, evidence_grade="full",
    )  # fmt: skip
    lead = keys.assign(lead_time_days=1.0, lead_time_sd_days=0.0, lead_time_source_code="x", evidence_grade="full")
    with pytest.raises(ParameterError, match="segment QQ"):
        stock_policies(
            rows, keys.assign(segment_code="QQ"), lead, demand, parameters=make_parameters(), period_start_date=PERIOD
        )


def simulate(policy, daily_mean, daily_sd, *, review, lead, days=120_000, seed=0):
    """Daily: 1 receive, 2 fill backorders, 3 demand, 4 count, 5 review and order at the end of the review day.

    An order placed at the end of day t with lead time L serves from day t + L + 1 on. Returns fill rate and share of
    replenishments that came before stock ran out.
    """
    rng = np.random.default_rng(seed)
    r, p = daily_mean**2 / (daily_sd**2 - daily_mean), daily_mean / daily_sd**2
    demand = rng.negative_binomial(r, p, days)
    s, q, top = policy.reorder_point_qty, policy.order_qty, policy.order_up_to_qty
    net, position, arrivals = top, top, np.zeros(days + lead + 2)
    served, cycles, safe = 0.0, 0, 0
    for day in range(days):
        if arrivals[day]:
            cycles, safe = cycles + 1, safe + (net >= 0)
        net += arrivals[day]
        served += min(max(net, 0), demand[day])
        net, position = net - demand[day], position - demand[day]
        if (day + 1) % review == 0 and position <= s:
            order = (np.floor((s - position) / q) + 1) * q if policy.policy_family == "s_Q" else top - position
            position += order
            arrivals[day + lead + 1] += order
    return served / demand.sum(), safe / cycles


def test_both_families_that_order_up_from_a_reorder_point_have_the_same_levels(plan):
    one, other = plan([6.0, 0.3], [20.0, 4.0], family="s_S"), plan([6.0, 0.3], [20.0, 4.0], family="R_s_S")
    pd.testing.assert_frame_equal(one.drop(columns="policy_family"), other.drop(columns="policy_family"))


@pytest.mark.parametrize("family", ["s_Q", "R_s_S"])
@pytest.mark.parametrize("review", [1, 7, 14])
@pytest.mark.parametrize(("measure", "target"), [
    ("fill_rate", 0.95), ("fill_rate", 0.98), ("cycle_service_level", 0.9), ("cycle_service_level", 0.98),
])  # fmt: skip
def test_simulated_service_of_reorder_points_is_the_target_within_a_point(plan, family, review, measure, target):
    position = ("fill_rate", "cycle_service_level").index(measure)
    for lot in (30.0, 120.0):  # a lot of five days, less than a review period of seven or 14, and of twenty days
        out = plan(
            [6.0], [6.0 * (10 + review) ** 0.5], family=family, measure=measure, target=target, review=review,
            lead=10.0, order_cost_amount=0.0, moq_qty=lot,
        ).iloc[0]  # fmt: skip
        assert out.order_qty >= lot
        achieved = simulate(out, 6.0, 6.0, review=review, lead=10)[position]
        assert achieved == pytest.approx(out.expected_service_rate, abs=0.01)
        assert out.expected_service_rate >= target - 1e-9
        if out.safety_stock_qty > 1 and out.method_code != "degenerate":
            assert achieved == pytest.approx(target, abs=0.015 if measure == "cycle_service_level" else 0.01)


@pytest.mark.parametrize("target", [0.9, 0.95, 0.98])
def test_simulated_service_of_periodic_order_up_to_equals_the_expected_one(plan, target):
    for measure, position in (("fill_rate", 0), ("cycle_service_level", 1)):
        out = plan([6.0], [6.0 * 17**0.5], family="R_S", measure=measure, target=target, review=7, lead=10.0)
        achieved = simulate(out.iloc[0], 6.0, 6.0, review=7, lead=10)[position]
        assert achieved == pytest.approx(out.expected_service_rate[0], abs=0.01)


def test_order_of_rows_does_not_matter(plan):
    out = plan([5.0, 0.4, 30, 0], [20.0, 5, 60, 0], family="R_S", measure="fill_rate")
    alone = plan([30.0], [60.0], family="R_S", measure="fill_rate")
    pd.testing.assert_frame_equal(
        out.iloc[[2]].drop(columns="item_id").reset_index(drop=True), alone.drop(columns="item_id")
    )


def test_policies_are_current_and_of_their_period(plan):
    out = plan([3.0, 4.0], 5.0)
    assert out.policy_status_code.tolist() == ["current", "current"]
    assert (out.policy_period_start_date == pd.Timestamp(PERIOD)).all()
    assert out.isolation_reason.tolist() == ["", ""]


def test_a_stale_policy_keeps_its_figures_and_says_why(plan):
    good = plan([3.0, 4.0], 5.0)
    isolated = good[["item_id", "location_id"]].assign(reason=["cost jumped", "rows missing"])
    out = kept_policies(good.iloc[[1]].reset_index(drop=True), isolated, status_code="stale")
    assert out.policy_status_code.tolist() == ["stale"]
    assert out.isolation_reason.tolist() == ["rows missing"]
    assert out.evidence_grade.tolist() == ["degraded"]
    assert out.grade_reason.tolist() == ["policy of an earlier cycle kept"]
    changed = ["policy_status_code", "isolation_reason", "evidence_grade", "grade_reason"]
    pd.testing.assert_frame_equal(
        out.drop(columns=changed), good.iloc[[1]].reset_index(drop=True).drop(columns=changed)
    )
    assert kept_policies(out, isolated, status_code="stale").grade_reason.tolist() == out.grade_reason.tolist()


def test_unchanged_inputs_change_nothing_and_small_changes_stay_within_the_band(plan):
    limits = {"tolerance_rate": 0.1, "max_step_rate": 0.5}
    first = plan([10.0, 3.0], [60.0, 30.0], limits=limits)
    again = plan([10.0, 3.0], [60.0, 30.0], limits=limits, last=first)
    pd.testing.assert_frame_equal(first, again)
    wider = plan([10.0, 3.0], [63.0, 30.0], limits=limits, last=first)
    assert wider.safety_stock_qty.to_numpy() == pytest.approx(first.safety_stock_qty.to_numpy(), abs=1)
    assert wider.limit_codes.tolist() == ["tolerance", ""]
    assert wider.safety_stock_cap_qty[0] < 0
    assert wider.service_lost_rate[0] > 0


def test_a_shock_moves_in_limited_steps_and_arrives(plan):
    limits = {"max_step_rate": 0.3, "tolerance_rate": 0.02}
    last = plan([10.0], [60.0], limits=limits, is_whole=False)
    start = last.safety_stock_qty[0]
    wanted = plan([10.0], [180.0], is_whole=False).safety_stock_qty[0]
    reached = []
    for _ in range(6):
        last = plan([10.0], [180.0], limits=limits, last=last, is_whole=False)
        reached.append(last.safety_stock_qty[0])
    assert reached[0] == pytest.approx(start + 0.3 * wanted)
    assert (np.diff([start, *reached]) <= 0.3 * wanted + 1e-9).all()
    assert reached[-1] == pytest.approx(wanted)
    assert last.limit_codes[0] == ""


def test_cover_and_shelf_life_cap_the_buffer_and_say_what_it_costs(plan):
    free = plan([10.0], [200.0], is_whole=False).iloc[0]
    for limits, columns, code in (
        ({"max_cover_days": 10}, {}, "max_cover"),
        ({"shelf_life_rate": 0.9}, {"shelf_life_days": 30.0}, "shelf_life"),
    ):
        out = plan([10.0], [200.0], is_whole=False, limits=limits, order_cost_amount=0.0, **columns).iloc[0]
        assert out.limit_codes == code
        assert out.safety_stock_qty < free.safety_stock_qty
        assert out.service_lost_rate == pytest.approx(0.95 - out.expected_service_rate)
        assert out.service_lost_rate > 0
        assert out.safety_stock_qty == pytest.approx(out.unlimited_safety_stock_qty + out.safety_stock_cap_qty)
    assert out.safety_stock_qty + out.order_qty == pytest.approx(0.9 * 30 * 10)
    more = plan([10.0], [5.0], is_whole=False, limits={"min_cover_days": 20}).iloc[0]
    assert more.safety_stock_qty == pytest.approx(200)
    assert more.limit_codes == "min_cover"


def test_the_floor_of_a_vital_item_beats_every_limit(plan):
    limits = {"max_cover_days": 0.5, "shelf_life_rate": 0.5}
    vital = plan([10.0], [60.0], limits=limits, criticality_code="vital", shelf_life_days=20.0).iloc[0]
    assert vital.expected_cycle_service_rate >= 0.98 - 1e-9
    assert vital.limit_codes.endswith("criticality_floor")
    usual = plan([10.0], [60.0], limits=limits, shelf_life_days=20.0).iloc[0]
    assert usual.expected_cycle_service_rate < 0.95


def test_a_vital_item_stays_in_stock_whatever_it_costs_and_the_cheaper_side_is_taken_else(plan):
    rates = {
        "cost_rates": [
            {"scope": "default", "code": "*", "order_cost_amount": 25, "holding_cost_rate": 0.22,
             "cost_to_price_rate": 0.6, "default_unit_cost_amount": 1, "holding_cost_per_unit_week": "",
             "shortage_cost_per_unit": 3.0, "unmet_demand": "back_order"}
        ]
    }  # fmt: skip
    args = {"tables": rates, "limits": {"stocking_decision": "apply"}, "unit_cost_amount": [4.0, 4000.0, 4000.0]}
    out = plan([10.0] * 3, [60.0] * 3, criticality_code=["", "", "vital"], **args)
    assert out.stocking_decision_code.tolist() == ["stock", "do_not_stock", "criticality_floor"]
    assert out.policy_family.tolist() == ["s_Q", "do_not_stock", "s_Q"]
    assert (out.stocked_cost_amount < out.unstocked_cost_amount).tolist() == [True, False, False]
    assert out.expected_cycle_service_rate[2] >= 0.98 - 1e-9
    advice = plan([10.0] * 3, [60.0] * 3, **(args | {"limits": None}))
    assert (advice.policy_family == "s_Q").all()
    unknown = plan([10.0], [60.0])
    assert unknown.stocking_decision_code[0] == "not_judged"


def test_nothing_is_ordered_that_arrives_after_phase_out_and_lots_shrink_towards_it(plan):
    cut_off = dt.date(2025, 2, 1)
    phase_out = pd.to_datetime(["2025-02-20", "2025-03-03", "2026-06-01", None])
    out = plan([10.0] * 4, [60.0] * 4, cut_off=cut_off, phase_out_date=phase_out, moq_qty=500.0)
    assert out.policy_family.tolist() == ["do_not_stock", "s_Q", "s_Q", "s_Q"]
    assert out.residual_demand_qty.tolist()[1:3] == [300, 4850]
    assert out.order_qty[1] == 300
    assert out.order_up_to_qty[1] <= 300
    assert out.limit_codes.tolist() == ["", "phase_out", "", ""]
    assert out.order_qty[2] == out.order_qty[3]


def test_stock_left_at_phase_out_is_less_at_equal_service(plan):
    """A declining item, planned anew each week with its remaining demand, against the same policy without an end."""

    start = dt.date(2025, 1, 6)
    end = pd.Timestamp(start + dt.timedelta(weeks=26))

    def policy_of(week, with_end):
        rate = 10 * 0.93**week
        return plan(
            [rate], [(28 * rate * 1.5) ** 0.5], family="s_S", cut_off=start + dt.timedelta(weeks=week),
            phase_out_date=end if with_end else pd.NaT, moq_qty=150.0,
        ).iloc[0]  # fmt: skip

    policies = {(week, with_end): policy_of(week, with_end) for week in range(26) for with_end in (True, False)}

    def replay(with_end, seed):
        rng = np.random.default_rng(seed)
        on_hand, arrivals, served, asked = 200.0, {}, 0.0, 0.0
        for week in range(26):
            row = policies[week, with_end]
            on_hand += arrivals.pop(week, 0.0)
            position = on_hand + sum(arrivals.values())
            if row.policy_family == "s_S" and position <= row.reorder_point_qty:
                most = row.residual_demand_qty - position if with_end else np.inf
                order = min(max(row.order_up_to_qty - position, 150.0), max(np.ceil(most), 0.0))
                arrivals[week + 3] = arrivals.get(week + 3, 0.0) + order
            demand = rng.poisson(7 * 10 * 0.93**week)
            served, asked = served + min(demand, on_hand), asked + demand
            on_hand -= min(demand, on_hand)
        return on_hand + sum(arrivals.values()), served / asked

    ended = np.mean([replay(True, seed) for seed in range(6)], axis=0)
    usual = np.mean([replay(False, seed) for seed in range(6)], axis=0)
    assert ended[0] < 0.6 * usual[0]
    assert ended[1] > usual[1] - 0.03


def test_lots_and_levels_of_what_declines_shrink_with_what_is_left_to_sell(plan):
    out = plan([10.0] * 4, [60.0] * 4, stage=["mature", "decline", "decline", "decline"], trend=[0.5, 0.5, 0.1, 0.0],
               moq_qty=[np.nan, np.nan, np.nan, 2000.0])  # fmt: skip
    # Half in 182 days: 10 / (ln 2 / 182) are still to come, 1,973 of them within a year.
    left = 10 * 182 / -np.log([0.5, 0.1, 0.01])
    assert out.residual_demand_qty.isna().tolist() == [True, False, False, False]
    assert out.residual_demand_qty[1:].tolist() == pytest.approx(left)
    assert out.economic_order_qty[1] == pytest.approx(out.economic_order_qty[0] * (1972.7 / 3652.5) ** 0.5, rel=1e-3)
    assert out.economic_order_qty[2] < out.economic_order_qty[1]
    assert out.safety_stock_qty[1] == pytest.approx(out.safety_stock_qty[0])
    assert out.order_qty[3] == np.ceil(left[2])
    assert out.limit_codes[3] == ""


def test_less_is_left_of_what_declines_at_equal_service(plan):
    """Planned anew each month as the trend of the last spans is seen, against the policy that knows of no decline."""

    def policy_of(week, sees_decline):
        rate = 10 * 0.5 ** (week / 18)
        return plan([rate], [(28 * rate * 1.5) ** 0.5], family="s_S", moq_qty=200.0,
                    stage="decline" if sees_decline else "mature", trend=0.5 ** (26 / 18)).iloc[0]  # fmt: skip

    policies = {(week, sees): policy_of(week, sees) for week in range(0, 78, 4) for sees in (True, False)}

    def replay(sees_decline, seed):
        rng = np.random.default_rng(seed)
        on_hand, arrivals, served, asked = 400.0, {}, 0.0, 0.0
        for week in range(78):
            row = policies[week // 4 * 4, sees_decline]
            on_hand += arrivals.pop(week, 0.0)
            position = on_hand + sum(arrivals.values())
            if row.policy_family == "s_S" and position <= row.reorder_point_qty:
                most = np.ceil(row.residual_demand_qty) - position if sees_decline else np.inf
                order = min(max(row.order_up_to_qty - position, 200.0), max(most, 0.0))
                arrivals[week + 3] = arrivals.get(week + 3, 0.0) + order
            demand = rng.poisson(7 * 10 * 0.5 ** (week / 18))
            served, asked = served + min(demand, on_hand), asked + demand
            on_hand -= min(demand, on_hand)
        return on_hand + sum(arrivals.values()), served / asked

    fading = np.mean([replay(True, seed) for seed in range(6)], axis=0)
    usual = np.mean([replay(False, seed) for seed in range(6)], axis=0)
    assert fading[0] < 0.85 * usual[0]
    assert fading[1] > usual[1] - 0.01


def test_an_applied_mix_meets_the_segment_s_service_at_less_stock_and_keeps_vital_items_above_their_floor(plan):
    rng = np.random.default_rng(9)
    daily, cost = rng.lognormal(1, 0.8, 12), rng.lognormal(1, 1.5, 12)
    spread = daily * 28 * rng.uniform(0.2, 0.8, 12)
    args = {"measure": "fill_rate", "target": 0.97, "is_whole": False, "unit_cost_amount": cost, "moq_qty": daily * 20}
    mix = {"service_mix": [{"segment_code": "T", "objective_code": "fill_target", "is_applied": "true"}]}
    own = plan(daily, spread, **args)
    mixed = plan(daily, spread, tables=mix, **args)

    def fill(out):
        return (out.expected_fill_rate * out.annual_demand_qty).sum() / out.annual_demand_qty.sum()

    assert (mixed.service_target_source_code == "mix").all()
    assert fill(mixed) >= fill(own) - 0.002
    assert (mixed.safety_stock_qty * cost).sum() < 0.98 * (own.safety_stock_qty * cost).sum()
    vital = plan(daily, spread, tables=mix, criticality_code="vital", **args)
    assert (vital.expected_cycle_service_rate >= 0.98 - 1e-6).all()


def test_what_keeps_no_stock_has_no_parts_of_a_buffer_however_odd_its_demand_is(plan):
    """Hardly any demand, all of its spread from the lead time: solving for a buffer finds no number there."""
    shape = np.where(PROBABILITIES < 0.9, 0.0, 5.0).tolist()
    out = plan(0.0003, 0.0, supply_sd=0.24, family="do_not_stock", methods="conformal_count", shapes=[shape])
    parts = out[[name for name in out.columns if name.startswith("safety_stock_")]]
    assert (parts.to_numpy(dtype=float) == 0.0).all()
