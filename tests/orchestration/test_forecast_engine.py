"""Forecasting on a cluster: a real Dask scheduler with worker processes, the bytes of one machine, faults in words."""

import datetime as dt
import hashlib
import operator
import os
from collections.abc import Iterator

import dask
import numpy as np
import pandas as pd
import pytest
from distributed import LocalCluster

from orchestration.resources import forecast_engine
from orchestration.resources.forecast_engine import ClusterMap, task_map
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.settings import Company, read_company, write_company
from stockstrata.errors import InputError, PlanningError
from stockstrata.forecasting import run, workers
from stockstrata.forecasting.engine import POOLED_CODES
from stockstrata.forecasting.run import ForecastResult, forecast_segments
from stockstrata.panel import DemandPanel
from stockstrata.parameters import PlanningParameters

TABLES = ("scores", "champions", "forecasts", "lead_time_demand", "accuracy", "faults", "origins")


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    # A task that ended its worker is not tried again: the tests would wait for three more workers to start.
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as started,
        dask.config.set({"scheduler-address": started.scheduler_address}),
    ):
        yield started


class _Killer:
    """Ends the process that unpickles it, as the system does when memory runs out."""

    def __reduce__(self):
        return os._exit, (1,)


@pytest.fixture(scope="module")
def company() -> tuple[DemandPanel, pd.DataFrame, pd.DataFrame, PlanningParameters]:
    """Sixty series in two pools, each with the models that learn from a whole pool beside the shipped ones."""
    rng = np.random.default_rng(1)
    demand = rng.poisson(rng.uniform(0.3, 20.0, (60, 1)), (60, 60)).astype(float)
    demand[::9, :30] = np.nan
    keys = pd.DataFrame({"item_id": [f"I{i:04d}" for i in range(60)], "location_id": "ALL"})
    panel = DemandPanel(keys, pd.date_range("2020-01-01", periods=60, freq="MS"), demand, "MS")
    supply = keys.assign(
        lead_time_days=np.where(np.arange(60) % 7 == 3, 200.0, 30.0), lead_time_sd_days=2.0, evidence_grade="full"
    )
    parameters = ParameterStore().in_force(dt.date(2025, 1, 1))
    shipped = [row for row in parameters.forecast_pools if row.model_code not in POOLED_CODES]
    added = [
        row.model_copy(update={"model_code": code, "complexity_rank": 20, "min_series_count": 20})
        for row in {row.pool_code: row for row in shipped}.values()
        for code in sorted(POOLED_CODES)
    ]
    pools = parameters.model_copy(update={"forecast_pools": (*shipped, *added)})
    return panel, keys.assign(segment_code=np.where(np.arange(60) % 2, "AX", "A-INT")), supply, pools


def _hashes(found: ForecastResult) -> dict[str, str]:
    tables = {name: getattr(found, name) for name in TABLES} | {
        "levels": found.coherent.forecasts,
        "methods": found.coherent.choices,
    }
    return {
        name: hashlib.sha256(table.to_csv(index=False, float_format="%.17g").encode()).hexdigest()
        for name, table in tables.items()
    }


def test_one_worker_two_workers_and_a_cluster_give_the_same_tables(company, cluster, monkeypatch):
    *inputs, parameters = company
    monkeypatch.setattr(workers, "DEAR_WORK_MILLISECONDS", 0.0)
    monkeypatch.setattr(run, "CHUNK_SERIES", 8)
    groups = inputs[0].keys.assign(family=[f"F{i % 4}" for i in range(60)], region="R")
    alone = forecast_segments(*inputs, parameters=parameters, workers=1, groups=groups)
    assert {lesson.reason_text for lesson in alone.lessons} == {""}
    assert set(alone.scores["model_code"]) >= POOLED_CODES
    assert _hashes(forecast_segments(*inputs, parameters=parameters, workers=2, groups=groups)) == _hashes(alone)
    spread = forecast_segments(*inputs, parameters=parameters, workers=1, task_map=task_map("dask"), groups=groups)
    assert _hashes(spread) == _hashes(alone)


def test_results_come_back_in_the_order_of_the_tasks(cluster):
    tasks = list(range(17))
    assert ClusterMap("dask")(operator.neg, tasks, milliseconds=0.0) == [-task for task in tasks]
    assert ClusterMap("dask")(operator.neg, [], milliseconds=0.0) == []


def test_what_a_task_raises_is_raised_here_with_the_place_it_came_from(cluster):
    with pytest.raises(TypeError, match="bad operand") as raised:
        ClusterMap("dask")(operator.neg, [1, "a"], milliseconds=0.0)
    assert "On a worker of the cluster" in raised.value.__notes__[0]


def test_a_worker_that_dies_is_told(cluster):
    with pytest.raises(PlanningError, match=r"dask did not finish .*KilledWorker.*more memory"):
        ClusterMap("dask")(operator.neg, [1, _Killer()], milliseconds=0.0)


def test_a_worker_with_other_code_is_refused(cluster, monkeypatch):
    monkeypatch.setattr(forecast_engine, "code_version", lambda: "another release")
    with pytest.raises(PlanningError, match="holds other code"):
        ClusterMap("dask")(operator.neg, [1], milliseconds=0.0)


@pytest.mark.parametrize(("engine", "package"), [("ray", "ray"), ("spark", "pyspark")])
def test_an_engine_that_is_not_installed_is_told_with_what_to_install(engine, package, monkeypatch):
    monkeypatch.setattr(forecast_engine, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=rf"forecast_engine is {engine}.*{package} is not installed.*pip install"):
        task_map(engine)


def test_the_engine_is_a_setting_of_the_company_and_absent_where_nothing_was_chosen(tmp_path):
    write_company(tmp_path, Company(forecast_engine="dask"))
    assert read_company(tmp_path).forecast_engine == "dask"
    write_company(tmp_path, Company())
    assert "forecast_engine" not in (tmp_path / "company.yaml").read_text()
    assert read_company(tmp_path).forecast_engine == "local"
    assert task_map("local") is None
    (tmp_path / "company.yaml").write_text("forecast_engine: abacus\n")
    with pytest.raises(InputError, match="abacus"):
        read_company(tmp_path)
