"""What the command line prints: progress by step, violations, results as small tables."""

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from data_quality.validation import SourceValidation
from data_quality.violation_groups import violation_groups
from orchestration.resources.history import History
from orchestration.resources.landing import Landing
from orchestration.resources.load_record import EntityLoad, Load
from orchestration.resources.publisher import Publisher
from orchestration.resources.replay import OUTPUT_TYPES, explanation, is_identical
from orchestration.resources.settings import PROJECT_ROOT, Settings
from orchestration.resources.waiting import WaitingRows
from orchestration.resources.writer import current_writer

_SHOWN_GROUPS = 3
_KPI_COLUMNS = {
    "item_location_count": ("items x loc.", "{:,.0f}"),
    "demand_qty": ("demand qty", "{:,.0f}"),
    "stock_value": ("stock value", "{:,.0f}"),
    "fill_rate": ("fill", "{:.1%}"),
    "stock_out_rate": ("stock-outs", "{:.1%}"),
    "days_of_supply": ("days supply", "{:,.0f}"),
    "forecast_wape": ("WAPE", "{:.1%}"),
    "safety_stock_value": ("safety stock", "{:,.0f}"),
    "proposal_value": ("proposals", "{:,.0f}"),
}


@contextmanager
def step(out: Console, name: str) -> Iterator[None]:
    """Show a step while it works and a line with its time when it is done."""
    lines = StepLines(out)
    lines("start", name, 0.0)
    started = time.monotonic()
    try:
        yield
    except BaseException:
        lines("failure", name, 0.0)
        raise
    lines("success", name, time.monotonic() - started)


class StepLines:
    """One line a step: a spinner while it works on a terminal, its time when it is done."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._status: Status | None = None

    def __call__(self, event: str, name: str, seconds: float) -> None:
        """Take an event: start, success or failure of a step."""
        if event == "start":
            self._status = self._out.status(f"  {name}")
            self._status.start()
            return
        if self._status is not None:
            self._status.stop()
            self._status = None
        if event == "note":
            self._out.print(f"  {name}")
        elif event == "success":
            self._out.print(f"  [green]done[/green]   {name}  {seconds:.1f} s")
        else:
            self._out.print(f"  [red]failed[/red] {name}")


def escaped(text: str) -> str:
    """Text of a source or a file name as it may be printed: no markup, and nothing that a terminal would obey."""
    plain = "".join(
        sign if sign.isprintable() or sign == "\n" else sign.encode("unicode_escape").decode() for sign in text
    )
    return escape(plain)


def _one_line(reason: str) -> str:
    """A message that quotes a value, line breaks and all, on the one line that belongs to it."""
    return escaped(reason.replace("\n", "\\n"))


def violations(out: Console, validation: SourceValidation, list_file: Path) -> int:
    """Print the violations and a line of counts per entity; the number of rows that would be quarantined.

    A fault of many rows is told once with examples; then `list_file` gets the list of all.
    """
    shown = True
    for name, entity in validation.entities.items():
        for group in violation_groups(pd.concat([entity.quarantine, entity.warnings])):
            what = f"[dim]{group.clause_name}, {group.severity_code}[/dim]"
            is_whole = len(group.reasons) == group.violation_count
            shown = shown and is_whole
            if not is_whole:
                count = f"[bold]{group.violation_count:,} rows[/bold] of {name}"
                out.print(f"{count} break {group.clause_name} in the same way ({group.severity_code}), such as")
            for reason in map(_one_line, group.reasons):
                out.print(f"{reason} {what}" if is_whole else f"  {reason}", soft_wrap=True)
        for message in entity.messages:
            out.print(f"[yellow]note[/yellow] {escaped(message)}", soft_wrap=True)
        out.print(
            f"[bold]{name}[/bold]: {entity.landed_row_count:,} rows, {entity.accepted_row_count:,} accepted, "
            f"{entity.quarantined_row_count:,} to be quarantined"
        )
    if not shown:
        _write_list(validation, list_file)
        out.print(f"Every violation, one a line: {escaped(str(list_file))}", soft_wrap=True)
    return validation.quarantined_row_count


def _write_list(validation: SourceValidation, list_file: Path) -> None:
    columns = ["entity_name", "file_name", "row_number", "column_name", "clause_name", "severity_code", "reason"]
    frames = [frame for found in validation.entities.values() for frame in (found.quarantine, found.warnings)]
    list_file.parent.mkdir(parents=True, exist_ok=True)
    pd.concat(frames)[columns].to_csv(list_file, index=False)


def quarantine_summary(out: Console, validation: SourceValidation) -> None:
    """The most frequent faults of each entity that had rows set aside, and where to see all."""
    set_aside = {name: found for name, found in validation.entities.items() if found.quarantined_row_count}
    for name, entity in set_aside.items():
        out.print(f"  [yellow]{name}[/yellow]: {entity.quarantined_row_count:,} rows are set aside")
        for group in violation_groups(entity.quarantine)[:_SHOWN_GROUPS]:
            out.print(f"    {group.violation_count:,} such as {_one_line(group.reasons[0])}", soft_wrap=True)
    if set_aside:
        out.print("  `stockstrata check` lists each with its line; they stay in marts.fct_quarantine.")


def history(out: Console, found: History) -> None:
    """Say which demand lies before the history that is planned with."""
    if found.stray_row_count:
        out.print(
            f"  [yellow]demand[/yellow]: {found.stray_row_count:,} rows lie before {found.first_date}, where history "
            f"starts, the oldest in {found.oldest_date}. They are landed and no cycle plans with them. Mend their "
            "dates, or say in source.yaml where history starts, such as `history_from: 2019-01-01`."
        )


def load(out: Console, landed: Load) -> None:
    """A line per entity of a load: whether it was read and why, what came, changed and went, and in which periods."""
    if not landed.is_new:
        out.print("  nothing has changed since the load before")
        return
    for name, entity in landed.entities.items():
        if entity.read_code == "reused":
            continue
        out.print(f"  {name} [dim]({escape(entity.read_reason)})[/dim]: {_told_rows(entity)}")
        if entity.reading.retraction_code == "withheld":
            out.print(
                f"    [yellow]rows of {name} are missing[/yellow], but rows whose key cannot be read may be the ones: "
                "none is retracted. Mend those rows; `stockstrata check` lists them."
            )
    reused = [name for name, entity in landed.entities.items() if entity.read_code == "reused"]
    if reused:
        out.print(f"  not read again, for nothing they rest on has changed: {', '.join(reused)}")


def _told_rows(entity: EntityLoad) -> str:
    """Rows new, changed and as before, and those late or retracted; periods are named for what touches the past."""
    parts = [f"{entity.new_row_count:,} new"]
    for word, name in (("changed", "changed_row_count"), ("late", "late_row_count"), ("gone", "retracted_row_count")):
        if count := getattr(entity, name):
            periods = [period for period, rows in entity.period_rows.items() if getattr(rows, name)]
            parts.append(f"{count:,} {word}{_told_periods(periods)}")
    return ", ".join([*parts, f"{entity.unchanged_row_count:,} as before"])


def _told_periods(periods: list[dt.date]) -> str:
    if not periods:
        return ""
    named = ", ".join(str(period) for period in periods[:3])
    return f" (period {named}{f' and {len(periods) - 3} more' if len(periods) > 3 else ''})"


def waiting(out: Console, cut_off: dt.date, found: Sequence[WaitingRows]) -> None:
    """A line per entity that holds rows which the newest cycle could not know."""
    for rows in found:
        out.print(
            f"  [yellow]{rows.entity}[/yellow]: {rows.row_count:,} rows dated {rows.first_date} to {rows.last_date} "
            f"are landed and wait: the cycle knows what lies before its cut-off, {cut_off}."
        )


def results(out: Console, settings: Settings) -> None:
    """Where to look, and the newest cycle's KPIs by segment."""
    publisher = Publisher(folder=str(settings.published), warehouse_path=str(settings.warehouse_file))
    snapshot = publisher.current()
    if snapshot is None:
        return
    marts = settings.published / "current" / "marts.duckdb"
    with duckdb.connect(str(marts), read_only=True) as connection:
        out.print(_kpi_table(connection, settings.company.currency_code))
        counted = connection.execute(
            "select count(*), count(*) filter (evidence_grade = 'full') from fct_policy "
            "where period_start_date = (select max(period_start_date) from fct_policy)"
        ).fetchone()
        proposals = connection.execute(
            "select count(*) from fct_order_proposal "
            "where period_start_date = (select max(period_start_date) from fct_policy)"
        ).fetchone()
        isolated = connection.execute(
            "select item_id, location_id, reason, policy_status_code, count(*) over () from fct_isolation "
            "where period_start_date = (select max(period_start_date) from fct_policy) order by all limit 5"
        ).fetchall()
        held = connection.execute(
            "select segment_code, verdict_reason from fct_certificate where segment_code <> 'ALL' "
            "and verdict_code = 'held' and period_start_date = (select max(period_start_date) from fct_policy) "
            "order by all"
        ).fetchall()
    if counted and proposals:
        out.print(f"{counted[0]:,} policies ({counted[1]:,} on full evidence), {proposals[0]:,} order proposals.")
    for segment, reason in held:
        out.print(f"[yellow]Held[/yellow] segment {escaped(f'{segment} keeps its policies: {reason}')}", soft_wrap=True)
    if held:
        out.print("The gate held them back (marts.fct_certificate); docs/gate.md says what now.")
    for item, location, reason, status_code, _ in isolated:
        kept = "keeps its last good policy" if status_code == "stale" else "has no policy"
        out.print(f"[yellow]Left out[/yellow] {escaped(f'{item} at {location} ({kept}): {reason}')}")
    if isolated:
        out.print(f"{isolated[0][-1]:,} item-locations left out in all: marts.fct_isolation names them.")
    out.print(f"Marts:    {marts}  (any SQL tool; schema marts)")
    opener = "make dev" if settings.home == PROJECT_ROOT / "home" else f"stockstrata dev --home {settings.home}"
    out.print(f"Dagster:  {opener}")


def status(out: Console, settings: Settings) -> None:
    """Source, loads, planned periods and the snapshot in force."""
    company = settings.company
    out.print(f"Home      {settings.home}")
    out.print(f"Source    {company.source_name} ({company.source_folder}), period {company.period_type}")
    loads = Landing.from_settings(settings).loads()
    newest = f", newest {loads[-1].load_id}" if loads else ""
    out.print(f"Landed    {len(loads)} loads{newest}")
    _writer_line(out, settings)
    publisher = Publisher(folder=str(settings.published), warehouse_path=str(settings.warehouse_file))
    snapshot = publisher.current()
    if snapshot is None:
        out.print("Published nothing yet; `stockstrata run SOURCE` plans and publishes.")
        return
    with duckdb.connect(str(snapshot.marts_file), read_only=True) as connection:
        cycles = connection.execute(
            "select period_start_date, computed_at, run_id from audit_cycle order by period_start_date"
        ).fetchall()
    out.print(f"Published {snapshot.folder.name}")
    _rollback_line(out, publisher)
    table = Table("period", "planned at (UTC)", "run")
    for period, planned, run_id in cycles:
        table.add_row(str(period), _minute(planned), run_id)
    out.print(table)


def replay(out: Console, verdict: pd.DataFrame) -> bool:
    """Recorded and replayed hash of every output and of every input that differs; whether all is identical."""
    is_output = verdict["object_type_code"].isin(OUTPUT_TYPES)
    shown = is_output | (verdict["verdict_code"] != "same")
    table = Table("type", "name", "recorded", "replayed", "held now", "verdict")
    columns = ["object_type_code", "object_name", "recorded_hash", "replayed_hash", "held_hash", "verdict_code"]
    for type_code, name, *hashes, code in verdict.loc[shown, columns].fillna("-").astype(str).to_numpy().tolist():
        mark = code if code == "same" else f"[red]{code}[/red]"
        table.add_row(type_code, escape(name), *(found[:12] for found in hashes), mark)
    out.print(table)
    out.print(f"{int((~is_output).sum()):,} inputs were compared too.")
    out.print(explanation(verdict), soft_wrap=True)
    return is_identical(verdict)


def snapshots(out: Console, publisher: Publisher) -> None:
    """The snapshots kept, with the one in force marked."""
    held = publisher.current()
    for folder in publisher.snapshots():
        mark = "in force" if held is not None and folder == held.folder else ""
        out.print(f"  {folder.name}  {mark}")
    for folder in publisher.withdrawn():
        out.print(f"  {folder.name}  [dim]somebody returned from it to the one before[/dim]")
    if held is None:
        out.print("Nothing is published yet.")
    _rollback_line(out, publisher)


def _rollback_line(out: Console, publisher: Publisher) -> None:
    record = publisher.rollback_in_force()
    if record is not None:
        out.print(
            f"[yellow]Rolled back[/yellow] from {record.from_snapshot} to {record.to_snapshot} by "
            f"{escaped(record.rolled_back_by)} at {_minute(record.rolled_back_at)} UTC; the next run that publishes "
            "ends it.",
            soft_wrap=True,
        )


def _writer_line(out: Console, settings: Settings) -> None:
    writer, is_at_it = current_writer(settings.home)
    if writer is not None and is_at_it:
        out.print(f"Running   {escaped(str(writer))}", soft_wrap=True)
    elif writer is not None:
        told = f"{writer} died before it had finished; the next run clears up after it."
        out.print(f"[yellow]Died[/yellow]      {escaped(told)}", soft_wrap=True)


def _kpi_table(connection: duckdb.DuckDBPyConnection, currency: str) -> Table:
    frame = connection.execute(
        "select segment_code, kpi_code, kpi_value from kpi_segment_period "
        "where period_start_date = (select max(period_start_date) from fct_policy)"
    ).df()
    period = connection.execute("select max(period_start_date) from fct_policy").fetchone()
    wide = frame.pivot_table(index="segment_code", columns="kpi_code", values="kpi_value", aggfunc="first")
    wide = wide.reindex(columns=list(_KPI_COLUMNS))
    order = sorted(wide.index, key=lambda code: (code == "ALL", code))
    table = Table(title=f"KPIs by segment, period {period[0] if period else ''}, amounts in {currency}")
    table.add_column("segment")
    for name, _ in _KPI_COLUMNS.values():
        table.add_column(name, justify="right")
    for code in order:
        cells = [
            "-" if pd.isna(wide.loc[code, kpi]) else form.format(wide.loc[code, kpi])
            for kpi, (_, form) in _KPI_COLUMNS.items()
        ]
        table.add_row(str(code), *cells)
    return table


def _minute(moment: dt.datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M") if moment else "-"
