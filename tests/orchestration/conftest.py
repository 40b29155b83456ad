"""A home of its own for the code location, which reads its settings when it is imported; sources made by hand."""

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

# Before any import of orchestration.partitions: the settings are read there, once a process.
assert "orchestration.partitions" not in sys.modules
HOME = Path(tempfile.mkdtemp(prefix="stockstrata-")).resolve() / "home"
atexit.register(shutil.rmtree, HOME.parent, ignore_errors=True)
(HOME / "dagster").mkdir(parents=True)
os.environ["STOCKSTRATA_HOME"] = str(HOME)
os.environ["DAGSTER_HOME"] = str(HOME / "dagster")
(HOME / "company.yaml").write_text(
    f"source_name: small\nsource_folder: {HOME.parent / 'source'}\nfirst_period_date: 2024-01-01\n", encoding="utf-8"
)

import dagster as dg  # noqa: E402
import pytest  # noqa: E402

from orchestration.resources.landing import Landing  # noqa: E402
from orchestration.resources.warehouse import Warehouse  # noqa: E402

DEMAND = {"2024-01-10": 5, "2024-02-10": 7}


@pytest.fixture(scope="session")
def definitions() -> dg.Definitions:
    """The definitions of the code location, for a company that plans months from 2024-01 on."""
    from orchestration.definitions import defs

    return defs


@pytest.fixture(scope="session")
def planned_instance(planned) -> Iterator[dg.DagsterInstance]:
    """Dagster's own record of the planned company's runs."""
    with dg.DagsterInstance.from_config(str(planned.home / "dagster")) as instance:
        yield instance


class SmallCompany:
    """A source of a few lines, its landing and its warehouse, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "source"
        self.source.mkdir(parents=True, exist_ok=True)
        self.settings()
        self.bring_items("A,2.5")
        self.warehouse = Warehouse(path=str(folder / "warehouse.duckdb"))
        self.landing = Landing(
            folder=str(folder / "landing"),
            source_folder=str(self.source),
            scratch=str(folder / "unpacked"),
            period_type="month",
            variables={},
            warehouse_path=self.warehouse.path,
        )

    def settings(self, *lines: str) -> None:
        """Write source.yaml, with some lines more."""
        text = "\n".join(["name: small", "grain: day", "currency: EUR", *lines]) + "\n"
        (self.source / "source.yaml").write_text(text, encoding="utf-8")

    def bring_items(self, *lines: str) -> None:
        (self.source / "items.csv").write_text("\n".join(["item_id,unit_cost", *lines]) + "\n", encoding="utf-8")

    def bring(self, demand: dict[str, float], known_at: dict[str, str] | None = None) -> None:
        """Write the demand of item A: quantity by day, and by day when it was known where the source tells."""
        header, lines = "item_id,demand_date,demand_qty", [f"A,{day},{qty}" for day, qty in demand.items()]
        if known_at is not None:
            header += ",known_at"
            lines = [f"{line},{known_at.get(day, '')}" for line, day in zip(lines, demand, strict=True)]
        (self.source / "demand.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")

    def land(self):
        return self.landing.land(self.warehouse)

    def demand(self) -> list[tuple]:
        """Every version: day, quantity, known from, known to, late."""
        with self.warehouse.connect(read_only=True) as connection:
            return connection.execute(
                "select demand_date::varchar, demand_qty, known_from_at::varchar, known_to_at::varchar, is_late_row "
                "from raw.demand order by demand_date, known_from_at, load_id"
            ).fetchall()


@pytest.fixture(scope="session")
def company_in() -> Callable[[Path], SmallCompany]:
    """Makes a small company in a folder, for tests that need several."""
    return SmallCompany


@pytest.fixture
def small_company(tmp_path) -> SmallCompany:
    """A source with two months of demand of one item, not landed yet."""
    company = SmallCompany(tmp_path)
    company.bring(DEMAND)
    return company


@pytest.fixture
def clock(monkeypatch) -> Callable[[str], None]:
    """Sets the clock that landing reads."""
    import datetime as dt
    from types import SimpleNamespace

    from orchestration.resources import landing

    def show(moment: str) -> None:
        class Frozen(dt.datetime):
            @classmethod
            def now(cls, tz=None):
                return dt.datetime.fromisoformat(moment).replace(tzinfo=tz)

        monkeypatch.setattr(landing, "dt", SimpleNamespace(datetime=Frozen, date=dt.date, UTC=dt.UTC))

    return show
