"""The series that a forecast learns from: gross demand with the adjustments that its segment asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from stockstrata.columns import aligned, texts
from stockstrata.history.explain import bucket_edges
from stockstrata.history.ledger import Ledger
from stockstrata.history.promotions import demand_factor, promotion_cover
from stockstrata.history.reasons import NETTED, PROMOTED, REASONS, applied_reasons, signals_of
from stockstrata.panel import KEY, DemandPanel
from stockstrata.parameters import DemandSignal, PlanningParameters
from stockstrata.tables import DEMAND_SIGNAL

_SIGNAL_COLUMNS = [column.name for column in DEMAND_SIGNAL.columns if column.name != "period_start_date"]
_EQUAL_QTY = 1e-9


@dataclass(frozen=True)
class LearntHistory:
    """History of n series as their forecasts use it.

    Attributes:
        panel: what models learn from, units.
        judged_qty: demand after returns, NaN where stock was or ran out and before the start, (n, T).
        least_qty: what was wanted at least: sales of buckets in stock at any time, NaN where out throughout, (n, T).
        is_observed: buckets that a back-test may be judged by: what models learn of them is what was seen, nothing
            estimated, taken out or explained by a promotion, (n, T).
        origin_qty: what models learn, told of each bucket when it closed, without what came after it, (n, T).
        event_factor: demand with promotions over demand without, of the T past buckets and those ahead, (n, T + F).
    """

    panel: DemandPanel
    judged_qty: np.ndarray
    least_qty: np.ndarray
    is_observed: np.ndarray
    origin_qty: np.ndarray
    event_factor: np.ndarray

    @property
    def newest_demand(self) -> pd.DataFrame:
        """Demand of the newest bucket as models learn it: `item_id, location_id, demand_qty`.

        NaN where stock was out in it, so that it is an estimate, and where the series began in it, so that it is part
        of a bucket.

        Example: sales 8, 9, 0 with the last bucket out of stock give NaN, whatever was estimated for it.
        """
        newest, judged = self.panel.demand_qty[:, -1], self.judged_qty[:, -1]
        is_old = np.isfinite(self.panel.demand_qty[:, -2:]).all(axis=1) & (self.panel.demand_qty.shape[1] > 1)
        return self.panel.keys[KEY].assign(demand_qty=np.where(is_old & np.isfinite(judged), newest, np.nan))


def signal_table(
    panel: DemandPanel,
    adjustments: pd.DataFrame,
    segment_code: pd.Series,
    *,
    parameters: PlanningParameters,
    chosen: Mapping[str, str] | None = None,
    reasons: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """DEMAND_SIGNAL: for each series what its segment asks for and what that changes.

    Args:
        panel: gross demand.
        adjustments: DEMAND_ADJUSTMENT rows.
        segment_code: segment of each series, or `*` for the company's default.
        parameters: signals in force.
        chosen: signal of each segment in place of the one that the parameters name; without it, `validated` is
            `unconstrained`.
        reasons: why it was chosen, by segment.
    """
    signals = {
        code: row.model_copy(update={"demand_signal": _signal(code, row, chosen)})
        for code, row in signals_of(segment_code.tolist(), parameters).items()
    }
    table = panel.keys.assign(
        segment_code=segment_code.to_numpy(dtype=object),
        signal_code=segment_code.map({code: row.demand_signal for code, row in signals.items()}).to_numpy(dtype=object),
        signal_reason_code=segment_code.map(dict(reasons or {})).fillna("fixed_by_parameter").to_numpy(dtype=object),
        applied_reasons=segment_code.map({code: ",".join(applied_reasons(row)) for code, row in signals.items()})
        .to_numpy(dtype=object),
        last_bucket_start_date=panel.bucket_start_dates[-1],
    )  # fmt: skip
    learnt = learnt_history(panel, adjustments, table)
    cells = Ledger(panel).cells(adjustments)
    is_lost = (adjustments.loc[cells.held, "reason_code"] == "stockout_lost_sales").to_numpy(dtype=bool)
    return table.assign(
        raw_qty=np.nansum(panel.demand_qty, axis=1),
        signal_qty=np.nansum(learnt.panel.demand_qty, axis=1),
        censored_bucket_count=np.bincount(cells.row[is_lost], minlength=len(table)),
    ).loc[:, _SIGNAL_COLUMNS]


def _signal(code: str, row: DemandSignal, chosen: Mapping[str, str] | None) -> str:
    if chosen is not None and code in chosen:
        return chosen[code]
    return "unconstrained" if row.demand_signal == "validated" else row.demand_signal


def learnt_history(
    panel: DemandPanel,
    adjustments: pd.DataFrame,
    signals: pd.DataFrame,
    *,
    promotions: pd.DataFrame | None = None,
    effects: pd.DataFrame | None = None,
    dip_days: float = 0.0,
    ahead: int = 0,
) -> LearntHistory:
    """Add the adjustments asked for to gross demand; with promotions, their expected effect on past and future.

    Args:
        panel: gross demand.
        adjustments: DEMAND_ADJUSTMENT rows.
        signals: `item_id, location_id, applied_reasons`, one row a series.
        promotions: promotions known, past and future; None where none is to be expected.
        effects: PROMOTION_EFFECT rows.
        dip_days: days after a promotion in which demand may fall short.
        ahead: future buckets to give the effect for.
    """
    chosen = texts(aligned(signals, panel.keys, table=DEMAND_SIGNAL.name), "applied_reasons")
    cells = Ledger(panel).cells(adjustments)
    held = adjustments.loc[cells.held].reset_index(drop=True)
    reason = held["reason_code"].astype(str)
    applied = np.zeros(len(held), dtype=bool)
    for code in REASONS:
        wants = chosen.str.split(",").map(lambda codes, code=code: code in codes).to_numpy(dtype=bool)
        applied |= (reason == code).to_numpy() & wants[cells.row]
    told = {name: held[name].to_numpy(dtype=float) for name in ("adjustment_qty", "adjustment_at_close_qty")}
    started = np.isfinite(panel.demand_qty)
    gross = np.nan_to_num(panel.demand_qty)

    def with_rows(wanted: np.ndarray, name: str = "adjustment_qty") -> np.ndarray:
        added = np.zeros(gross.shape)
        np.add.at(added, (cells.row[wanted], cells.bucket[wanted]), told[name][wanted])
        # Sums of decimal quantities leave binary dust, and a part of the reasons may take away more than is there.
        return np.where(started, np.maximum(np.round(gross + added, 9), 0.0), np.nan)

    is_lost = (reason == "stockout_lost_sales").to_numpy()
    early = is_lost & applied & (held["method_code"] == "not_yet_available").to_numpy()
    signal, at_close = with_rows(applied), with_rows(applied, "adjustment_at_close_qty")
    for one in (signal, at_close):
        one[cells.row[early], cells.bucket[early]] = np.nan
    judged = with_rows(applied & reason.isin(NETTED).to_numpy())
    least, is_empty = judged.copy(), is_lost & ~(held["in_stock_rate"].to_numpy(dtype=float) > 0)
    judged[cells.row[is_lost], cells.bucket[is_lost]] = np.nan
    least[cells.row[is_empty], cells.bucket[is_empty]] = np.nan
    factor = np.ones((gross.shape[0], gross.shape[1] + ahead))
    if promotions is not None and effects is not None and len(promotions) and len(effects):
        cover = promotion_cover(promotions, panel.keys, bucket_edges(panel, ahead), dip_days=dip_days)
        known = panel.keys.merge(effects, on=KEY, how="left")
        rates = [known[name].fillna(0.0).to_numpy(dtype=float) for name in ("uplift_rate", "dip_rate")]
        is_separate = chosen.str.contains(PROMOTED[0]).to_numpy(dtype=bool)
        factor = np.where(is_separate[:, None], demand_factor(cover, *rates), 1.0)
    with np.errstate(invalid="ignore"):
        observed = (np.abs(signal - judged) <= _EQUAL_QTY) & (factor[:, : gross.shape[1]] == 1.0)
    return LearntHistory(replace(panel, demand_qty=signal), judged, least, observed, at_close, factor)
