"""The command line with good and bad use: exit codes, messages, nothing half-written."""

import shutil

import duckdb
import pytest


@pytest.fixture
def small_source(tmp_path):
    """A source of one item with 30 monthly buckets, easily spoilt."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "source.yaml").write_text("name: small\ngrain: month\ncurrency: EUR\n", encoding="utf-8")
    (folder / "items.csv").write_text("item_id,unit_cost\nA,2.5\nB,0\nC,1\n", encoding="utf-8")
    months = [f"{year}-{month:02d}-01" for year in (2023, 2024, 2025) for month in range(1, 13)]
    lines = [f"A,{month},{10 + number % 5}" for number, month in enumerate(months)]
    (folder / "demand.csv").write_text("\n".join(["item_id,demand_date,demand_qty", *lines, "B,2025-06-01,3"]) + "\n")
    return folder


def test_check_of_a_clean_source_ends_with_0(cli, tmp_path, small_source):
    outcome = cli(tmp_path / "home", "check", str(small_source))
    assert outcome.code == 0, outcome.output


def test_check_lists_each_violation_and_ends_with_2(cli, tmp_path, small_source):
    with (small_source / "demand.csv").open("a") as file:
        file.write("A,2025-02-30,5\nUNKNOWN,2025-03-01,5\nA,2025-04-01,abc\n")
    outcome = cli(tmp_path / "home", "check", str(small_source))
    assert outcome.code == 2
    for line, column in ((39, "demand_date"), (40, "item_id"), (41, "demand_qty")):
        assert any(f"line {line}" in told and column in told for told in outcome.output.splitlines()), outcome.output
    assert "Traceback" not in outcome.output


def _broken_select(folder):
    (folder / "demand.csv").unlink()
    (folder / "demand.sql").write_text("selec 1")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "items.csv").unlink(), "items"),
        (lambda folder: (folder / "demand.csv").write_text("item_id,demand_date\nA,2025-01-01\n"), "demand_qty"),
        (lambda folder: (folder / "demand.csv").write_text(""), "demand.csv"),
        (lambda folder: (folder / "source.yaml").write_text("name: [oops"), "source.yaml"),
        (_broken_select, "demand.sql"),
    ],
    ids=["missing entity", "missing column", "empty file", "broken yaml", "broken select"],
)
def test_structural_faults_land_nothing_and_end_with_2(cli, tmp_path, small_source, spoil, told):
    spoil(small_source)
    home = tmp_path / "home"
    outcome = cli(home, "run", str(small_source))
    assert outcome.code == 2, outcome.output
    assert told in outcome.output
    assert "Traceback" not in outcome.output
    assert not (home / "landing").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "no-such-source"),
        ("run", "sample", "--from", "soon"),
        ("run",),
        ("frobnicate",),
        ("sample", "--size", "huge"),
    ],
    ids=["no source", "bad day", "no argument", "no command", "bad size"],
)
def test_bad_use_ends_with_2_and_no_traceback(cli, tmp_path, arguments):
    outcome = cli(tmp_path / "home", *arguments)
    assert outcome.code == 2, outcome.output
    assert "Traceback" not in outcome.output


def test_a_bad_parameter_ends_with_2_and_names_file_and_line(cli, tmp_path, small_source):
    parameters = tmp_path / "parameters"
    parameters.mkdir()
    (parameters / "cost_rates.csv").write_text(
        "scope,code,order_cost_amount,holding_cost_rate,cost_to_price_rate,default_unit_cost_amount,"
        "valid_from_date,approved_by,reason\ndefault,*,minus,0.2,0.6,1,1900-01-01,me,try\n"
    )
    outcome = cli(tmp_path / "home", "run", str(small_source), "--parameters", str(parameters))
    assert outcome.code == 2, outcome.output
    assert "cost_rates.csv" in outcome.output
    assert "line 2" in outcome.output


def test_odd_items_are_planned_and_a_correction_leaves_earlier_cut_offs_alone(cli, tmp_path, small_source):
    """One sale, no sale, a price of zero; then a corrected month and the cycle again."""
    home = tmp_path / "home"
    first = cli(home, "run", str(small_source), "--last", "1")
    assert first.code == 0, first.output
    marts = home / "published" / "current" / "marts.duckdb"

    def policies():
        with duckdb.connect(str(marts), read_only=True) as connection:
            return connection.execute("select * exclude (run_id, computed_at) from fct_policy order by all").fetchall()

    def raw_rows():
        with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
            return connection.execute("select count(*) from raw.demand").fetchone()[0]

    planned = policies()
    assert {row[1] for row in planned} >= {"A", "B"}
    rows = raw_rows()
    demand = (small_source / "demand.csv").read_text().replace("A,2025-12-01,10", "A,2025-12-01,900")
    (small_source / "demand.csv").write_text(demand)
    corrected = cli(home, "run", str(small_source), "--last", "1")
    assert corrected.code == 0, corrected.output
    assert "1 changed" in corrected.output
    assert raw_rows() == rows + 1
    assert policies() == planned


def test_a_home_plans_one_company_only(cli, tmp_path, planned, copied):
    other = tmp_path / "other"
    shutil.copytree(planned.source, other)
    (other / "source.yaml").write_text((other / "source.yaml").read_text().replace("name: tiny", "name: other"))
    outcome = cli(copied(), "run", str(other))
    assert outcome.code == 2
    assert "--home" in outcome.output


@pytest.mark.parametrize("command", [("status",), ("run", "sample"), ("sample",)], ids=lambda words: words[0])
def test_a_home_that_is_a_file_ends_with_2_and_says_so(cli, tmp_path, command):
    home = tmp_path / "home"
    home.write_text("no folder")
    outcome = cli(home, *command)
    assert outcome.code == 2, outcome.output
    assert "cannot be used as a home" in outcome.output
    assert "Traceback" not in outcome.output


def test_from_after_to_lands_nothing(cli, tmp_path, small_source):
    outcome = cli(tmp_path / "home", "run", str(small_source), "--from", "2025-10-01", "--to", "2025-01-01")
    assert outcome.code == 2
    assert not (tmp_path / "home" / "landing").exists()
