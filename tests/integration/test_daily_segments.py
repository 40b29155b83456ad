"""The sample company with a segment that is planned by the day, end to end."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from orchestration.resources.settings import PROJECT_ROOT

SEGMENTS = ("AX", "BX", "AY")


@pytest.fixture(scope="module")
def daily(cli, planned, tmp_path_factory) -> Path:
    """Marts of one month of the tiny company, with its steady segments in days."""
    folder = tmp_path_factory.mktemp("daily")
    source, parameters = folder / "source", folder / "parameters"
    source.mkdir()
    parameters.mkdir()
    extract = planned.home / "sample" / "tiny" / "extract"
    (source / "source.yaml").write_text(f"name: tiny\ngrain: day\ncurrency: EUR\ndata: {extract}\n", encoding="utf-8")
    shipped = pd.read_csv(PROJECT_ROOT / "dbt_project/seeds/parameters/segment_strategies.csv", dtype=str)
    shipped.loc[shipped["segment_code"].isin(SEGMENTS), "bucket_type"] = "day"
    shipped.to_csv(parameters / "segment_strategies.csv", index=False)
    home = folder / "home"
    outcome = cli(home, "run", str(source), "--parameters", str(parameters), "--last", "1")
    assert outcome.code == 0, outcome.output
    return home


def rows(home: Path, query: str) -> pd.DataFrame:
    with duckdb.connect(str(home / "published" / "current" / "marts.duckdb"), read_only=True) as connection:
        return connection.execute(query).df()


def test_every_item_location_of_the_segment_is_planned_by_the_day(daily):
    found = rows(
        daily,
        "select segment_code, item_id, location_id, count(day_date) as days, min(day_date) as first, "
        "max(day_date) as last from fct_policy "
        "left join fct_daily_forecast using (period_start_date, item_id, location_id) "
        "where policy_status_code = 'current' group by all order by all",
    )
    is_daily = found["segment_code"].isin(SEGMENTS)
    assert is_daily.sum() > 5
    assert (found.loc[is_daily, "days"] == 91).all()
    assert (found.loc[~is_daily, "days"] == 0).all()
    held = found[is_daily]
    assert ((pd.to_datetime(held["last"]) - pd.to_datetime(held["first"])).dt.days == 90).all()
    told = rows(daily, "select segment_code, bucket_type from dim_segment where segment_code <> 'ALL'")
    assert set(told.loc[told["bucket_type"] == "day", "segment_code"]) == set(SEGMENTS)


def test_days_add_up_to_the_buckets_that_are_planned_with(daily):
    found = rows(
        daily,
        """
        with summed as (
            select period_start_date, item_id, location_id, bucket_start_date,
                sum(mean_qty) as mean_qty, sum(final_qty) as final_qty, count(*) as days
            from fct_daily_forecast group by all
        )
        select summed.days, summed.mean_qty - forecast.mean_qty as statistical,
            summed.final_qty - final.final_qty as final
        from summed
        inner join fct_forecast as forecast using (period_start_date, item_id, location_id, bucket_start_date)
        inner join fct_final_forecast as final using (period_start_date, item_id, location_id, bucket_start_date)
        """,
    )
    assert len(found) > 5 * 13
    assert (found["days"] == 7).all()
    assert found[["statistical", "final"]].abs().to_numpy().max() < 1e-9


def test_the_week_of_the_company_is_found(daily, planned):
    """The share of each weekday in the forecast of all days is near its share in what was sold in the newest year."""
    ahead = rows(
        daily,
        "select isodow(day_date) as day, sum(mean_qty) as qty from fct_daily_forecast group by all order by all",
    )
    with duckdb.connect(str(daily / "warehouse.duckdb"), read_only=True) as connection:
        sold = connection.execute(
            "select isodow(demand_date) as day, sum(demand_qty) as qty from staging.stg_demand "
            "semi join forecast.daily_forecast using (item_id, location_id) "
            "where demand_qty > 0 and demand_date >= date '2025-01-01' group by all order by all"
        ).df()
    share = sold.set_index("day")["qty"] / sold["qty"].sum()
    told = ahead.set_index("day")["qty"] / ahead["qty"].sum()
    shares = pd.concat([share, told], axis=1).fillna(0.0).to_numpy()
    assert np.abs(shares[:, 0] - shares[:, 1]).max() < 0.05
    # The source is not the same every day, so this says something.
    assert np.abs(shares[:, 0] - 1 / 7).max() > 0.02


def test_policies_of_the_segment_are_whole(daily):
    found = rows(
        daily,
        f"select lead_time_demand_qty, reorder_point_qty, safety_stock_qty from fct_policy "
        f"where segment_code in {SEGMENTS} and policy_status_code = 'current'",
    )
    assert np.isfinite(found.to_numpy()).all()
    assert (found >= 0).all(axis=None)
    assert (found["lead_time_demand_qty"] > 0).mean() > 0.5
