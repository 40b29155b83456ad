"""The manifest of a cycle: what counts as its input, and what does not; what is kept so that it can be replayed."""

import dataclasses
import datetime as dt
import shutil
from pathlib import Path

import duckdb
import pytest

from data_quality.archives import file_hash
from orchestration.resources.archive import Archive
from orchestration.resources.code import code_hash, packed_code, unpack_code
from orchestration.resources.manifest import PARAMETER_SUFFIX, CycleInputs, CycleManifest
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.seen_files import JUDGED
from orchestration.resources.settings import PROJECT_ROOT, Company
from orchestration.resources.warehouse import Warehouse
from stockstrata.errors import PlanningError

JANUARY, FEBRUARY = dt.date(2024, 1, 1), dt.date(2024, 2, 1)
MARCH = dt.date(2024, 3, 1)


@pytest.fixture
def inputs(small_company, tmp_path):
    """What a cycle of the small company rests on, with parameter files of its own; no cycle was planned yet."""
    with small_company.warehouse.connect() as connection:
        connection.execute("create schema intermediate")
        connection.execute(f"create table {JUDGED} (period_start_date date, entity_name varchar, load_id varchar)")
    folder = tmp_path / "parameters"
    shutil.copytree(PROJECT_ROOT / "dbt_project" / "seeds" / "parameters", folder)
    store = ParameterStore(folder=str(folder))
    warehouse = Warehouse(path=small_company.warehouse.path, parameters_version=store.version())
    company = Company(source_name="small")
    return CycleInputs(warehouse, small_company.landing, store, company, Archive(tmp_path / "archive"), features=())


def objects(manifest: CycleManifest, type_code: str) -> dict[str, str]:
    chosen = manifest.objects[manifest.objects["object_type_code"] == type_code]
    return dict(zip(chosen["object_name"], chosen["content_hash"], strict=True))


def test_every_landing_file_with_known_rows_is_an_input_with_the_hash_of_its_bytes(small_company, inputs):
    load = small_company.land()
    found = objects(inputs.manifest(JANUARY, FEBRUARY), "landing_file")
    # The February demand of the first load was not known at the cut-off; items have no date and always were.
    assert set(found) == {
        f"demand/2024-01-01/{load.load_id}.parquet",
        f"items/2024-02-01/{load.load_id}.parquet",
    }
    for name, content in found.items():
        assert content == file_hash(Path(small_company.landing.folder) / name)


def test_refused_rows_are_an_input_where_the_cycle_judged_their_feed(small_company, inputs):
    small_company.bring({"2024-01-10": 5, "2024-01-11": "many"})
    load = small_company.land()
    file = f"quarantine/{load.load_id}.parquet"
    before = inputs.manifest(JANUARY, FEBRUARY)
    assert file not in objects(before, "landing_file")
    with small_company.warehouse.connect() as connection:
        connection.execute(f"insert into {JUDGED} values (?, 'demand', ?)", [JANUARY, load.load_id])
    after = inputs.manifest(JANUARY, FEBRUARY)
    assert file in objects(after, "landing_file")
    differing = objects(after, "known_rows").items() - objects(before, "known_rows").items()
    assert [name for name, _ in differing] == ["quality.quarantine"]
    assert after.summary["input_hash"].iloc[0] != before.summary["input_hash"].iloc[0]


def test_extract_files_stand_there_with_the_hash_of_their_bytes(small_company, inputs):
    load = small_company.land()
    found = objects(inputs.manifest(JANUARY, FEBRUARY), "extract_file")
    assert found == {
        f"{load.load_id}/{name}: {name}.csv": file_hash(small_company.source / f"{name}.csv")
        for name in ("demand", "items")
    }


def test_a_load_that_the_cycle_cannot_see_changes_nothing(small_company, inputs):
    small_company.land()
    before = inputs.manifest(JANUARY, FEBRUARY)
    # A later month, and a correction of January that nobody knew at the end of January.
    small_company.bring({"2024-01-10": 50, "2024-02-10": 7, "2024-03-10": 9})
    load = small_company.land()
    after = inputs.manifest(JANUARY, FEBRUARY)
    differing = {name for name in before.summary.columns if before.summary[name].iloc[0] != after.summary[name].iloc[0]}
    assert differing == {"newest_load_id"}
    assert after.summary["newest_load_id"].iloc[0] == load.load_id
    assert after.objects.equals(before.objects)


def test_history_that_lands_later_but_was_known_before_is_an_input(small_company, inputs):
    small_company.bring({"2024-01-10": 5})
    small_company.land()
    before = inputs.manifest(FEBRUARY, MARCH)
    small_company.bring({"2024-01-10": 5, "2024-02-10": 7})
    load = small_company.land()
    after = inputs.manifest(FEBRUARY, MARCH)
    new = set(objects(after, "landing_file")) - set(objects(before, "landing_file"))
    assert new == {f"demand/2024-02-01/{load.load_id}.parquet"}
    assert after.summary["input_hash"].iloc[0] != before.summary["input_hash"].iloc[0]
    assert (before.summary["load_count"].iloc[0], after.summary["load_count"].iloc[0]) == (1, 2)


def test_a_retraction_is_an_input_of_the_cycles_after_it_only(small_company, inputs):
    small_company.settings("extract: {kind: full, max_retracted_share: 1}")
    small_company.land()
    before = inputs.manifest(JANUARY, FEBRUARY)
    small_company.bring({"2024-02-10": 7})
    file = f"retracted/demand/{small_company.land().load_id}.parquet"
    assert inputs.manifest(JANUARY, FEBRUARY).objects.equals(before.objects)
    assert file in objects(inputs.manifest(dt.date(2100, 1, 1), dt.date(2100, 2, 1)), "landing_file")


def test_the_environment_and_the_company_stand_there(small_company, inputs):
    small_company.land()
    found = inputs.manifest(JANUARY, FEBRUARY)
    environment = objects(found, "environment")
    assert environment["duckdb"] == duckdb.__version__
    assert {"python", "processor", "pandas", "numpy", "statsforecast", "dbt-core"} <= set(environment)
    assert set(objects(found, "company")) == {"company.yaml"}


def test_another_currency_is_another_input(small_company, inputs):
    small_company.land()
    euro = inputs.manifest(JANUARY, FEBRUARY)
    yen = dataclasses.replace(inputs, company=Company(source_name="small", currency_code="JPY"))
    assert yen.manifest(JANUARY, FEBRUARY).summary["input_hash"].iloc[0] != euro.summary["input_hash"].iloc[0]


def test_parameter_files_are_kept_as_they_were(small_company, inputs):
    small_company.land()
    file = inputs.parameters.files()["cost_rates"]
    then = file.read_bytes()
    digest = objects(inputs.manifest(JANUARY, FEBRUARY), "parameter")["cost_rates.csv"]
    file.write_bytes(then + b"edited in place\n")
    assert inputs.archive.read_checked(digest, PARAMETER_SUFFIX) == then


def test_parameters_that_were_edited_while_the_cycle_ran_stop_it(small_company, inputs):
    small_company.land()
    file = inputs.parameters.files()["cost_rates"]
    file.write_bytes(file.read_bytes() + b"\n")
    with pytest.raises(PlanningError, match="edited while the cycle ran"):
        inputs.manifest(JANUARY, FEBRUARY)


def test_what_was_tampered_with_in_the_archive_is_refused(tmp_path):
    archive = Archive(tmp_path)
    digest = archive.keep(b"then", ".csv")
    (tmp_path / f"{digest}.csv").write_bytes(b"now")
    with pytest.raises(PlanningError, match="not what was kept"):
        archive.read_checked(digest, ".csv")
    (tmp_path / f"{digest}.csv").unlink()
    with pytest.raises(PlanningError, match="is missing"):
        archive.read_checked(digest, ".csv")


def test_packed_code_is_the_code_of_the_hash(tmp_path):
    unpack_code(packed_code(), tmp_path)
    assert code_hash(tmp_path) == code_hash()
    assert (tmp_path / "requirements.lock").read_bytes() == (PROJECT_ROOT / "requirements.lock").read_bytes()
    model = tmp_path / "stockstrata" / "policy.py"
    model.write_text(model.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert code_hash(tmp_path) != code_hash()


def test_parameters_are_no_code(tmp_path):
    unpack_code(packed_code(), tmp_path)
    assert not (tmp_path / "dbt_project" / "seeds" / "parameters").exists()
    # What the models read besides parameters counts, though it is no program either.
    assert (tmp_path / "dbt_project" / "seeds" / "reference" / "capabilities.csv").exists()
