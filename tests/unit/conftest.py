import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stockstrata.panel import DemandPanel
from stockstrata.parameters import PARAMETER_TABLES, planning_parameters

SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds" / "parameters"
TEXTS = (
    "item_name",
    "category",
    "family",
    "uom",
    "successor_item_id",
    "abc_override_code",
    "supplier_id",
    "criticality_code",
    "price_breaks",
    "order_days",
)
DATES = ("launch_date", "phase_out_date", "first_demand_date", "last_demand_date", "start_date")
NUMBERS = (
    "unit_cost_amount",
    "unit_price_amount",
    "holding_cost_per_unit_year_amount",
    "moq_qty",
    "order_multiple_qty",
    "order_cost_amount",
    "supplier_min_order_amount",
    "shelf_life_days",
    "contract_lead_time_days",
    "contract_lead_time_sd_days",
    "location_holding_cost_rate",
    "abc_demand_qty",
    "abc_line_count",
    "abc_revenue_amount",
)


@pytest.fixture
def parameter_tables():
    """The shipped parameter files as frames of text."""
    return {name: pd.read_csv(SEEDS / f"{name}.csv", dtype=str, keep_default_na=False) for name in PARAMETER_TABLES}


@pytest.fixture(scope="module")
def module_parameters():
    """The shipped parameters, read once a module."""
    tables = {name: pd.read_csv(SEEDS / f"{name}.csv", dtype=str, keep_default_na=False) for name in PARAMETER_TABLES}
    return planning_parameters(tables, as_of=dt.date(2025, 1, 1), version="test")


@pytest.fixture
def make_parameters(parameter_tables):
    """Shipped parameters with single settings changed and rows added to tables."""

    def build(extra_rows=None, **settings):
        tables = {name: frame.copy() for name, frame in parameter_tables.items()}
        table = tables["planning_settings"]
        for code, value in settings.items():
            assert (table.setting_code == code).any()
            table.loc[table.setting_code == code, "setting_value"] = str(value)
        for name, rows in (extra_rows or {}).items():
            dated = [{"valid_from_date": "1900-01-02", "approved_by": "t", "reason": "test"} | row for row in rows]
            more = pd.DataFrame(dated).astype(str)
            tables[name] = pd.concat([tables[name], more], ignore_index=True).fillna("")
        return planning_parameters(tables, as_of=dt.date(2025, 1, 1), version="test")

    return build


@pytest.fixture
def make_item_locations():
    """Rows of int_item_locations__planned: what is not given is unknown."""

    def build(count=1, **columns):
        given = {"item_id": [f"i{k:03d}" for k in range(count)], "location_id": "L1"} | columns
        frame = pd.DataFrame(given, index=range(count))
        for name in (*TEXTS, *DATES, *NUMBERS):
            if name not in frame:
                frame[name] = None if name in TEXTS else np.nan
        for name in DATES:
            frame[name] = frame[name].astype("datetime64[s]")
        return frame

    return build


@pytest.fixture
def make_panel():
    """A panel of weeks (or months) that ends with the last column of the given quantities."""

    def build(demand_qty, freq="W-MON", first="2020-01-06"):
        qty = np.atleast_2d(np.asarray(demand_qty, dtype=float))
        keys = pd.DataFrame({"item_id": [f"i{k:03d}" for k in range(len(qty))], "location_id": "L1"})
        return DemandPanel(keys, pd.date_range(first, periods=qty.shape[1], freq=freq), qty, freq)

    return build
