"""Broken extracts by way of the command line: what a user reads, what is landed, how the command ends."""

import csv
from pathlib import Path

import pytest

YAML = "name: broken\ngrain: month\ncurrency: EUR\n"
DEMAND = "item_id,demand_date,demand_qty\nA,2025-01-01,5\nA,2025-02-01,6\n"


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "a source"
    folder.mkdir()
    (folder / "source.yaml").write_text(YAML)
    (folder / "items.csv").write_text("item_id\nA\n")
    (folder / "demand.csv").write_text(DEMAND)
    return folder


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (
            {"demand.csv": DEMAND[:-8], "items.csv": "item_id\nÄ\n".encode("latin-1")},
            [
                "items.csv: found a byte that is not UTF-8 in line 2",
                "demand.csv, line 3: found 'A,2025-', where the file ends",
            ],
        ),
        (
            {"demand.csv": None, "demand.sql": "select * from read_csv('/etc/passwd')"},
            ["demand.sql: found a fault (Permission Error: Cannot access file"],
        ),
        ({"source.yaml": "a: &a [x]\nb: [*a, *a]\n"}, ["source.yaml: found an anchor or alias"]),
    ],
    ids=["two broken files", "a forbidden SELECT", "a YAML bomb"],
)
def test_a_blocked_source_lands_nothing_and_tells_all_faults(cli, tmp_path, source, files, told):
    for name, content in files.items():
        if content is None:
            (source / name).unlink()
        else:
            (source / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    outcome = cli(tmp_path / "home", "run", str(source))
    assert outcome.code == 2, outcome.output
    assert "Cannot go on:" in outcome.output
    assert all(fault in outcome.output for fault in told), outcome.output
    assert "Traceback" not in outcome.output
    assert "root:" not in outcome.output
    assert not (tmp_path / "home" / "landing").exists()


def test_check_stays_readable_when_a_whole_column_is_wrong_and_says_where_the_list_is(cli, tmp_path, source):
    lines = [f"A,{day:02d}.01.2025,5" for day in range(1, 29)] * 50
    hostile = '"\x1b[31m\nA",2025-03-01,5'
    (source / "demand.csv").write_text(DEMAND + "\n".join([*lines, hostile, "A,2025-02-30,5"]) + "\n")
    outcome = cli(tmp_path / "home", "check", str(source))
    assert outcome.code == 2, outcome.output
    printed = outcome.output.splitlines()
    assert len(printed) < 15
    (summary,) = [line for line in printed if line.startswith("1,400 rows of demand break demand_date_is_a_date")]
    assert "line 4, column demand_date: found '01.01.2025'" in printed[printed.index(summary) + 1]
    assert "set `csv: {date_format: dd.mm.yyyy}` in source.yaml." in printed[printed.index(summary) + 1]
    assert "line 1406, column demand_date: found '2025-02-30'" in outcome.output
    assert r"line 1404, column item_id: found '\x1b[31m\nA'" in outcome.output
    assert "\x1b" not in outcome.output
    place = printed[-1].removeprefix("Every violation, one a line: ")
    with Path(place).open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    assert len(listed) == 1402
    assert {int(row["row_number"]) for row in listed} == {*range(4, 1405), 1406}
