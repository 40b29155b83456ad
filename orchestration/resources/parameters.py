"""Business parameters: the shipped files, with a deployment's own files laid over them one by one."""

import datetime as dt
import hashlib
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import dagster as dg
import pandas as pd

from orchestration.resources.settings import PROJECT_ROOT
from stockstrata.errors import ParameterError
from stockstrata.parameters import PARAMETER_TABLES, PlanningParameters, planning_parameters

SHIPPED_PARAMETERS = PROJECT_ROOT / "dbt_project" / "seeds" / "parameters"


class ParameterStore(dg.ConfigurableResource):
    """The parameter files in force: a file in `folder` stands for the shipped one of the same name."""

    folder: str | None = None

    def files(self) -> dict[str, Path]:
        """The file in force for each parameter table.

        Raises:
            ParameterError: if the folder is missing or holds a CSV file that is no parameter table.
        """
        found = {name: SHIPPED_PARAMETERS / f"{name}.csv" for name in PARAMETER_TABLES}
        if self.folder is None:
            return found
        own = Path(self.folder)
        if not own.is_dir():
            raise ParameterError(f"{own} is no folder; give --parameters a folder with files like cost_rates.csv.")
        for file in sorted(own.glob("*.csv")):
            if file.stem not in PARAMETER_TABLES:
                raise ParameterError(
                    f"{file}: no parameter table has that name; known are {', '.join(sorted(PARAMETER_TABLES))}."
                )
            found[file.stem] = file
        return found

    def version(self) -> str:
        """Hash of the files in force: the first 12 digits of SHA-256."""
        digest = hashlib.sha256()
        for name, file in sorted(self.files().items()):
            digest.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
        return digest.hexdigest()[:12]

    def in_force(self, as_of: dt.date) -> PlanningParameters:
        """The validated parameters in force on a day.

        Raises:
            ParameterError: names file, line, column, what was found and expected.
        """
        contents = tuple((name, str(file), _content(file)) for name, file in self.files().items())
        return _in_force(contents, as_of, self.version())

    def copy_to(self, folder: Path) -> None:
        """Copy the files in force to where dbt loads its seeds from; unchanged files are left alone.

        Columns that a deployment's file leaves out are added, empty: dbt's models name all of them.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for name, file in self.files().items():
            target, content = folder / f"{name}.csv", _seed(name, file)
            if not target.exists() or target.read_bytes() != content:
                target.write_bytes(content)


# Every step of a cycle asks for them; what it gets cannot be changed.
@lru_cache(maxsize=4)
def _in_force(contents: tuple[tuple[str, str, bytes], ...], as_of: dt.date, version: str) -> PlanningParameters:
    frames = {name: _read(Path(file), content) for name, file, content in contents}
    return planning_parameters(frames, as_of=as_of, version=version)


def _seed(name: str, file: Path) -> bytes:
    content, (model, _) = _content(file), PARAMETER_TABLES[name]
    own = _read(file, content)
    missing = [column for column in model.model_fields if column not in own.columns]
    if not missing:
        return content
    return own.assign(**dict.fromkeys(missing, "")).to_csv(index=False, lineterminator="\n").encode()


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ParameterError(f"{file}: cannot be read: {error}.") from None


def _read(file: Path, content: bytes) -> pd.DataFrame:
    try:
        return pd.read_csv(BytesIO(content), dtype=str, keep_default_na=False)
    except ValueError as error:
        raise ParameterError(f"{file}: cannot be read as CSV: {error}.") from None
