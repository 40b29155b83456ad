import io
import tarfile
import zipfile

import pytest

from data_quality.source import open_source
from stockstrata.errors import InputError

YAML = "name: acme\ngrain: day\ncurrency: EUR\n"


def opened(folder, tmp_path, **variables):
    return open_source(folder, variables=variables, scratch=tmp_path / "scratch")


def test_a_plain_source_opens(write_source, tmp_path):
    source = opened(write_source(items_csv="item_id\nA\n", stock_movements_csv="x\n"), tmp_path)
    assert (source.name, source.grain, source.currency, source.period) == ("acme", "day", "EUR", "month")
    assert set(source.files) == {"items", "stock_movements"}
    assert source.data_folder == source.folder


def test_missing_folder_and_missing_yaml(write_source, tmp_path):
    with pytest.raises(InputError, match=r"nowhere.*found nothing.*expected a folder"):
        opened(tmp_path / "nowhere", tmp_path)
    with pytest.raises(InputError, match=r"source\.yaml: found no such file"):
        opened(write_source(source_yaml=None), tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (YAML + "colour: red\n", "unknown key colour"),
        ("name: acme\ngrain: day\n", "no key currency"),
        ("name: acme\ngrain: year\ncurrency: EUR\n", "grain: 'year'"),
        ("name: acme\ngrain: day\ncurrency: euro\n", "three capitals"),
        ("name: ../x\ngrain: day\ncurrency: EUR\n", "letters, digits"),
        (YAML.replace("day", "month") + "period: week\n", "period week with grain month"),
        (YAML + "data: &a here\ndocs: *a\n", "anchor or alias"),
        ("a: &x [1]\nb: [*x, *x]\n", "anchor or alias"),
        (YAML + "name: other\n", "key name twice"),
        ("name: [unclosed\n", "a fault in line"),
        ("just words\n", "found plain text"),
        ("", "an empty file"),
        (b"name: \xff\xfe\n", "not UTF-8"),
        ("[" * 50000, "nested too deeply"),
        (YAML + "docs: !!python/object/apply:os.system [echo]\n", "source.yaml"),
    ],
)
def test_a_bad_yaml_is_named_with_what_is_wrong(write_source, tmp_path, text, message):
    with pytest.raises(InputError, match=r"source\.yaml") as caught:
        opened(write_source(source_yaml=text), tmp_path)
    assert message in str(caught.value)
    assert "expected" in str(caught.value)


def test_data_folder_comes_from_the_variables_given(write_source, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "items.csv").write_text("item_id\nA\n")
    (tmp_path / "real" / "whatever.csv").write_text("x\n")
    folder = write_source(source_yaml=YAML + "data: ${STOCKSTRATA_REAL_DATA}\n")
    source = opened(folder, tmp_path, STOCKSTRATA_REAL_DATA=str(tmp_path / "real"))
    assert source.files == {"items": tmp_path / "real" / "items.csv"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("${STOCKSTRATA_REAL_DATA}/x", "STOCKSTRATA_REAL_DATA is not set"),
        ("${STOCKSTRATA_HOME}/sample", "stockstrata sample"),
        ("${HOME}/x", "no variables but"),
        ("elsewhere", "no folder"),
    ],
)
def test_a_missing_data_folder_says_the_next_step(write_source, tmp_path, data, message):
    folder = write_source(source_yaml=YAML + f"data: {data}\n")
    with pytest.raises(InputError, match="data: ") as caught:
        opened(folder, tmp_path, STOCKSTRATA_HOME=str(tmp_path / "home"))
    assert message in str(caught.value)


def test_missing_real_data_names_the_variable(write_source, tmp_path):
    folder = write_source(source_yaml=YAML + "data: ${STOCKSTRATA_REAL_DATA}/absent\n")
    with pytest.raises(InputError, match="Set STOCKSTRATA_REAL_DATA"):
        opened(folder, tmp_path, STOCKSTRATA_REAL_DATA=str(tmp_path))


def test_an_unknown_entity_is_refused_in_the_source_folder(write_source, tmp_path):
    with pytest.raises(InputError, match=r"item\.csv: found an entity named item; expected one of .*items"):
        opened(write_source(item_csv="item_id\n"), tmp_path)


def test_two_files_for_one_entity_are_refused(write_source, tmp_path):
    with pytest.raises(InputError, match="2 files for items"):
        opened(write_source(items_csv="item_id\n", items_sql="select 1"), tmp_path)


def test_the_source_folder_goes_before_the_data_folder(write_source, tmp_path):
    folder = write_source(source_yaml=YAML + "data: extracts\n", items_sql="select 'A' as item_id")
    (folder / "extracts").mkdir()
    (folder / "extracts" / "items.csv").write_text("item_id\n")
    assert opened(folder, tmp_path).files["items"].name == "items.sql"


def tar_of(name, data=b"x\n", link=None):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as archive:
        member = tarfile.TarInfo(name)
        if link:
            member.type, member.linkname = tarfile.SYMTYPE, link
            archive.addfile(member)
        else:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def test_archives_are_unpacked_once(write_source, tmp_path):
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("b.csv", "y\n")
    folder = write_source(source_yaml=YAML + "unpack: [a.tar.xz, b.zip]\n")
    (folder / "a.tar.xz").write_bytes(tar_of("days/a.csv"))
    (folder / "b.zip").write_bytes(zipped.getvalue())
    first = opened(folder, tmp_path)
    assert (first.unpacked_folder / "days" / "a.csv").read_text() == "x\n"
    assert (first.unpacked_folder / "b.csv").read_text() == "y\n"
    (first.unpacked_folder / "kept").touch()
    assert (opened(folder, tmp_path).unpacked_folder / "kept").exists()
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == [first.unpacked_folder.name]


@pytest.mark.parametrize(
    "data", [tar_of("../evil.csv"), tar_of("link", link="/etc/passwd"), b"no archive", tar_of("a.csv")[:60], b""]
)
def test_a_bad_archive_is_an_input_error(write_source, tmp_path, data):
    folder = write_source(source_yaml=YAML + "unpack: [a.tar.xz]\n")
    (folder / "a.tar.xz").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.tar\.xz"):
        opened(folder, tmp_path)
    assert not (tmp_path / "evil.csv").exists()
    assert list((tmp_path / "scratch").glob("*")) == []


@pytest.mark.parametrize("name", ["absent.zip", "../../outside.zip"])
def test_an_archive_must_lie_in_the_data_folder(write_source, tmp_path, name):
    (tmp_path.parent / "outside.zip").write_bytes(b"")
    with pytest.raises(InputError, match="no such file in the data folder"):
        opened(write_source(source_yaml=YAML + f"unpack: [{name}]\n"), tmp_path)
