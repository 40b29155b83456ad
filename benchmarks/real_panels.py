"""Demand of the public data sets as panels, read and judged as a run would: accepted rows only."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.report import SkippedError
from data_quality.source import open_source
from data_quality.validation import validate_source
from orchestration.resources.settings import PROJECT_ROOT
from stockstrata.panel import KEY, DemandPanel, demand_panel
from stockstrata.periods import BUCKET_FREQUENCY, PeriodType, fact_end, last_complete_bucket

_SEED = 20250101
_SUPPLIER_TERMS = ("moq_qty", "order_multiple_qty", "order_cost_amount")


@dataclass(frozen=True)
class RealPanel:
    """Demand of one data set that sold at least once.

    Attributes:
        name: of the data set.
        panel: its demand.
        lead_time_days: contract lead time of each series, NaN where the set has none, (n,).
        attributes: what a cycle knows of each series besides its demand, columns as in
            `int_item_locations__planned`: `item_id, location_id, category, family, uom, unit_price_amount,
            unit_cost_amount, successor_item_id, launch_date, start_date`, n rows.
        groups: `item_id, location_id, family, region` of each series, empty where the set has none.
        closing_stock_qty: stock at the end of each bucket of the panel, NaN where no book tells it, (n, T); None where
            the set has no stock.
    """

    name: str
    panel: DemandPanel
    lead_time_days: np.ndarray
    attributes: pd.DataFrame
    groups: pd.DataFrame
    closing_stock_qty: np.ndarray | None = None


def real_panel(name: str, real_data: Path, scratch: Path, *, most_series: int | None = None) -> RealPanel:
    """Read a data set.

    Args:
        name: folder below `sources`.
        real_data: folder that holds the data sets.
        scratch: for what is unpacked.
        most_series: take a seeded sample of so many series; None takes all.

    Raises:
        SkippedError: if the data set is not there.
    """
    if not (real_data / name).is_dir():
        raise SkippedError(f"{real_data / name} is not there; STOCKSTRATA_REAL_DATA names the folder above it.")
    folder = PROJECT_ROOT / "sources" / name
    source = open_source(folder, variables={"STOCKSTRATA_REAL_DATA": str(real_data)}, scratch=scratch)
    entities = validate_source(source).entities
    bucket: PeriodType = "month" if source.grain == "month" else "week"
    rows = entities["demand"].rows
    sums = rows.connection.execute(
        f"select item_id, coalesce(location_id, 'ALL') as location_id, "
        f"date_trunc('{bucket}', demand_date)::date as bucket_start_date, sum(demand_qty) as demand_qty, "
        f"max(demand_date) as newest from ({rows.accepted_sql()}) group by all order by all"
    ).df()
    newest: dt.date = sums["newest"].max().date()
    sold = sums[sums["demand_qty"] > 0].groupby(KEY, as_index=False)["bucket_start_date"].min()
    chosen = sold.rename(columns={"bucket_start_date": "start_date"})
    if most_series is not None and len(chosen) > most_series:
        chosen = chosen.sample(most_series, random_state=_SEED)
    last = last_complete_bucket(fact_end(newest, source.grain), bucket)
    panel = demand_panel(
        sums[["item_id", "location_id", "bucket_start_date", "demand_qty"]],
        item_locations=chosen,
        first_bucket_date=sums["bucket_start_date"].min(),
        last_bucket_date=last,
        bucket_days=BUCKET_FREQUENCY[bucket],
    )
    items = entities["items"].rows
    attributes = items.connection.execute(
        "select item_id, category, family, uom, unit_price as unit_price_amount, unit_cost as unit_cost_amount, "
        "holding_cost_per_unit_year as holding_cost_per_unit_year_amount, "
        f"successor_item_id, launch_date from ({items.accepted_sql()}) qualify row_number() over "
        "(partition by item_id order by position) = 1"
    ).df()
    attributes = panel.keys.merge(attributes, on="item_id", how="left").merge(chosen, on=KEY, how="left")
    days = np.full(len(panel.keys), np.nan)
    if "item_suppliers" in entities:
        terms = entities["item_suppliers"].rows
        known = terms.connection.execute(
            "select item_id, min(lead_time_days) as days, min(unit_cost) as cost, min(moq) as moq_qty, "
            "min(order_multiple) as order_multiple_qty, min(order_cost) as order_cost_amount "
            f"from ({terms.accepted_sql()}) group by all"
        ).df()
        of_item = known.set_index("item_id").reindex(panel.keys["item_id"])
        days = pd.to_numeric(of_item["days"]).to_numpy(dtype=float)
        cost = attributes["unit_cost_amount"].fillna(pd.Series(of_item["cost"].to_numpy(), index=attributes.index))
        told = {name: pd.to_numeric(of_item[name]).to_numpy(dtype=float) for name in _SUPPLIER_TERMS}
        attributes = attributes.assign(unit_cost_amount=cost, **told)
    groups = panel.keys.assign(
        family=panel.keys["item_id"].map(_codes(entities, "items", "item_id", "family")),
        region=panel.keys["location_id"].map(_codes(entities, "locations", "location_id", "region")),
    )
    return RealPanel(name, panel, days, attributes, groups, _closing_stock(entities, panel, bucket))


def _closing_stock(entities: Mapping[str, Any], panel: DemandPanel, bucket: PeriodType) -> np.ndarray | None:
    """Newest stock figure of each bucket."""
    if "stock" not in entities:
        return None
    rows = entities["stock"].rows
    found = rows.connection.execute(
        f"select item_id, coalesce(location_id, 'ALL') as location_id, "
        f"date_trunc('{bucket}', stock_date)::date as bucket_start_date, arg_max(on_hand_qty, stock_date) as qty "
        f"from ({rows.accepted_sql()}) group by all order by all"
    ).df()
    row = pd.MultiIndex.from_frame(panel.keys).get_indexer(pd.MultiIndex.from_frame(found[KEY]))
    column = panel.bucket_start_dates.get_indexer(pd.DatetimeIndex(found["bucket_start_date"]))
    inside = (row >= 0) & (column >= 0)
    out = np.full(panel.demand_qty.shape, np.nan)
    out[row[inside], column[inside]] = found.loc[inside, "qty"].to_numpy(dtype=float)
    return out


def _codes(entities: Mapping[str, Any], entity: str, key: str, column: str) -> dict[str, str]:
    """A column of a master entity by its key; empty where the set lacks the entity or the column."""
    if entity not in entities:
        return {}
    rows = entities[entity].rows
    frame = rows.connection.execute(f"select * from ({rows.accepted_sql()})").df()
    return dict(zip(frame[key], frame[column], strict=True)) if column in frame else {}
