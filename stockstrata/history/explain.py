"""Explain each bucket of a cycle's demand history: what is in it that tells nothing of the demand to come."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.history.expected import expected_demand, in_whole_units, season_factors
from stockstrata.history.ledger import Cells, Ledger
from stockstrata.history.lost_sales import Availability, LostSales, is_recorded_while_out, lost_sales
from stockstrata.history.outliers import Outliers, find_outliers
from stockstrata.history.projects import find_projects
from stockstrata.history.promotions import (
    PromotionCover,
    PromotionEffects,
    past_factor,
    promotion_cover,
    promotion_effects,
)
from stockstrata.panel import KEY, DemandPanel
from stockstrata.parameters import PlanningSettings
from stockstrata.tables import PROMOTION_EFFECT

OrdersOf = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class HistoryFacts:
    """What a cycle knows of the past of n series.

    Attributes:
        panel: gross demand, returns not deducted.
        families: family of each series, empty where unknown, n values.
        returns: `item_id, location_id, bucket_start_date, return_reason, returned_qty`, quantities at least zero.
        availability: `item_id, location_id, bucket_start_date, in_stock_rate, is_dry, run_out_count,
            source_code`, one row a bucket
            that was not in stock throughout; see `lost_sales.Availability`.
        promotions: see `promotions.promotion_cover`.
        orders_of: gives `projects.ORDER_COLUMNS` of the largest order in each of the buckets asked for by
            `item_id, location_id, bucket_start_date`; buckets without known orders are left out.
    """

    panel: DemandPanel
    families: pd.Series
    returns: pd.DataFrame
    availability: pd.DataFrame
    promotions: pd.DataFrame
    orders_of: OrdersOf


@dataclass(frozen=True)
class ExplainedHistory:
    """Frames of one cycle, columns as in `stockstrata.tables` without period and stamps.

    Attributes:
        adjustments: DEMAND_ADJUSTMENT.
        effects: PROMOTION_EFFECT.
        is_recorded_while_out: whether demand goes on while stock is out, so that nothing is taken for lost.
    """

    adjustments: pd.DataFrame
    effects: pd.DataFrame
    is_recorded_while_out: bool


def explain_history(facts: HistoryFacts, *, settings: PlanningSettings) -> ExplainedHistory:
    """Find returns, spikes, one-off orders, lost sales and promotions in each history, as rows of a ledger.

    Nothing is deleted: gross demand and the rows of a bucket add up to what each series of it holds, and a row left
    out gives back what was there. Rows come from the history of the same series; only effects of promotions lean on
    those of other items.

    Example: `explain_history(facts, settings=settings).adjustments`.
    """
    panel, ledger = facts.panel, Ledger(facts.panel)
    started = np.isfinite(panel.demand_qty)
    gross = np.nan_to_num(panel.demand_qty)
    net = _net(gross, facts.returns, ledger)
    cover = promotion_cover(facts.promotions, panel.keys, bucket_edges(panel), dip_days=settings.promotion_dip_days)
    available = _availability(facts.availability, ledger)
    calm = (cover.running_rate <= 0) & (cover.after_rate <= 0)
    in_full = (available.in_stock_rate >= 1) & ~available.is_dry
    known = np.where(started, net, np.nan)
    spikes = find_outliers(known, started & in_full & calm, season_length=panel.season_length, settings=settings)
    removed = _spikes(net, spikes, facts.orders_of, ledger, settings)
    reference = np.where(spikes.is_outlier, spikes.expected_qty, net)
    span = settings.lost_sales_span_days / panel.mean_bucket_days
    told = np.where(started & ~available.is_dry, available.in_stock_rate, 0.0)
    season = season_factors(reference, told * calm, season_length=panel.season_length)
    baseline = expected_demand(reference, told * calm, span_buckets=span, season=season)
    # A bucket in stock part of the time tells the level of a series, and too little of one promotion.
    measured = np.where(in_full, told, 0.0)
    effects = promotion_effects(reference, baseline, measured, cover, families=facts.families.tolist())
    factor = past_factor(cover, effects)
    is_stock = available.source_code == "stock"
    recorded = is_recorded_while_out(
        net,
        baseline * factor,
        started & is_stock & (available.in_stock_rate <= 0),
        settings.lost_sales_max_demand_ratio,
    )
    if recorded:
        available = Availability(
            np.where(is_stock, 1.0, available.in_stock_rate),
            available.is_dry & ~is_stock,
            np.where(is_stock, 0.0, available.run_outs),
            available.source_code,
        )
    lost = lost_sales(
        known,
        np.where(started, reference, np.nan),
        np.ones(net.shape),
        available,
        factor=season * factor,
        span_buckets=span,
        least_buckets=settings.lost_sales_min_buckets,
        most_gap_buckets=settings.lost_sales_max_gap_days / panel.mean_bucket_days,
        most_flagged_gap_buckets=settings.lost_sales_max_flagged_gap_days / panel.mean_bucket_days,
    )
    _tell_lost_sales(lost, net, available, ledger)
    _tell_promotions(np.where(started, net - removed + lost.lost_qty, 0.0), cover, effects, ledger)
    return ExplainedHistory(ledger.rows(gross), _effect_table(panel, cover, effects), recorded)


def bucket_edges(panel: DemandPanel, ahead: int = 0) -> pd.DatetimeIndex:
    """Starts of the buckets of a panel and of `ahead` more, and the end of the last."""
    count = len(panel.bucket_start_dates) + ahead + 1
    return pd.date_range(panel.bucket_start_dates[0], periods=count, freq=panel.bucket_days)


def _net(gross: np.ndarray, returns: pd.DataFrame, ledger: Ledger) -> np.ndarray:
    cells = ledger.cells(returns)
    held = returns.loc[cells.held]
    qty = held["returned_qty"].to_numpy(dtype=float)
    reason = held["return_reason"].astype(str)
    ledger.add(
        "return",
        cells,
        -qty,
        method="netted_return",
        detail=reason,
        evidence="returns stated as: " + reason,
        explanation="Goods came back, so this much of the bucket's demand was not wanted after all.",
    )
    returned = np.zeros(gross.shape)
    np.add.at(returned, (cells.row, cells.bucket), qty)
    below = np.round(np.maximum(returned - gross, 0.0), 9)
    clipped = Cells.where(below > 0)
    ledger.add(
        "negative_clipped",
        clipped,
        below[clipped.row, clipped.bucket],
        method="clipped_at_zero",
        evidence="more returned than sold in the bucket",
        explanation="More came back than was sold in the bucket; demand is taken as zero, never as negative.",
    )
    return np.round(np.maximum(gross - returned, 0.0), 9)


def _availability(frame: pd.DataFrame, ledger: Ledger) -> Availability:
    cells = ledger.cells(frame)
    held = frame.loc[cells.held]
    rate, dry = np.ones(ledger.shape), np.zeros(ledger.shape, dtype=bool)
    run_outs = np.zeros(ledger.shape)
    source = np.full(ledger.shape, "", dtype=object)
    rate[cells.row, cells.bucket] = np.clip(held["in_stock_rate"].to_numpy(dtype=float), 0.0, 1.0)
    dry[cells.row, cells.bucket] = held["is_dry"].to_numpy(dtype=bool)
    run_outs[cells.row, cells.bucket] = held["run_out_count"].to_numpy(dtype=float)
    source[cells.row, cells.bucket] = held["source_code"].astype(str).to_numpy(dtype=object)
    return Availability(rate, dry, run_outs, source)


def _spikes(
    net: np.ndarray, spikes: Outliers, orders_of: OrdersOf, ledger: Ledger, settings: PlanningSettings
) -> np.ndarray:
    """Tag spikes as projects where one order explains them, else as outliers; what they hold beyond the usual."""
    removed = np.zeros(net.shape)
    found = Cells.where(spikes.is_outlier)
    if not len(found.row):
        return removed
    asked = ledger.keys_of(found)
    orders = asked.merge(orders_of(asked), on=[*KEY, "bucket_start_date"], how="left")
    qty, usual = net[found.row, found.bucket], spikes.expected_qty[found.row, found.bucket]
    is_project = find_projects(orders.fillna({"order_qty": 0.0, "order_count": 0}), qty, settings=settings)
    order_qty = np.minimum(orders["order_qty"].to_numpy(dtype=float, na_value=0.0), qty)
    beyond = np.where(is_project, order_qty, np.round(qty - usual, 6))
    whole = np.floor(net[found.row]).sum(axis=1) == net[found.row].sum(axis=1)
    beyond = np.where(whole, np.rint(beyond), beyond)
    order = orders["order_code"].astype(str) + ", customer " + orders["customer_code"].astype(str)
    share = pd.Series(order_qty).round(2).astype(str) + " of " + pd.Series(qty).round(2).astype(str) + " units"
    _tell_some(
        ledger, "project", found, is_project, beyond,
        method="one_off_order",
        detail=orders["order_code"].astype(str),
        evidence="order " + order + ": " + share + "; largest other order "
        + orders["next_largest_qty"].astype(float).round(2).astype(str),
        explanation="One order is most of the bucket, and nothing like it was ordered in another bucket.",
    )  # fmt: skip
    z = pd.Series(spikes.robust_z[found.row, found.bucket]).round(1).astype(str)
    _tell_some(
        ledger, "outlier", found, ~is_project, beyond,
        method="robust_median_deviation",
        detail=pd.Series("", index=z.index),
        evidence=z + " robust deviations above an expected " + pd.Series(usual).round(2).astype(str),
        explanation="Demand of the bucket is far above what the buckets around it let expect.",
    )  # fmt: skip
    removed[found.row, found.bucket] = beyond
    return removed


def _tell_some(
    ledger: Ledger, reason: str, cells: Cells, held: np.ndarray, qty: np.ndarray,
    *, method: str, detail: pd.Series, evidence: pd.Series, explanation: str,
) -> None:  # fmt: skip
    ledger.add(
        reason, cells.select(held), -qty[held], method=method, detail=detail[held], evidence=evidence[held],
        explanation=explanation,
    )  # fmt: skip


_WHY_LOST = {
    "expected_demand": "Out of stock throughout, so sales say nothing; demand as the buckets around it let expect.",
    "availability_weighted": "Out of stock part of the time; demand of that part as in the time in stock.",
    "censored_expectation": "Stock ran out in the bucket, so its sales are the least that was wanted.",
    "not_yet_available": "Before the item was first in stock: the bucket says nothing of demand and is left out.",
    "not_estimated": "Out of stock, but too few buckets in stock are known to say what was wanted.",
}


def _tell_lost_sales(lost: LostSales, net: np.ndarray, available: Availability, ledger: Ledger) -> None:
    cells = Cells.where(lost.method_code != "")
    at = (cells.row, cells.bucket)
    method = pd.Series(lost.method_code[at], dtype=object)
    rate = pd.Series(available.in_stock_rate[at])
    evidence = (
        pd.Series(available.source_code[at], dtype=object).astype(str) + ": in stock " + rate.round(3).astype(str)
        + " of the bucket; sold " + pd.Series(net[at]).round(2).astype(str)
        + ", expected " + pd.Series(lost.expected_qty[at]).round(2).astype(str)
    )  # fmt: skip
    ledger.add(
        "stockout_lost_sales",
        cells,
        np.round(lost.lost_qty[at], 6),
        at_close_qty=np.round(lost.lost_at_close_qty[at], 6),
        method=method,
        evidence=evidence,
        explanation=method.map(_WHY_LOST),
        in_stock_rate=rate,
    )


def _tell_promotions(qty: np.ndarray, cover: PromotionCover, effects: PromotionEffects, ledger: Ledger) -> None:
    if cover.events.empty:
        return
    has = cover.event >= 0
    at = np.maximum(cover.event, 0)
    up = np.where(has, 1.0 + effects.event_uplift_rate[at] * cover.running_rate, 1.0)
    down = np.where(has, 1.0 - effects.event_dip_rate[at] * cover.after_rate, 1.0)
    unit = ((qty == np.floor(qty)).all(axis=1)).astype(float)
    over = np.minimum(in_whole_units(qty - qty / up, unit), qty)
    short = in_whole_units(np.maximum((qty - over) / down - (qty - over), 0.0), unit)
    named = cover.events["promotion_id"].to_numpy(dtype=object)
    for reason, amount, factor, why in (
        ("promotion_uplift", -over, up, "Demand that the promotion brought, above the baseline."),
        (
            "promotion_dip",
            short,
            down,
            "Demand that the promotion before had drawn forward, missing from the baseline.",
        ),
    ):
        cells = Cells.where(amount != 0)
        code = pd.Series(named[cover.event[cells.row, cells.bucket]], dtype=object).astype(str)
        rate = pd.Series(factor[cells.row, cells.bucket] - 1.0).round(3).astype(str)
        ledger.add(
            reason,
            cells,
            np.round(amount[cells.row, cells.bucket], 6),
            method="promotion_ratio",
            detail=code,
            evidence="promotion " + code + ": " + rate + " of the baseline",
            explanation=why,
        )


def _effect_table(panel: DemandPanel, cover: PromotionCover, effects: PromotionEffects) -> pd.DataFrame:
    table = panel.keys.assign(
        uplift_rate=effects.uplift_rate,
        dip_rate=effects.dip_rate,
        own_uplift_rate=effects.own_uplift_rate,
        own_event_count=effects.own_event_count,
        pooled_uplift_rate=effects.pooled_uplift_rate,
        pool_code=effects.pool_code,
    )
    promoted = np.unique(cover.events["row"].to_numpy(dtype=np.int64))
    names = [column.name for column in PROMOTION_EFFECT.columns if column.name != "period_start_date"]
    return table.iloc[promoted].reset_index(drop=True).loc[:, names]
