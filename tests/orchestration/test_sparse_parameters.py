"""A deployment's parameter files may leave columns out; dbt still finds all of them."""

import datetime as dt

import pandas as pd

from orchestration.resources.parameters import SHIPPED_PARAMETERS, ParameterStore

TARGETS = (
    "segment_code,service_measure,service_target,valid_from_date,approved_by,reason\n*,economic,,1900-01-01,p,agreed\n"
)
RATES = (
    "scope,code,holding_cost_per_unit_week,shortage_cost_per_unit,unmet_demand,valid_from_date,approved_by,reason\n"
    "default,*,0.2,1,lost_sale,1900-01-01,p,agreed\n"
)


def test_two_files_in_a_folder_are_enough(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "service_targets.csv").write_text(TARGETS)
    (own / "cost_rates.csv").write_text(RATES)
    store = ParameterStore(folder=str(own))
    found = store.in_force(dt.date(2025, 1, 1))
    assert [row.service_measure for row in found.service_targets] == ["economic"]
    assert found.cost_rates[0].order_cost_amount is None
    assert found.cost_rates[0].shortage_cost_per_unit == 1
    assert len(found.segment_strategies) == 16

    seeds = tmp_path / "seeds"
    store.copy_to(seeds)
    for name in ("cost_rates", "service_targets"):
        shipped = pd.read_csv(SHIPPED_PARAMETERS / f"{name}.csv", dtype=str)
        copied = pd.read_csv(seeds / f"{name}.csv", dtype=str)
        assert set(copied.columns) == set(shipped.columns)
        assert len(copied) == 1
    rates = pd.read_csv(seeds / "cost_rates.csv")
    assert rates.holding_cost_per_unit_week.tolist() == [0.2]
    assert rates.order_cost_amount.isna().all()
    strategies = "segment_strategies.csv"
    assert (seeds / strategies).read_bytes() == (SHIPPED_PARAMETERS / strategies).read_bytes()
    written = (seeds / "cost_rates.csv").stat().st_mtime_ns
    store.copy_to(seeds)
    assert (seeds / "cost_rates.csv").stat().st_mtime_ns == written
    assert (own / "cost_rates.csv").read_text() == RATES
