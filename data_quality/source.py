"""A source: a folder with `source.yaml` and one file an entity, opened and checked before anything is read."""

import datetime as dt
import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data_quality.archives import unpack_archives
from data_quality.contracts import Contract, load_contracts
from data_quality.csv_format import CsvFormat, Encoding
from data_quality.extract_kind import ExtractSettings
from data_quality.plain_yaml import load_plain_yaml
from data_quality.problems import input_problem

SUPPLY_ENTITY = "purchase_orders"
SUFFIXES = (".csv", ".csv.gz", ".parquet", ".sql")
_YAML_KINDS = {list: "a list", str: "plain text", type(None): "an empty file"}
_SHOWN_CHARACTERS = 80
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_KNOWN_VARIABLES = ("STOCKSTRATA_REAL_DATA", "STOCKSTRATA_HOME")


_PathText = Annotated[str, Field(pattern=r"^[^\x00-\x1f]+$")]


class ReadLimits(BaseModel):
    """Key `limits` of `source.yaml`: what reading one entity may take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: float = Field(default=300, gt=0, le=86_400)
    memory_mb: int = Field(default=4096, ge=64, le=1_048_576)


class SourceSettings(BaseModel):
    """The keys of `source.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    grain: Literal["day", "week", "month"]
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    period: Literal["month", "week"] = "month"
    data: _PathText | None = None
    unpack: tuple[_PathText, ...] = ()
    csv: CsvFormat = CsvFormat()
    limits: ReadLimits = ReadLimits()
    extract: ExtractSettings = ExtractSettings()
    history_from: dt.date | None = None
    owner: str | None = None
    docs: str | None = None
    entities: Literal["all", "supply_only"] = "all"

    def requires(self, contract: Contract) -> bool:
        """Whether the source must bring an entity; one of purchase orders alone must bring these, and plans nothing."""
        return contract.name == SUPPLY_ENTITY if self.entities == "supply_only" else contract.required

    @model_validator(mode="after")
    def _period_not_finer_than_grain(self) -> "SourceSettings":
        if self.period == "week" and self.grain == "month":
            raise ValueError("period week needs facts by day or week, but grain is month; leave period out")
        return self


class Source(SourceSettings):
    """An opened source: the settings and where its files lie.

    Attributes:
        folder: the source's folder, absolute.
        data_folder: the folder of its data, absolute; the source's folder where `data` is not given.
        unpacked_folder: where the archives of `unpack` were unpacked; None where there are none.
        files: the file of every entity that the source has.
    """

    folder: Path
    data_folder: Path
    unpacked_folder: Path | None = None
    files: dict[str, Path] = Field(default_factory=dict)


def open_source(folder: Path, *, variables: Mapping[str, str], scratch: Path) -> Source:
    """Read and check `source.yaml`, find the data and the file of every entity, unpack archives.

    Args:
        folder: the source's folder.
        variables: values of `${STOCKSTRATA_REAL_DATA}` and `${STOCKSTRATA_HOME}` for the key `data`.
        scratch: folder for unpacked archives; each set of archives is unpacked once.

    Raises:
        InputError: names file, what was found, what was expected and the next step.
    """
    try:
        return _opened(Path(folder).resolve(), variables, scratch)
    except OSError as error:
        raise input_problem(
            error.filename or folder,
            found=f"something that cannot be opened ({error.strerror or error})",
            expected="folders and files that can be read",
            next_step="Check the rights of the folder and of those above it.",
        ) from None


def _opened(folder: Path, variables: Mapping[str, str], scratch: Path) -> Source:
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise input_problem(
            f"source {folder}",
            found=found,
            expected="a folder with a source.yaml",
            next_step="Name the folder of a source, such as sources/sample.",
        )
    _refuse_unspeakable(folder)
    settings = _read_settings(folder / "source.yaml")
    data_folder = _data_folder(folder, settings, variables)
    _refuse_unspeakable(data_folder)
    unpacked = unpack_archives([data_folder / name for name in settings.unpack], data_folder, scratch)
    files = _entity_files(folder, data_folder)
    for path in files.values():
        refuse_link_to_outside(path, [folder, data_folder])
    return Source(
        **settings.model_dump(), folder=folder, data_folder=data_folder, unpacked_folder=unpacked, files=files
    )


def _refuse_unspeakable(folder: Path) -> None:
    """DuckDB, JSON and YAML hold text alone, so a folder whose name is none cannot be read or noted."""
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise input_problem(
            folder, found="a name that is not UTF-8", expected="one that is", next_step="Rename the folder."
        ) from None


def _read_settings(path: Path) -> SourceSettings:
    if not path.is_file():
        raise input_problem(
            path,
            found="no such file",
            expected="a file with name, grain and currency",
            next_step="Write one; docs/runbook.md shows an example.",
        )
    loaded, lines = load_plain_yaml(path)
    if not isinstance(loaded, dict):
        raise input_problem(
            path,
            found=_YAML_KINDS.get(type(loaded), "a single value"),
            expected="keys and values such as `name: acme`",
            next_step="Give at least name, grain and currency.",
        )
    try:
        return SourceSettings.model_validate({str(key): value for key, value in loaded.items()})
    except ValidationError as error:
        raise _settings_problem(path, error, lines) from None


def _settings_problem(path: Path, error: ValidationError, lines: Mapping[str, int]) -> Exception:
    """All faults of the settings in one message, each with its line where it has one."""
    found, expected = [], []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        line = f" in line {lines[key]}" if key in lines else ""
        if fault["type"] == "extra_forbidden":
            keys = _keys_beside(fault["loc"])
            found.append(f"unknown key {key}{line}")
            expected.append(f"only the keys {', '.join(keys)}" + _meant(str(fault["loc"][-1]), keys))
        elif fault["type"] == "missing":
            found.append(f"no key {key}")
            expected.append(f"a value for {key}")
        elif not key and fault["type"] == "value_error":
            found.append(f"period week with grain {fault['input']['grain']}")
            expected.append(fault["msg"].removeprefix("Value error, "))
        else:
            found.append(f"{key}: {_shortened(fault.get('input'))}{line}")
            expected.append(_wanted(key, fault["msg"]))
    return input_problem(
        path, found=", ".join(found), expected="; ".join(dict.fromkeys(expected)), next_step="Mend the file."
    )


def _keys_beside(place: tuple[int | str, ...]) -> list[str]:
    """The keys that are known where an unknown one stands."""
    models = {"csv": CsvFormat, "limits": ReadLimits, "extract": ExtractSettings}
    model = models.get(str(place[0]), SourceSettings) if len(place) > 1 else SourceSettings
    return list(model.model_fields)


def _meant(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word.lower(), known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."


def _wanted(key: str, message: str) -> str:
    wanted = {
        "name": "name of letters, digits, _ and -, at most 64",
        "currency": "currency as an ISO 4217 code of three capitals such as EUR",
        "entities": "entities all, or supply_only for purchase orders without demand",
        "grain": "grain day, week or month",
        "period": "period month or week",
        "csv.delimiter": 'csv.delimiter ",", ";", "|" or "\\t", in double quotes',
        "csv.decimal": 'csv.decimal "." or ",", in quotes',
        "csv.thousands": """csv.thousands ".", ",", "'" or " ", in quotes, or left out""",
        "extract": "extract delta, window or full",
        "extract.kind": "extract.kind delta, window or full",
        "extract.max_retracted_share": "extract.max_retracted_share from 0 to 1, such as 0.1",
        "history_from": "history_from as a day such as 2019-01-01",
        "csv.encoding": f"csv.encoding one of {', '.join(get_args(Encoding))}",
    }
    return wanted.get(key, f"{key}: {message.removeprefix('Value error, ').lower()}")


def _data_folder(folder: Path, settings: SourceSettings, variables: Mapping[str, str]) -> Path:
    where = folder / "source.yaml"
    if settings.data is None:
        return folder
    used = _VARIABLE.findall(settings.data)
    for name in used:
        if name not in _KNOWN_VARIABLES:
            raise input_problem(
                where,
                found=f"data: {settings.data}",
                expected=f"no variables but {' and '.join(_KNOWN_VARIABLES)}",
                next_step="Write the folder itself, or use one of these.",
            )
        if not variables.get(name):
            raise input_problem(
                where,
                found=f"data: {settings.data}, and {name} is not set",
                expected=f"{name} to name a folder",
                next_step=f"Set the environment variable {name}.",
            )
    data_folder = Path(folder, _VARIABLE.sub(lambda match: variables[match[1]], settings.data)).absolute()
    data_folder = data_folder.resolve()
    if data_folder.is_dir():
        return data_folder
    raise input_problem(
        where,
        found=f"data: {settings.data}, but no folder {data_folder}",
        expected="the folder that holds the source's data",
        next_step=_next_step_for_data(settings.data, used),
    )


def _next_step_for_data(data: str, used: list[str]) -> str:
    if data.startswith("${STOCKSTRATA_HOME}/sample"):
        return "Run `stockstrata sample` to generate the sample company."
    if "STOCKSTRATA_REAL_DATA" in used:
        return (
            "Set STOCKSTRATA_REAL_DATA to the folder of the public data sets; docs of the source say where to get them."
        )
    return "Put the data there or mend the path."


def _entity_files(folder: Path, data_folder: Path) -> dict[str, Path]:
    """The file of every entity: the source's folder goes before the data folder."""
    own = _by_entity(folder)
    known = load_contracts()
    for name, paths in own.items():
        if name not in known:
            raise input_problem(
                paths[0],
                found=f"an entity named {name}",
                expected=f"one of {', '.join(sorted(known))}",
                next_step="Rename the file, or move it to the folder named by `data` in source.yaml.",
            )
    found: dict[str, Path] = {}
    theirs = _by_entity(data_folder) if data_folder != folder else {}
    for name in known:
        paths = own.get(name) or theirs.get(name) or []
        if len(paths) > 1:
            raise input_problem(
                paths[0].parent,
                found=f"{len(paths)} files for {name}: {', '.join(path.name for path in paths)}",
                expected="one file an entity",
                next_step="Remove or rename all but one.",
            )
        if paths:
            found[name] = paths[0]
    return found


def _by_entity(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        lowered = path.name.lower()
        suffix = next((ending for ending in SUFFIXES if lowered.endswith(ending)), None)
        if suffix and not path.name.startswith(".") and (path.is_file() or path.is_symlink()):
            found.setdefault(lowered.removesuffix(suffix), []).append(path)
    return found


def refuse_link_to_outside(path: Path, folders: Iterable[Path]) -> None:
    """Pass over what is no link; the target of a link must lie in one of the folders.

    Raises:
        InputError: the link leads elsewhere, or nowhere.
    """
    if not path.is_symlink():
        return
    try:
        target = path.resolve()
    except RuntimeError:
        target = path
    if target == path or not any(target.is_relative_to(folder.resolve()) for folder in folders):
        raise input_problem(
            path,
            found=f"a link to {target}",
            expected="files inside the source's folders",
            next_step="Copy the file there, or name its folder as `data` in source.yaml.",
        )


def files_like(source: Source, entity: str) -> list[Path]:
    """Files that may be meant for an entity, but are not named as one: `items.xlsx`, `item.csv`, `Items (1).csv`."""
    folders = dict.fromkeys((source.folder, source.data_folder))
    names = {path: path.name.split(".")[0].lower() for folder in folders for path in folder.iterdir() if path.is_file()}
    names = {path: stem for path, stem in names.items() if stem not in load_contracts() or stem == entity}
    close = difflib.get_close_matches(entity, names.values(), n=3, cutoff=0.75)
    return sorted(path for path, stem in names.items() if stem in close or stem.startswith(entity))
