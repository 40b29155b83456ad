"""One poisoned item, supplier or result is left out and keeps its last good policy; all others stand as without it."""

import csv
import shutil
from pathlib import Path

import duckdb
import pytest

DECEMBER = "2025-12-01"
LOCATION = "LOC-01"
JUMPING = "ITM-00024"  # at one location, a line of 90 million
UNREADABLE = "ITM-00010"  # its lines of December are no numbers
OVERPRICED = "ITM-00022"  # a holding cost of thousands of times its value a year makes its policy implausible
MASTERLESS = "ITM-00013"  # its row in items cannot be read any more
SUPPLIER = "SUP-004"  # its row in suppliers cannot be read any more
TABLES = (
    "segmentation.segment_assignment", "policy.lead_time", "forecast.model_score", "forecast.champion",
    "forecast.demand_forecast", "forecast.lead_time_demand", "policy.stock_policy", "policy.order_proposal",
    "marts.fct_policy", "marts.fct_forecast", "marts.fct_order_proposal",
)  # fmt: skip
STAMPS = ("parameters_version", "run_id", "computed_at")
# A stale policy orders too, so a supplier's orders come to more than without it.
SUMS = ("supplier_order_value_amount",)
CHOICES = (
    "forecast.champion", "forecast.champion_register", "forecast.champion_backtest", "forecast.champion_backtest_lag",
    "forecast.hierarchy_choice", "forecast.sensing_choice", "forecast.interval_method", "history.demand_signal_choice",
)  # fmt: skip


class Extract:
    """The files of an extract as rows of text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def rows(self, entity: str) -> list[dict[str, str]]:
        with (self.folder / f"{entity}.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def write(self, entity: str, rows: list[dict[str, str]]) -> None:
        with (self.folder / f"{entity}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def source(self) -> str:
        self.folder.parent.joinpath("source.yaml").write_text(
            f"name: tiny\ngrain: day\ncurrency: EUR\ndata: {self.folder}\n", encoding="utf-8"
        )
        return str(self.folder.parent)


def _extract(planned, folder: Path) -> Extract:
    shutil.copytree(planned.home / "sample" / "tiny" / "extract", folder / "extract")
    # Other forecasts are weighed by how they fared in cycles before, which only one of the homes had.
    (folder / "extract" / "forecast_streams.csv").unlink()
    return Extract(folder / "extract")


def _poison(extract: Extract) -> None:
    lines = extract.rows("demand")
    jumped = False
    for line in lines:
        if line["demand_date"] < DECEMBER:
            continue
        if line["item_id"] == UNREADABLE:
            line["demand_qty"] = "many"
        if line["item_id"] == JUMPING and line["location_id"] == LOCATION and not jumped:
            line["demand_qty"], jumped = "90000000", True
    assert jumped
    extract.write("demand", lines)
    for entity, key, code, column in (
        ("items", "item_id", MASTERLESS, "unit_cost"),
        ("suppliers", "supplier_id", SUPPLIER, "lead_time_days"),
    ):
        rows = extract.rows(entity)
        for row in rows:
            if row[key] == code:
                row[column] = "soon"
            if entity == "items":
                # Known in December, so that the December cycle sees what the second load brings.
                is_overpriced = row["item_id"] == OVERPRICED
                row["known_at"] = "2025-12-15" if is_overpriced else ""
                row["holding_cost_per_unit_year"] = "900000" if is_overpriced else row["holding_cost_per_unit_year"]
        extract.write(entity, rows)


def _take_out(extract: Extract, keys: set[tuple[str, str]]) -> None:
    """Remove all facts of item-locations."""
    for entity in ("demand", "stock", "purchase_orders", "erp_parameters", "stock_movements"):
        rows = [row for row in extract.rows(entity) if (row["item_id"], row["location_id"]) not in keys]
        extract.write(entity, rows)


def _forget_forecasts(home: Path) -> None:
    """Take from the next cycle what the one before chose for its forecasts: one home alone had a cycle before."""
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        for name in CHOICES:
            connection.execute(f"delete from {name}")
    shutil.rmtree(home / "forecast_outcomes")


@pytest.fixture(scope="module")
def poisoned(cli, planned, tmp_path_factory):
    """November planned from a clean extract; December from one with five poisons in it."""
    folder = tmp_path_factory.mktemp("poisoned")
    extract = _extract(planned, folder)
    whole = extract.rows("demand")
    extract.write("demand", [line for line in whole if line["demand_date"] < DECEMBER])
    first = cli(folder / "home", "run", extract.source(), "--last", "1")
    assert first.code == 0, first.output
    _forget_forecasts(folder / "home")
    extract.write("demand", whole)
    _poison(extract)
    second = cli(folder / "home", "run", extract.source(), "--last", "1")
    assert second.code == 0, second.output
    return folder / "home", second


@pytest.fixture(scope="module")
def isolated(poisoned):
    """What the December cycle left out: cause and reason by item-location."""
    rows = _marts(
        poisoned[0],
        "select item_id, location_id, scope_code, cause_code, reason, policy_status_code, "
        f"policy_period_start_date::varchar from fct_isolation where period_start_date = '{DECEMBER}'",
    )
    return {(row[0], row[1]): row[2:] for row in rows}


@pytest.fixture(scope="module")
def clean_home(cli, planned, isolated, tmp_path_factory):
    """December planned from an extract that never held what was left out."""
    folder = tmp_path_factory.mktemp("clean")
    extract = _extract(planned, folder)
    _take_out(extract, set(isolated))
    outcome = cli(folder / "home", "run", extract.source(), "--last", "1")
    assert outcome.code == 0, outcome.output
    return folder / "home"


def _marts(home: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(home / "published" / "current" / "marts.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def _rows(home: Path, table: str) -> list[tuple]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        described = connection.execute(f"describe {table}").fetchall()
        columns = [row[0] for row in described if row[0] not in (*STAMPS, *SUMS)]
        status = " and policy_status_code = 'current'" if "policy_status_code" in columns else ""
        if table.endswith("order_proposal"):
            status = " and reason not like '%The policy is that of%'"
        return connection.execute(
            f"select {', '.join(columns)} from {table} where period_start_date = '{DECEMBER}'{status} order by all"
        ).fetchall()


def test_each_poison_is_found_with_its_cause_and_place(isolated):
    causes = {key: found[:2] for key, found in isolated.items()}
    assert causes[JUMPING, LOCATION] == ("item_location", "demand_jump")
    assert (JUMPING, "LOC-02") not in causes
    assert causes[UNREADABLE, LOCATION] == ("item_location", "refused_rows")
    assert causes[MASTERLESS, LOCATION] == ("item", "refused_master_row")
    assert causes[OVERPRICED, LOCATION] == ("item_location", "implausible_result")
    assert ("supplier", "refused_master_row") in set(causes.values())
    reasons = {key: found[2] for key, found in isolated.items()}
    assert "demand.csv, line" in reasons[UNREADABLE, LOCATION]
    assert "items.csv, line 14, column unit_cost: found 'soon'" in reasons[MASTERLESS, LOCATION]
    assert "demand of 90000027 in the bucket of 2025-12-01" in reasons[JUMPING, LOCATION]
    assert "column holding_cost_rate: found" in reasons[OVERPRICED, LOCATION]


def test_what_is_left_out_keeps_its_last_good_policy_labelled_stale(poisoned, isolated):
    policies = (
        "select item_id, location_id, reorder_point_qty, order_qty, order_up_to_qty, segment_code, lead_time_days, "
        "supplier_id from fct_policy where period_start_date = '{}' order by all"
    )
    keys = {key for key, found in isolated.items() if found[3] == "stale"}
    assert len(keys) >= 8
    before = [row for row in _marts(poisoned[0], policies.format("2025-11-01")) if row[:2] in keys]
    after = [row for row in _marts(poisoned[0], policies.format(DECEMBER)) if row[:2] in keys]
    assert before == after
    assert {found[4] for found in isolated.values() if found[3] == "stale"} == {"2025-11-01"}
    labelled = _marts(
        poisoned[0],
        "select item_id, location_id, isolation_reason <> '', policy_period_start_date::varchar, evidence_grade "
        f"from fct_policy where period_start_date = '{DECEMBER}' and policy_status_code = 'stale' order by all",
    )
    assert {row[:2] for row in labelled} == keys
    assert {row[2:] for row in labelled} <= {(True, "2025-11-01", grade) for grade in ("degraded", "assumed")}


def test_a_stale_policy_still_orders(poisoned):
    stale = _marts(
        poisoned[0],
        f"select reason from fct_order_proposal where period_start_date = '{DECEMBER}' "
        "and reason like '%The policy is%'",
    )
    assert stale
    assert all("The policy is that of the cycle of 2025-11-01, because " in reason for (reason,) in stale)


@pytest.mark.parametrize("table", TABLES)
def test_all_others_are_as_if_it_had_never_been_there(poisoned, clean_home, table):
    expected = _rows(clean_home, table)
    assert len(expected) > 5
    assert _rows(poisoned[0], table) == expected


def test_run_names_what_it_left_out(poisoned, isolated):
    output = poisoned[1].output
    assert "gave implausible results: planning again without them" in output
    assert "keeps its last good policy" in output
    assert f"{len(isolated)} item-locations left out in all" in output
