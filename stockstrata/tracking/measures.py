"""What each exception rule measures of an item-location: a value, the units at stake, the sentence that tells."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.columns import numbers, texts
from stockstrata.forecasting.metrics import safe_ratio
from stockstrata.panel import KEY

_NORMAL_WIDTHS = {"p10_qty": 1.2816, "p90_qty": 1.2816, "p95_qty": 1.6449}
"""How many standard deviations a quantile lies from the median of a normal distribution."""
_FALLBACKS = ("too_short", "no_finite_model")


@dataclass(frozen=True)
class Findings:
    """What exceptions are looked for in.

    Attributes:
        tracking: FORECAST_TRACKING; what is measured stands in the order of its n rows.
        unit_costs: `item_id, location_id, unit_cost_amount`.
        newest: buckets that this period completed, each with the newest forecast before it: `item_id, location_id,
            actual_qty, final_qty, p10_qty, p50_qty, p90_qty, p95_qty`.
        champions: CHAMPION.
        lead_time_demand: LEAD_TIME_DEMAND.
        final: FINAL_FORECAST.
        effects: OVERRIDE_EFFECT.
    """

    tracking: pd.DataFrame
    unit_costs: pd.DataFrame
    newest: pd.DataFrame
    champions: pd.DataFrame
    lead_time_demand: pd.DataFrame
    final: pd.DataFrame
    effects: pd.DataFrame

    def beside(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of a frame in the order of the tracking; empty where it has none."""
        return self.tracking[KEY].merge(frame, on=KEY, how="left")


@dataclass(frozen=True)
class Measure:
    """A rule's measure of n item-locations.

    Attributes:
        value: in the unit of the rule; zero where there is nothing to tell, (n,).
        stake_qty: units in question, (n,).
        sentence: what is told, with the names of facts in braces.
        facts: figures of the sentence, n rows.
    """

    value: np.ndarray
    stake_qty: np.ndarray
    sentence: str
    facts: pd.DataFrame

    def told(self, rows: np.ndarray) -> list[str]:
        """The sentence of some rows, given by a mask."""
        return [self.sentence.format_map(facts) for facts in self.facts.loc[rows].to_dict("records")]


def bias(found: Findings) -> Measure:
    """Standard errors of the bias; one whose errors never vary counts as many as it has buckets."""
    tracking = found.tracking
    count, z, error = (
        numbers(tracking, "bucket_count"),
        numbers(tracking, "bias_z_ratio"),
        numbers(tracking, "error_qty"),
    )
    value = np.where(np.isfinite(z), np.abs(z), count)
    return Measure(
        np.where(tracking["is_biased"].to_numpy(dtype=bool), value, 0.0),
        np.abs(error),
        "Over {count:.0f} buckets {forecast:.6g} units were forecast and {actual:.6g} wanted.",
        pd.DataFrame(
            {
                "count": count,
                "forecast": numbers(tracking, "forecast_qty"),
                "actual": numbers(tracking, "actual_qty"),
            }
        ),
    )


def demand_deviation(found: Findings) -> Measure:
    """Distance of the period's demand from its forecast, in standard deviations that the forecast's quantiles tell.

    That of a bucket is the widest of the distances of its 0.10, 0.90 and 0.95 quantiles from the median over those of a
    normal distribution; demand that comes in orders never varies less than a Poisson variable of its mean. Variances of
    buckets add up. Where no demand was expected the spread is one unit.
    """
    newest = found.newest
    median, mean = numbers(newest, "p50_qty"), numbers(newest, "final_qty")
    apart = [np.abs(numbers(newest, name) - median) / width for name, width in _NORMAL_WIDTHS.items()]
    variance = np.maximum(np.max(np.stack(apart), axis=0) ** 2, mean)
    sums = newest[KEY].assign(actual=numbers(newest, "actual_qty"), forecast=mean, variance=variance)
    held = found.beside(sums.groupby(KEY).sum().reset_index())
    facts = pd.DataFrame({name: np.nan_to_num(numbers(held, name)) for name in ("actual", "forecast", "variance")})
    gap = np.abs(facts["actual"].to_numpy() - facts["forecast"].to_numpy())
    value = gap / np.maximum(np.sqrt(facts["variance"].to_numpy()), 1.0)
    return Measure(
        value,
        gap,
        "In the period {actual:.6g} units were wanted and {forecast:.6g} forecast, {value:.3g} spreads apart.",
        facts.assign(value=value),
    )


def plan_change(found: Findings) -> Measure:
    """Sum of absolute changes of the final forecast since the cycle before, over that forecast.

    A plan that was zero and is no more has changed as a whole.
    """
    tracking = found.tracking
    change, before = numbers(tracking, "plan_change_qty"), numbers(tracking, "previous_plan_qty")
    return Measure(
        np.where(before > 0, np.nan_to_num(safe_ratio(change, before)), (change > 0).astype(float)),
        change,
        "The plan of {count:.0f} buckets went from {before:.6g} to {plan:.6g} units; {change:.6g} moved in all.",
        pd.DataFrame(
            {
                "count": numbers(tracking, "plan_bucket_count"),
                "before": before,
                "plan": numbers(tracking, "plan_qty"),
                "change": change,
            }
        ),
    )


def fallback_model(found: Findings) -> Measure:
    """1 where no model could be validated."""
    champions = found.beside(found.champions[[*KEY, "model_code", "reason_code"]])
    reason = texts(champions, "reason_code")
    return Measure(
        reason.isin(_FALLBACKS).to_numpy(dtype=float),
        _expected(found),
        "Forecast by {model} as a fallback: {why}.",
        pd.DataFrame({"model": texts(champions, "model_code"), "why": reason.str.replace("_", " ")}),
    )


def worse_than_naive(found: Findings) -> Measure:
    """Error of the champion in its back-test above that of the naive benchmark, share of the latter."""
    champions = found.beside(found.champions[[*KEY, "score_ratio", "naive_score_ratio"]])
    own, naive = numbers(champions, "score_ratio"), numbers(champions, "naive_score_ratio")
    return Measure(
        np.maximum(np.nan_to_num(safe_ratio(own, naive), nan=1.0) - 1.0, 0.0),
        _expected(found),
        "In the back-test the forecast erred by {own:.3g} of mean demand, the naive one by {naive:.3g}.",
        pd.DataFrame({"own": own, "naive": naive}),
    )


def awaiting_approval(found: Findings) -> Measure:
    """Money that overrides without their approval would move; one for all locations stands with the first of them."""
    waiting = found.effects[found.effects["status_code"] == "awaiting_approval"]
    first = found.tracking[KEY].sort_values(KEY).drop_duplicates("item_id").set_index("item_id")["location_id"]
    has_own = pd.MultiIndex.from_frame(waiting[KEY]).isin(pd.MultiIndex.from_frame(found.tracking[KEY]))
    sums = pd.DataFrame(
        {
            "item_id": waiting["item_id"].astype(object),
            "location_id": waiting["location_id"].where(has_own, waiting["item_id"].map(first)).astype(object),
            "amount": waiting["change_amount"].astype(float),
            "change": waiting["change_qty"].astype(float).abs(),
            "named": waiting["override_id"].astype(str) + " of " + waiting["person"].astype(str),
        }
    )
    grouped = sums.groupby(KEY).agg(amount=("amount", "sum"), change=("change", "sum"), named=("named", ", ".join))
    held = found.beside(grouped.reset_index())
    change = np.nan_to_num(numbers(held, "change"))
    return Measure(
        np.nan_to_num(numbers(held, "amount")),
        change,
        "Override {named} would change {change:.6g} units and needs the approval of somebody else to do so.",
        pd.DataFrame({"named": texts(held, "named"), "change": change}),
    )


def stream_disagreement(found: Findings) -> Measure:
    """Weighted mean distance of the forecast streams from their blend, over the blend."""
    final = found.final[found.final["consensus_qty"].notna()]
    blend = numbers(final, "consensus_qty")
    sums = final[KEY].assign(apart=np.nan_to_num(numbers(final, "disagreement_rate") * blend), blend=blend)
    sums["mix"] = texts(final, "stream_mix").to_numpy()
    grouped = sums.groupby(KEY).agg(apart=("apart", "sum"), blend=("blend", "sum"), mix=("mix", "first"))
    held = found.beside(grouped.reset_index())
    apart, whole = np.nan_to_num(numbers(held, "apart")), np.nan_to_num(numbers(held, "blend"))
    value = np.nan_to_num(safe_ratio(apart, whole))
    return Measure(
        value,
        apart,
        "The forecasters lie {value:.0%} of {whole:.6g} units apart ({mix}).",
        pd.DataFrame({"value": value, "whole": whole, "mix": texts(held, "mix")}),
    )


def _expected(found: Findings) -> np.ndarray:
    """Expected demand over the protection interval: what a plan without evidence decides on, units."""
    return np.nan_to_num(numbers(found.beside(found.lead_time_demand[[*KEY, "mean_qty"]]), "mean_qty"))
