"""Values as broken extracts have them: each row is set aside with line, column, found, expected and what to do."""

import pytest

from data_quality.problems import BlockedSource
from data_quality.source import open_source
from data_quality.validation import validate_source

# Column, text in the file, clause that it breaks, next step.
NUMBERS = [
    ("1,5", 'Write it as in 12.5, or set `csv: {decimal: ","}` in source.yaml.'),
    ("1.234,5", 'set `csv: {decimal: ",", thousands: "."}` in source.yaml.'),
    ("1,234.5", 'set `csv: {thousands: ","}` in source.yaml.'),
    ("1,234", '`csv: {decimal: ","}` or `csv: {thousands: ","}` in source.yaml, whichever it stands for.'),
    ("1 234", 'set `csv: {thousands: " "}` in source.yaml.'),
    ("1'234.5", """set `csv: {thousands: "'"}` in source.yaml."""),
    ("5-", "Write the sign in front, as in -5."),
    ("(5)", "Write the sign in front, as in -5."),
    ("\u22125", "Write the sign in front, as in -5."),
    ("12 pcs", "Write the number alone, without unit, currency or words."),
    ("NaN", "Leave the value empty where there is none."),
    ("Inf", "Leave the value empty where there is none."),
    ("#VALUE!", "Leave the value empty where there is none."),
    ("1e400", "Mend it in the system it comes from."),
]
DAYS = [
    ("45678", "It may be a day number of Excel, for 2025-01-21: format the column as YYYY-MM-DD before saving."),
    ("1.1.2025", "Write it as 2025-01-01, or set `csv: {date_format: dd.mm.yyyy}` in source.yaml."),
    ("31.12.2025", "Write it as 2025-12-31, or set `csv: {date_format: dd.mm.yyyy}` in source.yaml."),
    ("12/31/2025", "Write it as 2025-12-31, or set `csv: {date_format: mm/dd/yyyy}` in source.yaml."),
    ("31/12/2025", "Write it as 2025-12-31, or set `csv: {date_format: dd/mm/yyyy}` in source.yaml."),
    ("1/2/2025", "`csv: {date_format: dd/mm/yyyy}` or `csv: {date_format: mm/dd/yyyy}` in source.yaml."),
    ("20250131", "Write it as 2025-01-31, or set `csv: {date_format: yyyymmdd}` in source.yaml."),
    ("2025-1-31", "Write the day as YYYY-MM-DD."),
    ("2025-01", "Give the first day of the month, 2025-01-01."),
    ("2020-W53", "Write it as 2020-12-28, or set `csv: {date_format: yyyy-Www}` in source.yaml."),
    ("2021-W53", "Write the Monday of the week, as YYYY-MM-DD."),
    ("202053", "the first day of the month or week as YYYY-MM-DD, or set `csv: {date_format: yyyyww}`"),
    ("0001-01-01", "That year stands for a slip, or for no day at all."),
    ("9999-12-31", "That year stands for a slip, or for no day at all."),
    ("2025-02-31", "There is no such day."),
    ("2025-01-31 23:30", "a time or an offset may belong to the day beside it."),
    ("2025-01-31T00:00:00+02:00", "a time or an offset may belong to the day beside it."),
    ("never", "Write the day as YYYY-MM-DD."),
]
BOUNDS = [
    ("demand", "demand_qty", "1e15", "demand_qty_is_at_most_1000000000", "Mend it in the system it comes from."),
    ("demand", "demand_qty", "-1e15", "demand_qty_is_at_least_minus_1000000000", "Mend it in the system"),
    ("demand", "demand_date", "1900-01-01", "demand_date_is_from_1980_01_01_on", "Mend it in the system"),
    ("stock", "on_hand_qty", "-3", "on_hand_qty_is_at_least_0", "Book what is missing, mostly a receipt"),
    ("stock", "allocated_qty", "1e15", "allocated_qty_is_at_most_1000000000", "Mend it in the system"),
    ("demand", "item_id", "", "item_id_is_present", "Fill it in, or leave the row out of the extract."),
    ("demand", "item_id", "B7", "item_id_is_known_in_items", "Bring its row in items, or mend the code."),
    ("demand", "item_id", "a1", "item_id_is_known_in_items", "items has 'A1', which differs in letter case, blanks"),
    ("demand", "item_id", "A 1", "item_id_is_known_in_items", "items has 'A1', which differs in letter case, blanks"),
    ("demand", "item_id", "A\u200b1", "item_id_is_known_in_items", "items has 'A1', which differs in letter case"),
    ("demand", "item_id", "7", "item_id_is_known_in_items", "items has '007', which differs in letter case, blanks"),
    ("demand", "item_id", "007.0", "item_id_is_known_in_items", "items has '007', which differs in letter case"),
    ("demand", "item_id", "4.00638E+12", "item_id_is_known_in_items", "format codes as text before saving."),
    ("demand", "location_id", "L9", "location_id_is_known_in_locations", "Bring its row in locations"),
    ("demand", "location_id", "l1", "location_id_is_known_in_locations", "locations has 'L1', which differs in letter"),
    ("stock", "location_id", "all", "location_id_is_known_in_locations", "locations has 'ALL', which differs"),
    ("demand", "shipped_date", "soon", "shipped_date_is_a_date", "Where there is none, leave it empty."),
    ("demand", "is_return", "maybe", "is_return_is_true_or_false", "Write one of these. Where there is none, leave"),
    ("demand", "known_at", "10:00", "known_at_is_a_timestamp", "with its offset as in 2024-01-31 10:00:00+02:00"),
]
CASES = (
    [("demand", "demand_qty", text, "demand_qty_is_a_number", told) for text, told in NUMBERS]
    + [("demand", "demand_date", text, "demand_date_is_a_date", told) for text, told in DAYS]
    + BOUNDS
)
SOUND = {
    "demand": {
        "item_id": "A1",
        "demand_date": "2025-01-31",
        "demand_qty": "5",
        "order_id": "O",
        "line": "",
        "location_id": "",
        "shipped_date": "",
        "is_return": "",
        "known_at": "",
    },
    "stock": {"item_id": "A1", "stock_date": "", "on_hand_qty": "1", "allocated_qty": "", "location_id": ""},
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """One source in which every case is a line of its own, after a sound one; the validation and the lines."""
    folder = tmp_path_factory.mktemp("values") / "acme"
    folder.mkdir()
    (folder / "source.yaml").write_text("name: acme\ngrain: day\ncurrency: EUR\n")
    (folder / "items.csv").write_text("item_id\nA1\n007\n")
    (folder / "locations.csv").write_text("location_id\nL1\n")
    lines = {}
    for entity, sound in SOUND.items():
        rows = [sound | {"line": "0"} if entity == "demand" else sound | {"stock_date": "2025-01-01"}]
        for case in [case for case in CASES if case[0] == entity]:
            _, column, text, _, _ = case
            own = {"line": str(len(rows))} if entity == "demand" else {"stock_date": f"2025-02-{len(rows):02d}"}
            rows.append(sound | own | {column: text})
            lines[case] = len(rows) + 1
        text = "\n".join(",".join(f'"{row[name]}"' for name in sound) for row in rows)
        (folder / f"{entity}.csv").write_text(",".join(sound) + "\n" + text + "\n", encoding="utf-8")
    found = validate_source(open_source(folder, variables={}, scratch=folder.parent / "scratch"))
    return found, lines


@pytest.mark.parametrize("case", CASES, ids=[f"{case[1]} {case[2]!r}" for case in CASES])
def test_the_row_is_set_aside_with_its_line_and_the_next_step(judged, case):
    found, lines = judged
    entity, column, text, clause, told = case
    rows = found.entities[entity].quarantine
    (violation,) = rows[rows["row_number"] == lines[case]].to_dict("records")
    assert violation["clause_name"] == clause
    assert violation["column_name"] == column
    assert violation["reason"].startswith(f"{entity}.csv, line {lines[case]}, column {column}: found ")
    assert (f"found '{text}', expected " if text else "found nothing, expected ") in violation["reason"]
    assert told in violation["reason"]
    assert violation["reason"].endswith((".", ".yaml"))


def test_the_run_goes_on_for_the_good_rows_and_every_row_is_accounted_for(judged):
    found, lines = judged
    for entity in SOUND:
        result = found.entities[entity]
        assert result.accepted.column("row_number").to_pylist() == [2]
        assert result.quarantined_row_count == sum(case[0] == entity for case in lines)
        assert result.landed_row_count == result.accepted_row_count + result.quarantined_row_count


def test_codes_that_differ_only_in_case_or_blanks_are_kept_apart_and_both_are_named(make_source):
    source = make_source(
        items_csv="item_id,name\nAB1,x\nab1,y\nAB 1,z\nOther,w\n",
        demand_csv="item_id,demand_date,demand_qty\nAB1,2025-01-01,1\nab1,2025-01-01,2\n",
    )
    found = validate_source(source)
    assert found.entities["demand"].accepted.column("item_id").to_pylist() == ["AB1", "ab1"]
    items = found.entities["items"]
    assert items.accepted_row_count == 4
    assert set(items.warnings["clause_name"]) == {"item_id_has_no_look_alike"}
    reasons = dict(zip(items.warnings["row_number"], items.warnings["reason"], strict=True))
    assert set(reasons) == {2, 3, 4}
    assert reasons[3].startswith("items.csv, line 3, column item_id: found 'ab1', expected codes that differ in more")
    assert "there is also 'AB 1', 'AB1'" in reasons[3]
    assert reasons[3].endswith("If they mean the same, use one code in all extracts; they count as different items.")


def test_stamps_with_an_offset_come_out_in_utc_and_never_move_a_day(make_source):
    text = "item_id,demand_date,demand_qty,known_at\n"
    text += "A1,2025-01-01,1,2025-02-01T00:30:00+02:00\n"
    text += "A1,2025-01-02T00:00:00Z,1,2025-02-01 10:00\n"
    text += "A1,2025-01-03T00:00:00+01:00,1,\n"
    found = validate_source(make_source(demand_csv=text)).entities["demand"]
    rows = found.accepted.to_pylist()
    assert [str(row["known_at"]) for row in rows] == ["2025-01-31 22:30:00", "2025-02-01 10:00:00"]
    assert [str(row["demand_date"]) for row in rows] == ["2025-01-01", "2025-01-02"]
    assert found.quarantine["row_number"].tolist() == [4]


def test_a_column_that_is_wrong_throughout_blocks_and_is_told_once_with_its_count_and_setting(make_source):
    rows = [f"A1,{day:02d}.{month:02d}.2025,1" for month in range(1, 13) for day in range(1, 29)]
    source = make_source(demand_csv="item_id,demand_date,demand_qty\n" + "\n".join([*rows, "A1,31.2.2025,1"]) + "\n")
    with pytest.raises(BlockedSource, match="none of which keeps the contract of demand") as caught:
        validate_source(source)
    assert "first of all 337 such as demand.csv, line 2, column demand_date: found '01.01.2025'" in str(caught.value)
    assert "set `csv: {date_format: dd.mm.yyyy}` in source.yaml." in str(caught.value)
    assert str(caught.value).count("demand.csv, line") == 1


def test_mixed_day_formats_are_told_apart(make_source):
    text = "item_id,demand_date,demand_qty\nA1,2025-01-01,1\nA1,02.01.2025,1\nA1,2025/01/03,1\nA1,45678,1\n"
    found = validate_source(make_source(demand_csv=text)).entities["demand"]
    assert found.accepted_row_count == 1
    told = found.quarantine["reason"].tolist()
    assert ["dd.mm.yyyy" in told[0], "yyyy/mm/dd" in told[1], "Excel" in told[2]] == [True, True, True]
