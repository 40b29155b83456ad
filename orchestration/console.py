"""What the command line prints: progress by step, violations, results as small tables."""

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from data_quality.validation import SourceValidation
from orchestration.resources.landing import Landing, Load
from orchestration.resources.publisher import Publisher
from orchestration.resources.settings import PROJECT_ROOT, Settings

escaped = escape

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
        if event == "success":
            self._out.print(f"  [green]done[/green]   {name}  {seconds:.1f} s")
        else:
            self._out.print(f"  [red]failed[/red] {name}")


def violations(out: Console, validation: SourceValidation) -> int:
    """Print every violation and a line of counts per entity; the number of rows that would be quarantined."""
    for name, entity in validation.entities.items():
        for row in pd.concat([entity.quarantine, entity.warnings]).itertuples():
            out.print(f"{escape(str(row.reason))} [dim]{row.clause_name}, {row.severity_code}[/dim]")
        for message in entity.messages:
            out.print(f"[yellow]note[/yellow] {escape(message)}")
        out.print(
            f"[bold]{name}[/bold]: {entity.landed_row_count:,} rows, {entity.accepted_row_count:,} accepted, "
            f"{entity.quarantined_row_count:,} to be quarantined"
        )
    return validation.quarantined_row_count


def quarantine_summary(out: Console, validation: SourceValidation) -> None:
    """One line per entity that had rows set aside, and where to see them."""
    set_aside = {name: found for name, found in validation.entities.items() if found.quarantined_row_count}
    for name, entity in set_aside.items():
        clauses = entity.quarantine["clause_name"].value_counts()
        told = ", ".join(f"{clause} {count:,}" for clause, count in clauses.head(3).items())
        out.print(f"  [yellow]{name}[/yellow]: {entity.quarantined_row_count:,} rows are set aside ({told})")
    if set_aside:
        out.print("  `stockstrata check` lists each with its line; they stay in marts.fct_quarantine.")


def load(out: Console, landed: Load) -> None:
    """One line per entity of a load."""
    if not landed.is_new:
        out.print("  nothing has changed since the load before")
        return
    for name, entity in landed.entities.items():
        late = f", {entity.late_row_count:,} late" if entity.late_row_count else ""
        out.print(
            f"  {name}: {entity.new_row_count:,} new, {entity.changed_row_count:,} changed, "
            f"{entity.unchanged_row_count:,} as before{late}"
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
    if counted and proposals:
        out.print(f"{counted[0]:,} policies ({counted[1]:,} on full evidence), {proposals[0]:,} order proposals.")
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
    table = Table("period", "planned at (UTC)", "run")
    for period, planned, run_id in cycles:
        table.add_row(str(period), _minute(planned), run_id)
    out.print(table)


def snapshots(out: Console, publisher: Publisher) -> None:
    """The snapshots kept, with the one in force marked."""
    held = publisher.current()
    for folder in publisher.snapshots():
        mark = "in force" if held is not None and folder == held.folder else ""
        out.print(f"  {folder.name}  {mark}")
    if held is None:
        out.print("Nothing is published yet.")


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
