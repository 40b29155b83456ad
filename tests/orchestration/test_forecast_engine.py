"""Forecasting on a cluster: a real Dask scheduler with worker processes, the bytes of one machine, faults in words."""

import operator
import os
from collections.abc import Iterator

import dask
import pytest
from distributed import LocalCluster

from orchestration.resources import forecast_engine
from orchestration.resources.forecast_engine import ClusterMap, task_map
from orchestration.resources.settings import Company, read_company, write_company
from stockstrata.errors import InputError, PlanningError

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
