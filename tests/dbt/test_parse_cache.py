"""What dbt's parser made of the project serves other homes, each with its own parameters, and survives a lost cache."""

import shutil

import pytest

from orchestration.resources import dbt, parse_cache
from orchestration.resources.settings import Company, Settings

NAMES = ("manifest.json", dbt.PARTIAL_PARSE)


@pytest.fixture(autouse=True)
def caches(tmp_path, monkeypatch):
    monkeypatch.setenv("STOCKSTRATA_CACHE", str(tmp_path / "caches"))
    return tmp_path / "caches" / "dbt"


def parsed(folder, text="parsed"):
    folder.mkdir(exist_ok=True)
    for name in NAMES:
        (folder / name).write_text(text)
    return folder


def test_what_was_kept_is_fetched_by_its_fingerprint_alone(tmp_path):
    parse_cache.keep(NAMES, "a", parsed(tmp_path / "one"))
    (tmp_path / "other").mkdir()
    assert not parse_cache.fetch(NAMES, "b", tmp_path / "other")
    assert parse_cache.fetch(NAMES, "a", tmp_path / "other")
    assert [(tmp_path / "other" / name).read_text() for name in NAMES] == ["parsed", "parsed"]


def test_the_states_that_were_fetched_last_are_kept(tmp_path, caches):
    for number in range(6):
        parse_cache.keep(NAMES, f"state-{number}", parsed(tmp_path / "one"))
        assert parse_cache.fetch(NAMES, "state-0", tmp_path / "one")
    held = {state.name for state in caches.iterdir()}
    assert len(held) == 4
    assert {"state-0", "state-5"} <= held


def test_without_a_folder_to_write_to_nothing_is_kept_and_nothing_fails(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("STOCKSTRATA_CACHE", str(tmp_path / "file"))
    parse_cache.keep(NAMES, "a", parsed(tmp_path / "one"))
    assert not parse_cache.fetch(NAMES, "a", tmp_path / "one")


def test_a_half_written_state_is_not_fetched(tmp_path, caches):
    parse_cache.keep(NAMES, "a", parsed(tmp_path / "one"))
    (caches / "a" / NAMES[1]).unlink()
    assert not parse_cache.fetch(NAMES, "a", tmp_path / "one")


def test_what_is_added_comes_along_and_a_shorter_file_takes_no_place(tmp_path):
    parse_cache.keep(NAMES, "a", parsed(tmp_path / "one"))
    (tmp_path / "other").mkdir()
    for text in ("long", "longer still", "short"):
        (tmp_path / "lineage.json").write_text(text)
        parse_cache.add(tmp_path / "lineage.json", "a")
    parse_cache.add(tmp_path / "lineage.json", "never kept")
    assert parse_cache.fetch(NAMES, "a", tmp_path / "other")
    assert (tmp_path / "other" / "lineage.json").read_text() == "longer still"
    assert not parse_cache.fetch(NAMES, "never kept", tmp_path / "other")


def test_a_second_home_is_not_parsed_again(tmp_path, monkeypatch, parsed_project):
    settings = [Settings(home=tmp_path / name, real_data=tmp_path, company=Company()) for name in ("one", "two")]
    calls = []
    monkeypatch.setattr(dbt, "_parse", lambda home: calls.append(home) or shutil.copytree(
        parsed_project, home.dbt_target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.fingerprint")
    ))  # fmt: skip
    first, second = (dbt.prepare_manifest(home) for home in settings)
    assert first.read_bytes() == second.read_bytes()
    assert dbt.prepare_manifest(settings[1]) == second
    assert calls == [settings[0]]
