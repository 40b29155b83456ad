"""A source: a folder with `source.yaml` and one file an entity, opened and checked before anything is read."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data_quality.archives import unpack_archives
from data_quality.contracts import load_contracts
from data_quality.problems import input_problem

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".sql")
_MAX_YAML_BYTES = 1_000_000
_MAX_YAML_DEPTH = 10
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_KNOWN_VARIABLES = ("STOCKSTRATA_REAL_DATA", "STOCKSTRATA_HOME")


class SourceSettings(BaseModel):
    """The keys of `source.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    grain: Literal["day", "week", "month"]
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    period: Literal["month", "week"] = "month"
    data: str | None = Field(default=None, min_length=1)
    unpack: tuple[str, ...] = ()
    owner: str | None = None
    docs: str | None = None

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
    folder = Path(folder).resolve()
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise input_problem(
            f"source {folder}",
            found=found,
            expected="a folder with a source.yaml",
            next_step="Name the folder of a source, such as sources/sample.",
        )
    settings = _read_settings(folder / "source.yaml")
    data_folder = _data_folder(folder, settings, variables)
    unpacked = unpack_archives([data_folder / name for name in settings.unpack], data_folder, scratch)
    files = _entity_files(folder, data_folder)
    return Source(
        **settings.model_dump(), folder=folder, data_folder=data_folder, unpacked_folder=unpacked, files=files
    )


def _read_settings(path: Path) -> SourceSettings:
    if not path.is_file():
        raise input_problem(
            path,
            found="no such file",
            expected="a file with name, grain and currency",
            next_step="Write one; docs/runbook.md shows an example.",
        )
    loaded = _load_yaml(path)
    if not isinstance(loaded, dict):
        raise input_problem(
            path,
            found=f"{type(loaded).__name__ if loaded is not None else 'an empty file'}",
            expected="keys and values such as `name: acme`",
            next_step="Give at least name, grain and currency.",
        )
    try:
        return SourceSettings.model_validate({str(key): value for key, value in loaded.items()})
    except ValidationError as error:
        raise _settings_problem(path, error) from None


def _settings_problem(path: Path, error: ValidationError) -> Exception:
    """All faults of the settings in one message."""
    found, expected = [], []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            found.append(f"unknown key {key}")
            expected.append(f"only the keys {', '.join(SourceSettings.model_fields)}")
        elif fault["type"] == "missing":
            found.append(f"no key {key}")
            expected.append(f"a value for {key}")
        elif not key:
            found.append(f"period week with grain {fault['input'].get('grain')}")
            expected.append(fault["msg"].removeprefix("Value error, "))
        else:
            found.append(f"{key}: {fault.get('input')!r}")
            expected.append(_wanted(key, fault["msg"]))
    return input_problem(
        path, found=", ".join(found), expected="; ".join(dict.fromkeys(expected)), next_step="Mend the file."
    )


def _wanted(key: str, message: str) -> str:
    wanted = {
        "name": "name of letters, digits, _ and -, at most 64",
        "currency": "currency as an ISO 4217 code of three capitals such as EUR",
        "grain": "grain day, week or month",
        "period": "period month or week",
    }
    return wanted.get(key, f"{key}: {message.lower()}")


def _load_yaml(path: Path) -> Any:
    """Parse YAML without anchors, aliases or doubled keys: a few of those can stand for gigabytes."""
    problem: str
    try:
        if path.stat().st_size > _MAX_YAML_BYTES:
            problem = f"a file above {_MAX_YAML_BYTES:,} bytes"
        else:
            text = path.read_bytes().decode("utf-8-sig")
            problem = _yaml_trick(text)
            if not problem:
                return _checked(yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = f"a fault{line} ({getattr(error, 'problem', None) or error})"
    except UnicodeDecodeError as error:
        problem = f"a byte that is not UTF-8 at position {error.start}"
    except (OSError, ValueError) as error:
        problem = str(error)
    raise input_problem(
        path, found=problem, expected="plain YAML of keys and values", next_step="Mend the file and try again."
    )


def _yaml_trick(text: str) -> str:
    """What in the text could blow up when loaded: an anchor, an alias, or deep nesting; empty where nothing could."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if getattr(event, "anchor", None):
            return "an anchor or alias (& or *)"
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_YAML_DEPTH:
            return "values nested too deeply"
    return ""


def _checked(node: yaml.Node | None, loaded: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        keys = [getattr(key, "value", None) for key, _ in node.value]
        doubled = sorted({str(key) for key in keys if keys.count(key) > 1})
        if doubled:
            raise ValueError(f"key {', '.join(doubled)} twice")
    return loaded


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
        if suffix and path.is_file() and not path.name.startswith("."):
            found.setdefault(lowered.removesuffix(suffix), []).append(path)
    return found
