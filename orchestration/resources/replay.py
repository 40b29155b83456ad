"""The replay of a cycle: computed again in a scratch home from landing, and held against its manifest.

The scratch home gets the loads that stood when the cycle ran, the parameters, company settings and code that it used
(from the archive), and the rows of the other cycles that it found. Everything else is computed again by a process of
its own; the warehouse, the snapshots and the manifest of the home are only read.
"""

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from data_quality.archives import file_hash
from orchestration.resources.archive import Archive
from orchestration.resources.code import code_hash, unpack_code
from orchestration.resources.landing import Landing
from orchestration.resources.manifest import CODE_SUFFIX, COMPANY_SUFFIX, PARAMETER_SUFFIX, output_hash
from orchestration.resources.parse_cache import cache_folder
from orchestration.resources.settings import PROJECT_ROOT, Settings, write_company
from orchestration.resources.warehouse import Warehouse, hand_back, sql_text
from stockstrata.errors import InputError, PlanningError

# Run by the code of the cycle, which may be older than this module: its arguments and files must stay as they are.
REPLAYED_CYCLE = "orchestration.replayed_cycle"
OTHER_CYCLES_FILE = "other_cycles.duckdb"
# Suppliers are scored by the lines that the marts of earlier cycles judged.
_READ_BACK = ("marts.fct_supplier_line",)
KEY = ["object_type_code", "object_name"]
# What decides whether a replay is identical. Everything else tells why it is not.
OUTPUT_TYPES = ("feature", "table", "mart")
# One that a killed process left behind is removed by the next writer.
_SCRATCH_PREFIX = ".replay-"
_SUMMARY_HASHES = ("code_hash", "lock_hash", "contracts_hash")
_NO_FILE = "no such file"
# Set by the run that replays, for its own home and window.
_OWN_VARIABLES = ("STOCKSTRATA_WAREHOUSE", "STOCKSTRATA_WINDOW_", "DAGSTER_")


@dataclass(frozen=True)
class Record:
    """What a warehouse has recorded of a cycle.

    Attributes:
        summary: the row of `audit.cycle_manifest`.
        objects: `object_type_code, object_name, content_hash` of everything read, written and published.
    """

    summary: pd.Series
    objects: pd.DataFrame

    @classmethod
    def of(cls, warehouse: Warehouse, period: dt.date) -> "Record":
        """The record of a period's cycle.

        Raises:
            InputError: if the period was never planned.
        """
        summary = warehouse.read("select * from audit.cycle_manifest where period_start_date = ?", [period])
        if summary.empty:
            planned = warehouse.read("select period_start_date::varchar as p from audit.cycle_manifest order by all")
            raise InputError(
                f"Period {period} was never planned to its end; planned are {', '.join(planned['p']) or 'none'}."
            )
        objects = warehouse.read(
            f"select {', '.join(KEY)}, content_hash from audit.cycle_object where period_start_date = $period "
            "union all by name "
            "select 'mart' as object_type_code, mart_name as object_name, content_hash from audit.cycle_mart "
            "where period_start_date = $period order by all",
            {"period": period},
        )
        row = summary.iloc[0]
        programme = [(name.removesuffix("_hash"), "stockstrata", row[name]) for name in _SUMMARY_HASHES]
        return cls(row, pd.concat([objects, pd.DataFrame(programme, columns=objects.columns)], ignore_index=True))

    def of_type(self, *codes: str) -> pd.Series:
        """Hash by object name of the objects of some types."""
        chosen = self.objects[self.objects["object_type_code"].isin(codes)]
        return chosen.set_index("object_name")["content_hash"]


def replay_cycle(settings: Settings, warehouse: Warehouse, landing: Landing, period: dt.date) -> pd.DataFrame:
    """Compute the cycle of a period again and compare.

    Args:
        settings: of the home.
        warehouse: of the home; read only.
        landing: of the home; read only.
        period: first day of the period.

    Returns:
        The columns of `audit.cycle_replay` without period and stamps, a row for each thing read, written or published.

    Raises:
        InputError: if the period was never planned.
        PlanningError: if something that the cycle read is gone, or the replay fails.
    """
    recorded = Record.of(warehouse, period)
    with tempfile.TemporaryDirectory(prefix=_SCRATCH_PREFIX, dir=settings.home) as folder:
        scratch = settings.model_copy(update={"home": Path(folder)})
        root = _Scratch(settings, scratch, recorded).lay_out(warehouse, landing)
        _compute(scratch, root, period, settings.home / "logs" / f"replay_{period}.log")
        replayed = Record.of(Warehouse(path=str(scratch.warehouse_file)), period)
    return verdicts(recorded.objects, replayed.objects, held_objects(warehouse, settings.landing, recorded, period))


def verdicts(recorded: pd.DataFrame, replayed: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """Hold hashes against each other, object by object.

    Args:
        recorded: `object_type_code, object_name, content_hash` by the manifest.
        replayed: the same by the manifest of the replay.
        held: the same by what stands in the home today, for the objects that stand there.
    """
    frames = {"recorded_hash": recorded, "replayed_hash": replayed, "held_hash": held}
    hashes = [frame.set_index(KEY)["content_hash"].rename(name) for name, frame in frames.items()]
    found = pd.concat(hashes, axis=1).sort_index()
    conditions = {
        "unexpected": found["recorded_hash"].isna(),
        "missing": found["replayed_hash"].isna(),
        "different": found["replayed_hash"] != found["recorded_hash"],
        "altered": found["held_hash"].notna() & (found["held_hash"] != found["recorded_hash"]),
    }
    codes = np.select(list(conditions.values()), list(conditions), default="same")
    return found.assign(verdict_code=codes).reset_index().astype("string")


def is_identical(verdict: pd.DataFrame) -> bool:
    """Whether a replay gave, and the home still holds, exactly what the cycle read and wrote."""
    decisive = verdict["object_type_code"].isin([*OUTPUT_TYPES, "landing_file"])
    return bool((verdict.loc[decisive, "verdict_code"] == "same").all())


def explanation(verdict: pd.DataFrame) -> str:
    """What a verdict means, in a few sentences: what differs, and what it comes from."""
    deviating = verdict[verdict["verdict_code"] != "same"]
    is_output = deviating["object_type_code"].isin(OUTPUT_TYPES)
    is_altered = deviating["verdict_code"] == "altered"
    counts = deviating.loc[~is_output, "object_type_code"].value_counts().sort_index()
    inputs = ", ".join(f"{code} ({count})" for code, count in counts.items())
    altered = ", ".join(deviating.loc[is_output & is_altered, "object_name"])
    sentences = []
    if is_identical(verdict):
        sentences.append("Identical: the cycle gives what it gave when it was planned.")
    elif (is_output & ~is_altered).any():
        sentences.append("Not identical: the replay gives something else.")
        if not inputs:
            sentences.append(
                "Nothing that it rests on has changed: either the facts that the cycle read were not those of landing, "
                "or a step of it is not deterministic."
            )
    else:
        sentences.append("The replay gives what was recorded, but the home was altered since.")
    if inputs:
        sentences.append(f"Not as recorded of what the cycle rests on: {inputs}.")
    if altered:
        sentences.append(f"No longer what the cycle wrote: {altered}.")
    return " ".join(sentences)


def read_verdict(warehouse: Warehouse, period: dt.date) -> pd.DataFrame:
    """The verdict of the newest replay of a period, in the form that `replay_cycle` returns."""
    return warehouse.read(
        f"select {', '.join(KEY)}, recorded_hash, replayed_hash, held_hash, verdict_code from audit.cycle_replay "
        "where period_start_date = ? order by all",
        [period],
    )


@dataclass(frozen=True)
class _Scratch:
    """The scratch home: everything that the cycle found when it ran."""

    home: Settings
    scratch: Settings
    recorded: Record

    def lay_out(self, warehouse: Warehouse, landing: Landing) -> Path:
        """Fill the scratch home; returns the folder of the code to run."""
        archive = Archive(self.home.archive)
        self._link_loads(landing)
        self._write_parameters(archive)
        self._carry_other_cycles(warehouse)
        return self._code(archive)

    def _link_loads(self, landing: Landing) -> None:
        for load in landing.loads():
            if load.load_id <= self.recorded.summary["newest_load_id"]:
                for name in [f"loads/{load.load_id}.json", *load.files]:
                    if (self.home.landing / name).exists():
                        link = self.scratch.landing / name
                        link.parent.mkdir(parents=True, exist_ok=True)
                        link.symlink_to(self.home.landing / name)

    def _write_parameters(self, archive: Archive) -> None:
        folder = self.scratch.home / "parameters"
        folder.mkdir()
        for name, digest in self.recorded.of_type("parameter").items():
            (folder / str(name)).write_bytes(archive.read_checked(digest, PARAMETER_SUFFIX))
        (digest,) = self.recorded.of_type("company")
        then = json.loads(archive.read_checked(digest, COMPANY_SUFFIX))
        # A cluster holds the code of today, not that of the cycle.
        update = {**then, "parameters_folder": folder, "forecast_engine": "local"}
        company = self.home.company.model_copy(update=update)
        write_company(self.scratch.home, company)

    def _carry_other_cycles(self, warehouse: Warehouse) -> None:
        """Copy the rows of the other cycles, and note in their manifests what these rows hash to today."""
        periods = [dt.date.fromisoformat(str(name)) for name in self.recorded.of_type("cycle").index]
        written = [str(name) for name in self.recorded.of_type("table").index]
        features = [str(name) for name in self.recorded.of_type("feature").index]
        # Within a process a file is open under one name only.
        hand_back(warehouse.path)
        with duckdb.connect(str(self.scratch.home / OTHER_CYCLES_FILE)) as connection:
            connection.execute(f"attach {sql_text(warehouse.path)} as home (read_only)")
            for table in [*features, *written, *_READ_BACK, "audit.cycle_manifest"] if periods else []:
                connection.execute(f"create schema if not exists {table.split('.')[0]}")
                connection.execute(
                    f"create table {table} as from home.{table} where list_contains(?, period_start_date)", [periods]
                )
            for period in periods:
                connection.execute(
                    "update audit.cycle_manifest set output_hash = ? where period_start_date = ?",
                    [output_hash(connection, written, period), period],
                )

    def _code(self, archive: Archive) -> Path:
        """The project as it was, from the archive; where it cannot be had, as it is, which the verdict will tell."""
        wanted = self.recorded.summary["code_hash"]
        # The code of then where it stands: what is compiled for it is kept beside it.
        if code_hash() == wanted:
            return PROJECT_ROOT
        packed = archive.read(wanted, CODE_SUFFIX)
        if packed is None:
            return PROJECT_ROOT
        root = self.scratch.home / "code"
        unpack_code(packed, root)
        if code_hash(root) != wanted:
            raise PlanningError(
                f"The archived code {wanted[:12]} in {self.home.archive} is not what the cycle ran; restore it from a "
                "backup of the home."
            )
        return root


def _compute(scratch: Settings, root: Path, period: dt.date, log: Path) -> None:
    """Run the cycle in a process of its own: code, settings and partitions are read once a process."""
    log.parent.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_VARIABLES)}
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", REPLAYED_CYCLE, period.isoformat()],
            env={
                **kept,
                "STOCKSTRATA_HOME": str(scratch.home),
                "STOCKSTRATA_CACHE": str(cache_folder(scratch.home.parent)),
                "PYTHONPATH": str(root),
            },
            cwd=root,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        told = log.read_text(encoding="utf-8").strip().splitlines()
        raise PlanningError(
            f"The replay of {period} broke off and nothing was compared: {told[-1] if told else 'it said nothing'}\n"
            f"Its output: {log}"
        )


def held_objects(warehouse: Warehouse, landing: Path, recorded: Record, period: dt.date) -> pd.DataFrame:
    """What stands in the home today of that which no later cycle or load may change.

    Args:
        warehouse: of the home.
        landing: folder of its landing files.
        recorded: the record of the cycle.
        period: first day of its period.

    Returns:
        `object_type_code, object_name, content_hash`.
    """
    where = f"period_start_date = date '{period}'"
    tables = [
        (code, name, warehouse.content_hash(name, where=where)[0])
        for code in ("feature", "table")
        for name in map(str, recorded.of_type(code).index)
    ]
    files = [
        ("landing_file", name, file_hash(landing / name) if (landing / name).exists() else _NO_FILE)
        for name in map(str, recorded.of_type("landing_file").index)
    ]
    return pd.DataFrame([*tables, *files], columns=pd.Index([*KEY, "content_hash"]))
