"""Settings files: YAML of keys and values, without what could make a small file stand for gigabytes."""

from pathlib import Path
from typing import Any

import yaml

from data_quality.problems import input_problem

_MAX_YAML_BYTES = 100_000
_MAX_YAML_DEPTH = 10


def load_plain_yaml(path: Path) -> tuple[Any, dict[str, int]]:
    """Parse YAML without anchors, aliases or doubled keys: a few of those can stand for gigabytes.

    Returns:
        What it holds, and the line of every key, by its dotted path.

    Raises:
        InputError: names the file, and line and column where there is one.
    """
    problem: str
    try:
        if path.stat().st_size > _MAX_YAML_BYTES:
            problem = f"a file above {_MAX_YAML_BYTES:,} bytes"
        else:
            text = path.read_bytes().decode("utf-8-sig")
            problem = _yaml_trick(text)
            if not problem:
                return yaml.safe_load(text), _lines_of_keys(yaml.compose(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = f"a fault{line} ({' '.join(str(getattr(error, 'problem', None) or error).split())})"
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


def _lines_of_keys(node: yaml.Node | None, above: str = "") -> dict[str, int]:
    """Line of every key by its dotted path; `ValueError` where a mapping has a key twice."""
    lines: dict[str, int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = f"{above}{key.value}"
            if name in lines:
                raise ValueError(f"key {name} twice, in lines {lines[name]} and {key.start_mark.line + 1}")
            lines[name] = key.start_mark.line + 1
            lines |= _lines_of_keys(value, f"{name}.")
    return lines
