"""A source in a temporary folder, made from the text of its files."""

import pytest

from data_quality.source import open_source

ITEMS = "item_id,name\nA1,one\nA2,two\n"
DEMAND = "item_id,demand_date,demand_qty,order_id,line\nA1,2024-01-01,5,O1,1\n"


@pytest.fixture
def write_source(tmp_path):
    """Write a source's files (text or bytes by name) and return its folder."""

    def write(**files):
        folder = tmp_path / "acme"
        folder.mkdir(exist_ok=True)
        content = {"source_yaml": "name: acme\ngrain: day\ncurrency: EUR\n"} | files
        for name, text in content.items():
            if text is not None:
                # `demand_csv_gz` stands for the file demand.csv.gz; entities keep their own underscore.
                for ending in ("_yaml", "_csv", "_parquet", "_sql", "_gz"):
                    name = name.replace(ending, ending.replace("_", "."))
                (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder

    return write


@pytest.fixture
def make_source(write_source, tmp_path):
    """Write a source's files and open it; items and demand are there unless given otherwise."""

    def make(**files):
        entities = {"items_csv": ITEMS, "demand_csv": DEMAND}
        given = {name.rsplit("_", 1)[0] for name in files}
        kept = {name: text for name, text in entities.items() if name.rsplit("_", 1)[0] not in given}
        folder = write_source(**kept, **files)
        return open_source(folder, variables={}, scratch=tmp_path / "scratch")

    return make
