"""The files of a sample company: made in parts, yet one file an entity, and the same bytes for the same seed."""

import dataclasses

import pyarrow.parquet as pq
import pytest

from orchestration.sample_files import write_sample
from stockstrata.sample.company import generate_divisions
from stockstrata.sample.sizes import SCALES


@pytest.fixture
def two_divisions(monkeypatch):
    scale = dataclasses.replace(SCALES["large"], item_count=60, campaign_count=4, division_item_count=30)
    monkeypatch.setitem(SCALES, "large", scale)
    return scale


def test_a_large_company_is_written_division_by_division(two_divisions, tmp_path) -> None:
    extract = write_sample(tmp_path / "large", "large", 4)
    parts = [part.extract for part in generate_divisions(two_divisions, seed=4)]
    demand = pq.ParquetFile(extract / "demand.parquet")
    assert [demand.metadata.row_group(place).num_rows for place in range(2)] == [len(part["demand"]) for part in parts]
    assert pq.read_table(extract / "suppliers.parquet").num_rows == len(parts[0]["suppliers"])
    assert pq.read_table(extract / "items.parquet")["item_id"].to_pylist() == [
        f"ITM-{number:05d}" for number in range(1, 61)
    ]


def test_same_seed_gives_the_same_files(two_divisions, tmp_path) -> None:
    one, other = write_sample(tmp_path / "one", "large", 4), write_sample(tmp_path / "other", "large", 4)
    files = {file.name: file.read_bytes() for file in one.iterdir()}
    assert files == {file.name: file.read_bytes() for file in other.iterdir()}


def test_a_company_of_another_number_of_items_is_promoted_as_often(two_divisions, tmp_path) -> None:
    extract = write_sample(tmp_path / "large", "large", 4, item_count=30)
    assert pq.read_table(extract / "items.parquet").num_rows == 30
    promotions = pq.read_table(extract / "promotions.parquet")["promotion_id"].to_pylist()
    assert len(set(promotions)) == 3  # two campaigns of the history, one still to come
