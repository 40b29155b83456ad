"""Folders and settings that are broken: `source.yaml`, links, rights, names."""

import os
from contextlib import contextmanager

import pyarrow as pa
import pytest
from pyarrow import parquet

from data_quality.source import open_source
from data_quality.validation import validate_source
from stockstrata.errors import InputError

YAML = "name: acme\ngrain: day\ncurrency: EUR\n"
LAUGHS = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
BAD_YAML = {
    "missing": (None, "found no such file"),
    "empty": ("", "found an empty file"),
    "a list": ("- name: acme\n- grain: day\n", "found a list; expected keys and values"),
    "plain text": ("acme", "found plain text; expected keys and values"),
    "a number": ("12", "found a single value; expected keys and values"),
    "a billion laughs": (LAUGHS, "found an anchor or alias (& or *)"),
    "an alias of itself": ("a: &a [*a]\n", "found an anchor or alias (& or *)"),
    "a thousand brackets": ("a: " + "[" * 1000 + "]" * 1000, "found values nested too deeply"),
    "too large": (YAML + "docs: " + "x" * 200_000, "found a file above 100,000 bytes"),
    "a tab": ("name: acme\n\tgrain: day\n", "found a fault in line 2, column 1"),
    "an open bracket": ("name: [acme\n", "found a fault in line 2"),
    "a control sign": ("name: a\x07cme\n", "found a fault"),
    "Latin-1": ("name: größe".encode("latin-1"), "found a byte that is not UTF-8 at position 8"),
    "a key twice": (YAML + "grain: week\n", "found key grain twice, in lines 2 and 4"),
    "a key twice inside": (
        YAML + 'csv:\n  decimal: ","\n  decimal: "."\n',
        "found key csv.decimal twice, in lines 5 and 6",
    ),
    "a call": (YAML + "docs: !!python/object/apply:os.getcwd []\n", "found a fault in line 4"),
    "an impossible day": (YAML + "docs: 2024-13-45\n", "source.yaml: found "),
    "an unknown key": (YAML + "currncy: EUR\n", "unknown key currncy in line 4; expected only the keys name, grain"),
    "a slip": (YAML + "unpak: [x]\n", "(did you mean unpack?)"),
    "an unknown setting": (
        YAML + "csv:\n  decimals: x\n",
        "unknown key csv.decimals in line 5; expected only the keys",
    ),
    "a wrong delimiter": (
        YAML + 'csv: {delimiter: "::"}\n',
        "csv.delimiter: '::' in line 4; expected csv.delimiter \",",
    ),
    "a wrong encoding": (
        YAML + "csv: {encoding: ebcdic}\n",
        "csv.encoding: 'ebcdic' in line 4; expected csv.encoding one",
    ),
    "a wrong decimal": (YAML + "csv: {decimal: x}\n", 'expected csv.decimal "." or ","'),
    "a wrong day format": (
        YAML + "csv: {date_format: dd.mm.yy}\n",
        "expected csv.date_format: a format such as dd.mm.yyyy",
    ),
    "signs that are one": (YAML + 'csv: {decimal: ",", thousands: ","}\n', "different signs for decimal and thousands"),
    "settings that are none": (YAML + "csv: windows\n", "csv: 'windows' in line 4"),
    "no limit": (
        YAML + "limits: {seconds: 0}\n",
        "limits.seconds: 0 in line 4; expected limits.seconds: input should be",
    ),
    "a NUL in a path": (YAML + 'data: "a\\0b"\n', "data: 'a\\x00b' in line 4"),
    "a path too long": (YAML + f"data: {'x' * 5000}\n", "File name too long"),
    "unpack without a list": (YAML + "unpack: a.zip\n", "unpack: 'a.zip' in line 4"),
}


@pytest.mark.parametrize(("text", "told"), BAD_YAML.values(), ids=BAD_YAML.keys())
def test_a_bad_source_yaml_is_an_input_error_with_place_and_next_step(write_source, tmp_path, text, told):
    folder = write_source(source_yaml=text, items_csv="item_id\nA\n")
    with pytest.raises(InputError, match=r"acme.*: found .*; expected .*\.$") as caught:
        open_source(folder, variables={}, scratch=tmp_path / "scratch")
    assert told in str(caught.value)


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret.csv", "../secret.csv/", "demand.csv", "gone.csv"])
@pytest.mark.parametrize("name", ["demand.csv", "demand.parquet", "demand.csv.gz"])
def test_a_link_as_an_extract_must_lead_to_a_file_inside(make_source, tmp_path, name, target):
    (tmp_path / "secret.csv").write_text("secret,columns\n1,2\n")
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / name).symlink_to(target)
    with pytest.raises(InputError, match=r"demand.*: found .*; expected .*\.$") as caught:
        validate_source(make_source(demand_csv=None))
    assert "secret," not in str(caught.value)
    assert "root:" not in str(caught.value)


def test_a_link_to_a_file_inside_is_read(make_source, tmp_path):
    folder = tmp_path / "acme" / "2025"
    folder.mkdir(parents=True)
    (folder / "sales.txt").write_text("item_id,demand_date,demand_qty\nA1,2025-01-01,5\n")
    (tmp_path / "acme" / "demand.csv").symlink_to("2025/sales.txt")
    source = make_source(demand_csv=None)
    assert validate_source(source).entities["demand"].accepted_row_count == 1


def test_a_folder_of_a_source_may_be_a_link_itself(write_source, tmp_path):
    (tmp_path / "link").symlink_to(write_source(items_csv="item_id\nA\n"))
    source = open_source(tmp_path / "link", variables={}, scratch=tmp_path / "scratch")
    assert set(source.files) == {"items"}


@pytest.mark.parametrize("name", ["my data", "größe's (1) [x] {y} *", "数据", "a\tb\nc"])
def test_folders_with_odd_names_are_read(write_source, tmp_path, name):
    files = {"demand_csv": "item_id,demand_date,demand_qty\nA1,2025-01-01,5\nA1,x,5\n", "items_csv": "item_id\nA1\n"}
    folder = write_source(**files, suppliers_sql="select 'S' as supplier_id").rename(tmp_path / name)
    parquet.write_table(pa.table({"location_id": ["L1"]}), folder / "locations.parquet")
    found = validate_source(open_source(folder, variables={}, scratch=tmp_path / "scratch")).entities
    assert {entity: result.accepted_row_count for entity, result in found.items()} == {
        "items": 1,
        "locations": 1,
        "suppliers": 1,
        "demand": 1,
    }


def test_a_link_to_a_pipe_does_not_wait_for_ever(make_source, tmp_path):
    folder = tmp_path / "acme"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "demand.csv").symlink_to("pipe")
    with pytest.raises(InputError, match=r"demand\.csv: found no regular file; expected a file with rows\."):
        validate_source(make_source(demand_csv=None))


def test_a_folder_whose_name_is_no_text_is_an_input_error(write_source, tmp_path):
    folder = write_source(items_csv="item_id\nA\n").rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    with pytest.raises(InputError, match="found a name that is not UTF-8; expected one that is"):
        open_source(folder, variables={}, scratch=tmp_path / "scratch")


@contextmanager
def somebody_else():
    """Rights do not bind the superuser, so the superuser becomes nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("name", ["acme", "acme/source.yaml", "acme/demand.csv", "acme/data", "acme/data/items.csv"])
def test_what_may_not_be_read_is_an_input_error(tmp_path_factory, name):
    root = tmp_path_factory.mktemp("rights")
    for above in (root, *root.parents):
        if above.name.startswith(("pytest-", "popen-")):  # the folders of a test run and of its workers
            above.chmod(above.stat().st_mode | 0o055)
    root.chmod(0o755)
    data = root / "acme" / "data"
    data.mkdir(parents=True)
    (root / "acme" / "source.yaml").write_text(YAML + "data: data\n")
    (root / "acme" / "demand.csv").write_text("item_id,demand_date,demand_qty\nA1,2025-01-01,5\n")
    (data / "items.csv").write_text("item_id\nA1\n")
    assert validate_source(open_source(root / "acme", variables={}, scratch=root / "scratch")).entities
    (root / name).chmod(0)
    try:
        with somebody_else(), pytest.raises(InputError, match=r"(?i)permission denied") as caught:
            validate_source(open_source(root / "acme", variables={}, scratch=root / "scratch"))
    finally:
        (root / name).chmod(0o755)
    assert name.rpartition("/")[2] in str(caught.value)
    assert "; expected " in str(caught.value)
