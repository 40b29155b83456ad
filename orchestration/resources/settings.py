"""Settings: one typed class, read once from the environment and from the company file in the home folder."""

import datetime as dt
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stockstrata.errors import InputError

PROJECT_ROOT = Path(__file__).resolve().parents[2]
COMPANY_FILE = "company.yaml"

EngineCode = Literal["local", "dask", "ray", "spark"]
"""Where models are fitted: on this machine, or on a cluster (docs/runbook.md)."""


class Company(BaseModel):
    """What a home plans: written by the first run, read by every later one and by Dagster."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source_name: str = "sample"
    source_folder: Path = PROJECT_ROOT / "sources" / "sample"
    period_type: Literal["month", "week"] = "month"
    grain: Literal["day", "week", "month"] = "day"
    currency_code: str = "EUR"
    first_period_date: dt.date = dt.date(2000, 1, 1)
    parameters_folder: Path | None = None
    forecast_engine: EngineCode = "local"

    @property
    def bucket_type(self) -> Literal["week", "month"]:
        """Demand bucket: a week, or a month where facts are no finer."""
        return "month" if self.grain == "month" else "week"


class Settings(BaseModel):
    """Where things stand. Everything that a run writes is below `home`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path
    real_data: Path
    company: Company
    worker_count: int = Field(default=os.cpu_count() or 1, ge=1)

    @property
    def warehouse_file(self) -> Path:
        """The DuckDB file that only `Warehouse` opens."""
        return self.home / "warehouse.duckdb"

    @property
    def landing(self) -> Path:
        """Loads as Parquet: the truth that the warehouse is a projection of."""
        return self.home / "landing"

    @property
    def archive(self) -> Path:
        """What cycles read besides landing, kept for replays: parameter files, company settings, code."""
        return self.home / "archive"

    @property
    def forecast_outcomes(self) -> Path:
        """Outcomes of the newest forecast cycles by series, for runs after corrections; may be deleted."""
        return self.home / "forecast_outcomes"

    @property
    def published(self) -> Path:
        """Snapshots for readers; `current` points at the one in force."""
        return self.home / "published"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own storage."""
        return self.home / "dagster"

    @property
    def dbt_target(self) -> Path:
        """Artefacts and logs of dbt."""
        return self.home / "dbt" / "target"

    @property
    def dbt_project(self) -> Path:
        """The dbt project as the home runs it: the shipped models with the parameters in force as its seeds."""
        return self.home / "dbt" / "project"

    @property
    def source_variables(self) -> dict[str, str]:
        """What a source.yaml may refer to as ${NAME}."""
        return {"STOCKSTRATA_HOME": str(self.home), "STOCKSTRATA_REAL_DATA": str(self.real_data)}


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Args:
        environment: variables to read instead of the process's own: `STOCKSTRATA_HOME` (default: `home` in the
            project), `STOCKSTRATA_REAL_DATA` (default: `shared/data` beside the project) and `STOCKSTRATA_WORKERS`
            (threads and processes to work with; default: the processor's cores; it changes no number).

    Raises:
        InputError: if a variable or the company file in the home cannot be read.
    """
    variables = os.environ if environment is None else environment
    workers = variables.get("STOCKSTRATA_WORKERS") or str(os.cpu_count() or 1)
    if not workers.isdecimal() or int(workers) < 1:
        raise InputError(f"STOCKSTRATA_WORKERS {workers}: expected how many processor cores to use, such as 2.")
    home = Path(variables.get("STOCKSTRATA_HOME") or PROJECT_ROOT / "home").expanduser().resolve()
    real_data = Path(variables.get("STOCKSTRATA_REAL_DATA") or PROJECT_ROOT.parent / "shared" / "data")
    return Settings(
        home=home, real_data=real_data.expanduser().resolve(), company=read_company(home), worker_count=int(workers)
    )


def read_company(home: Path) -> Company:
    """The company that a home plans; the sample company where nothing has been planned yet."""
    file = home / COMPANY_FILE
    if not file.exists():
        return Company()
    try:
        return Company.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file}: not a company file ({error}). It is written by `stockstrata run`: delete it and run again."
        ) from None


def write_company(home: Path, company: Company) -> None:
    """Write the company file in one step, so that a reader never sees half of it."""
    home.mkdir(parents=True, exist_ok=True)
    draft = home / f".{COMPANY_FILE}.{os.getpid()}"
    # Left out where nothing was chosen: a replay hands the file to code that may be older than the field.
    left_out = {"forecast_engine"} if company.forecast_engine == "local" else None
    draft.write_text(yaml.safe_dump(company.model_dump(mode="json", exclude=left_out), sort_keys=False), "utf-8")
    draft.replace(home / COMPANY_FILE)
