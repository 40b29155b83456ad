"""One entity's rows inside DuckDB: typed, judged clause by clause, and split into accepted and refused."""

from collections.abc import Collection

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from data_quality.contracts import LINE_IS_READABLE, Clause, clauses
from data_quality.reader import Extract
from data_quality.suites.raw import RawCheck, raw_suite, row_checks, survivor_checks
from data_quality.typed_values import key_number_sql, row_hash_sql, row_key_sql, text_name, typed_sql
from data_quality.verdict import VIOLATION_COLUMNS, ClauseResult, Outcome, run_suite

_SHOWN_CHARACTERS = 200


class EntityRows:
    """The rows of one extract as tables of a DuckDB connection: `rows`, `keys`, `refused`, `violations`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, extract: Extract) -> None:
        """Load the extract's rows; the extract itself is not held on to, for it is as large as they are."""
        self._connection = connection
        self._contract = extract.contract
        self._columns = extract.columns
        self._row_count = extract.rows.num_rows
        self.broken_row_count = extract.broken.num_rows
        self.file_name = extract.file_name
        self.file_hash = extract.file_hash
        self.messages = extract.warnings
        self._load(extract)
        self._add_broken_lines(extract)

    @property
    def landed_row_count(self) -> int:
        """Rows of the file, broken lines included."""
        return self._row_count + self.broken_row_count

    def judge(self, known_entities: Collection[str]) -> list[ClauseResult]:
        """Run all checks, fill `violations` and `refused`, and say what came of every clause.

        Args:
            known_entities: entities with a table `known_<entity>`, whose keys a reference may name.
        """
        results = self._structural_results()
        columns = self._columns
        results += self._run(row_checks(self._contract, columns=columns, known_entities=known_entities))
        self._make_keys()
        results += self._run(survivor_checks(self._contract, columns=columns))
        return results

    def accepted(self) -> pa.Table:
        """The rows that no quarantine clause refuses: typed contract columns, then file, line, key and hash."""
        here = self._columns
        columns = [
            f'"{column.name}"' if column.name in here else f'CAST(NULL AS {column.physical_type}) AS "{column.name}"'
            for column in self._contract.columns
        ]
        found = self._connection.execute(
            f"SELECT position, {', '.join(columns)}, file_name, row_number, "
            f"{row_key_sql(self._contract, here)} AS row_key, {row_hash_sql(self._contract, here)} AS row_hash "
            "FROM rows WHERE position NOT IN (SELECT position FROM refused)"
        ).to_arrow_table()
        # DuckDB keeps the order of a scan; sorting wide rows is paid for only if it ever does not.
        if (np.diff(found.column("position").to_numpy()) < 0).any():
            found = found.sort_by("position")
        return found.drop_columns("position")

    def refused_row_count(self) -> int:
        """Rows refused by a clause, broken lines not counted."""
        return self._number("SELECT count(*) FROM refused")

    def quarantine(self) -> pd.DataFrame:
        """One row a violated clause of a refused row or broken line, with the row as JSON of its text."""
        parts = [f'"{name}" := r."{text_name(self._contract.column(name))}"' for name in self._columns]
        return self._connection.execute(
            f"SELECT '{self._contract.name}' AS entity_name, {_names('v')}, "
            f"coalesce(v.line_json, CAST(to_json(struct_pack({', '.join(parts)})) AS VARCHAR)) AS row_json "
            "FROM violations v LEFT JOIN rows r ON v.position = r.position "
            "WHERE v.position IS NULL OR v.position IN (SELECT position FROM refused) "
            "ORDER BY v.row_number, v.file_name, v.clause_order"
        ).df()

    def warnings(self) -> pd.DataFrame:
        """One row a violated warn clause of an accepted row."""
        return self._connection.execute(
            f"SELECT '{self._contract.name}' AS entity_name, {_names('v')} FROM violations v "
            "WHERE v.position IS NOT NULL AND v.position NOT IN (SELECT position FROM refused) "
            "ORDER BY v.row_number, v.file_name, v.clause_order"
        ).df()

    def remember_keys(self, column: str) -> None:
        """Make `known_<entity>` and `unaccepted_<entity>`: values of a column in accepted and in other rows."""
        entity = self._contract.name
        kept = "position NOT IN (SELECT position FROM refused)"
        self._connection.execute(
            f'INSERT INTO known_{entity} SELECT DISTINCT "{column}" FROM rows WHERE {kept} AND "{column}" IS NOT NULL'
        )
        self._connection.execute(
            f'CREATE OR REPLACE TABLE unaccepted_{entity} AS SELECT DISTINCT "{column}" AS key FROM rows '
            f'WHERE "{column}" IS NOT NULL AND "{column}" NOT IN (SELECT key FROM known_{entity})'
        )

    def drop(self) -> None:
        """Free the tables."""
        for table in ("rows", "keys", "refused", "violations"):
            self._connection.execute(f"DROP TABLE IF EXISTS {table}")

    def _load(self, extract: Extract) -> None:
        present = [column for column in self._contract.columns if column.name in self._columns]
        texts = [f'"{column.name}" AS "{text_name(column)}"' for column in present]
        typed = [f'{typed_sql(column)} AS "{column.name}"' for column in present if column.type != "string"]
        self._connection.register("landed", extract.rows)
        self._connection.execute(
            f"CREATE OR REPLACE TABLE rows AS SELECT *{''.join(', ' + part for part in typed)} FROM ("
            f"SELECT position, CAST(file_name AS VARCHAR) AS file_name, row_number, {', '.join(texts)} FROM landed)"
        )
        self._connection.unregister("landed")
        self._connection.execute("CREATE OR REPLACE TABLE refused (position BIGINT)")
        types = {"row_number": "BIGINT"}
        columns = ", ".join(f"{name} {types.get(name, 'VARCHAR')}" for name in VIOLATION_COLUMNS)
        self._connection.execute(
            f"CREATE OR REPLACE TABLE violations (position BIGINT, clause_order INTEGER, line_json VARCHAR, {columns})"
        )

    def _add_broken_lines(self, extract: Extract) -> None:
        (clause,) = (clause for clause in clauses(self._contract) if clause.name == LINE_IS_READABLE)
        file_name = _text(self.file_name)
        found = f"left(line_text, {_SHOWN_CHARACTERS})"
        self._connection.register("broken", extract.broken)
        self._connection.execute(
            "INSERT INTO violations SELECT NULL, 0, CAST(to_json(struct_pack(line := line_text)) AS VARCHAR), "
            f"{file_name}, row_number, NULL, {_text(clause.name)}, {_text(clause.severity)}, {found}, "
            f"{_text(clause.expected)}, {file_name} || ', line ' || row_number || ': found ''' || {found} || "
            f"''', expected ' || {_text(clause.expected)} FROM broken"
        )
        self._connection.unregister("broken")

    def _structural_results(self) -> list[ClauseResult]:
        """Results of the clauses that reading proved: rows are there, columns are there, lines are records."""
        landed, broken = self.landed_row_count, self.broken_row_count
        results = []
        for clause in clauses(self._contract):
            if clause.kind in ("not_empty", "column_exists"):
                results.append(_result(clause, landed, 0))
            elif clause.kind == "readable":
                results.append(_result(clause, landed, broken))
        return results

    def _make_keys(self) -> None:
        """Key of every surviving row and the first position that has it."""
        here = self._columns
        survivors = "FROM rows WHERE position NOT IN (SELECT position FROM refused)"
        self._connection.execute(
            f"CREATE OR REPLACE TABLE keys AS WITH keyed AS (SELECT position, {key_number_sql(self._contract, here)} "
            f"AS key_number, {row_key_sql(self._contract, here)} AS row_key {survivors}), doubled AS (SELECT row_key, "
            "min(position) AS first_position FROM keyed GROUP BY row_key HAVING count(*) > 1) "
            "SELECT position, key_number, coalesce(first_position, position) AS first_position "
            "FROM keyed LEFT JOIN doubled USING (row_key)"
        )
        for name in self._own_targets():
            self._connection.execute(
                f'CREATE OR REPLACE TABLE known_self AS SELECT DISTINCT "{name}" AS key {survivors}'
            )

    def _own_targets(self) -> set[str]:
        """Columns of the entity that its own columns point at."""
        links = [column.references for column in self._contract.columns if column.references]
        return {link.column for link in links if link.entity == self._contract.name}

    def _run(self, checks: list[RawCheck]) -> list[ClauseResult]:
        """Judge the checks through Great Expectations and note what they refuse."""
        if not self._row_count:
            return [_result(check.clause, 0, 0) for check in checks]
        by_name = {check.clause.name: check for check in checks}
        sources = {name: (expression, check) for check in checks for name, expression in check.columns.items()}

        def frame_of(columns: list[str]) -> pd.DataFrame:
            return self._frame({name: sources[name][0] for name in columns}, sources[columns[0]][1].clause)

        outcomes = run_suite(raw_suite(self._contract, checks), frame_of)
        results = []
        for outcome in outcomes:
            clause = by_name[outcome.clause_name].clause
            failed = self._note(clause, outcome) if outcome.failed_labels.size else 0
            if clause.kind != "unique" or self._number(
                f"SELECT count(*) FROM keys WHERE key_number = {self._place(clause)}"
            ):
                results.append(_result(clause, outcome.checked_row_count, failed))
        self._connection.execute(
            "INSERT INTO refused SELECT DISTINCT position FROM violations WHERE severity_code = 'quarantine' "
            "AND position IS NOT NULL AND position NOT IN (SELECT position FROM refused)"
        )
        return results

    def _place(self, clause: Clause) -> int:
        return self._contract.keys.index(clause.columns) + 1

    def _frame(self, columns: dict[str, str], clause: Clause) -> pd.DataFrame:
        """Frame of some columns, labelled by position; text stays in Arrow, so good rows make no Python objects."""
        wanted = ", ".join(f'{expression} AS "{name}"' for name, expression in columns.items())
        table = "keys" if clause.kind == "unique" else "rows"
        found = self._connection.execute(
            f"SELECT position, {wanted} FROM {table} WHERE position NOT IN (SELECT position FROM refused)"
        ).to_arrow_table()
        frame = found.to_pandas(
            types_mapper=lambda kind: pd.ArrowDtype(kind) if pa.types.is_string(kind) else None, date_as_object=False
        ).set_index("position")
        frame.index.name = None
        return frame

    def _note(self, clause: Clause, outcome: Outcome) -> int:
        """Add the violations of one clause and return how many there are."""
        self._connection.register("failed", pa.table({"position": outcome.failed_labels.astype(np.int64)}))
        order = [other.name for other in clauses(self._contract)].index(clause.name)
        before = self._number("SELECT count(*) FROM violations")
        found, reason, joins = self._wording(clause)
        column = _text(clause.column) if clause.column else "NULL"
        self._connection.execute(
            f"INSERT INTO violations SELECT r.position, {order}, NULL, r.file_name, r.row_number, {column}, "
            f"{_text(clause.name)}, {_text(clause.severity)}, left({found}, {_SHOWN_CHARACTERS}), "
            f"{_text(clause.expected)}, r.file_name || ', line ' || r.row_number || {reason} "
            f"FROM failed f JOIN rows r ON f.position = r.position {joins}"
        )
        self._connection.unregister("failed")
        return self._number("SELECT count(*) FROM violations") - before

    def _wording(self, clause: Clause) -> tuple[str, str, str]:
        """Found value, rest of the reason, and the joins they need, as SQL over the failed rows `r`."""
        texts = {name: f'r."{text_name(self._contract.column(name))}"' for name in self._columns}
        if clause.kind == "unique":
            return self._wording_of_duplicates(clause, texts)
        found = texts[clause.columns[0]]
        reason = (
            f"', column {clause.column}: found ' || coalesce('''' || left({found}, {_SHOWN_CHARACTERS}) || '''', "
            f"'nothing') || {_text(f', expected {clause.expected}')}"
        )
        if clause.kind == "not_before":
            reason += f" || ' ' || {texts[clause.columns[1]]}"
        reference = self._contract.column(clause.columns[0]).references
        if clause.kind == "reference" and reference and reference.entity != self._contract.name:
            known = f"{found} IN (SELECT key FROM unaccepted_{reference.entity})"
            reason += f" || CASE WHEN {known} THEN '; its row in {reference.entity} is quarantined itself' ELSE '' END"
        return found, reason, ""

    def _wording_of_duplicates(self, clause: Clause, texts: dict[str, str]) -> tuple[str, str, str]:
        found = "concat_ws(', ', " + ", ".join(texts[name] for name in clause.columns if name in texts) + ")"
        differing = ", ".join(
            f'CASE WHEN r."{name}" IS DISTINCT FROM k."{name}" THEN \'{name}\' END' for name in self._columns
        )
        names = ", ".join(clause.columns)
        reason = (
            f"': {names} ' || {found} || ' stands already in line ' || k.row_number || CASE WHEN k.file_name <> "
            "r.file_name THEN ' of ' || k.file_name ELSE '' END || ', which is kept; ' || "
            f"coalesce('the values differ in ' || nullif(concat_ws(', ', {differing}), ''), 'the values are the same')"
        )
        # Great Expectations names every row of a doubled key; the first is the one that is kept.
        joins = (
            "JOIN keys ON keys.position = r.position AND keys.first_position <> r.position "
            "JOIN rows k ON k.position = keys.first_position"
        )
        return found, reason, joins

    def _number(self, query: str) -> int:
        row = self._connection.execute(query).fetchone()
        return int(row[0]) if row else 0


def _result(clause: Clause, checked: int, failed: int) -> ClauseResult:
    return ClauseResult(
        clause.entity, clause.name, clause.column, clause.severity, checked, failed, checked > 0 and failed == 0
    )


def _names(alias: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in VIOLATION_COLUMNS)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
