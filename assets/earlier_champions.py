"""Reading what the cycles before wrote down about the champions of their series."""

import datetime as dt

from orchestration.resources.warehouse import Warehouse
from stockstrata.forecasting.earlier import EarlierChampions
from stockstrata.tables import (
    CHAMPION_BACKTEST,
    CHAMPION_BACKTEST_LAG,
    CHAMPION_REGISTER,
    HIERARCHY_CHOICE,
    INTERVAL_METHOD,
    NEW_PRODUCT_FORECAST,
    SENSING_CHOICE,
)

_NEWEST = """
    select * from {table} where period_start_date < $period
    qualify row_number() over (partition by item_id, location_id order by period_start_date desc) = 1
    order by item_id, location_id
"""
# Lags are written with the back-test that they belong to.
_LAGS = f"""
    with newest as (
        select item_id, location_id, max(period_start_date) as period_start_date
        from {CHAMPION_BACKTEST.name} where period_start_date < $period group by item_id, location_id
    )

    select lags.* from {CHAMPION_BACKTEST_LAG.name} as lags
    semi join newest using (period_start_date, item_id, location_id)
    order by lags.item_id, lags.location_id, lags.horizon_bucket
"""
_NEWEST_CYCLE = """
    select * from {table}
    where period_start_date = (select max(period_start_date) from {table} where period_start_date < $period)
    order by all
"""


def earlier_champions(warehouse: Warehouse, period: dt.date) -> EarlierChampions:
    """The newest rows before a period of each series; later cycles are as if they had never been planned.

    Example: `earlier_champions(warehouse, dt.date(2025, 12, 1)).register` has a row for each series planned before.
    """
    window = {"period": period}
    return EarlierChampions(
        register=warehouse.read(_NEWEST.format(table=CHAMPION_REGISTER.name), window),
        backtests=warehouse.read(_NEWEST.format(table=CHAMPION_BACKTEST.name), window),
        lags=warehouse.read(_LAGS, window),
        methods=warehouse.read(_NEWEST_CYCLE.format(table=INTERVAL_METHOD.name), window),
        sensing=warehouse.read(_NEWEST_CYCLE.format(table=SENSING_CHOICE.name), window),
        hierarchy=warehouse.read(_NEWEST_CYCLE.format(table=HIERARCHY_CHOICE.name), window),
        launches=warehouse.read(_NEWEST.format(table=NEW_PRODUCT_FORECAST.name), window),
    )
