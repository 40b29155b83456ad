"""One entity's rows inside DuckDB: typed, judged clause by clause, and split into accepted and refused."""

from collections.abc import Collection, Mapping

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from data_quality.contracts import LINE_IS_READABLE, Clause, clauses
from data_quality.csv_format import CsvFormat
from data_quality.native_values import native_sql
from data_quality.next_steps import duplicates_next_step, expected_text, next_step_sql
from data_quality.reader import Extract
from data_quality.suites.raw import RawCheck, raw_suite, row_checks, survivor_checks
from data_quality.typed_values import (
    folded_sql,
    key_columns_sql,
    key_number_sql,
    loosely_folded_sql,
    row_hash_sql,
    row_key_sql,
    text_name,
    typed_sql,
)
from data_quality.verdict import VIOLATION_COLUMNS, ClauseResult, Outcome, clauses_not_met, run_suite

_SHOWN_CHARACTERS = 200


class EntityRows:
    """The rows of one extract inside a DuckDB connection, named `<entity>_rows`, `_refused` and so on.

    The rows themselves stay in the Arrow columns that were read, and typed values stand beside them: a table would be
    one more copy, and cost more than all clauses. They stay there for whoever lands them; `accepted_sql` says how to
    read them, and `line_columns` which columns say where a row stood: `row_number`, and `file_name` where a SELECT
    tells it for each row.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, extract: Extract) -> None:
        """Take the extract's rows over and type them."""
        self.connection = connection
        self.contract = extract.contract
        self.columns = extract.columns
        self._row_count = extract.rows.num_rows
        self.broken_row_count = extract.broken.num_rows
        self.file_name = extract.file_name
        self.file_hash = extract.file_hash
        self.messages = extract.warnings
        self._csv_format = extract.csv_format
        self.line_columns = ("row_number",) if extract.is_one_file else ("file_name", "row_number")
        names = ("rows", "refused", "doubled", "violations")
        self._rows, self._refused, self._doubled, self._violations = (f"{self.contract.name}_{name}" for name in names)
        self._extract = self._typed(extract)
        self._show_rows()
        self._create_notes()
        self._add_broken_lines(extract)

    @property
    def landed_row_count(self) -> int:
        """Rows of the file, broken lines included."""
        return self._row_count + self.broken_row_count

    def judge(self, known_entities: Collection[str]) -> list[ClauseResult]:
        """Run all checks, note violations and refused rows, and say what came of every clause.

        Args:
            known_entities: entities with a table `known_<entity>`, whose keys a reference may name.
        """
        results = self._structural_results()
        columns = self.columns
        results += self._run(row_checks(self.contract, columns=columns, known_entities=known_entities))
        self._note_look_alikes()
        self._note_doubled()
        results += self._run(survivor_checks(self.contract, columns=columns))
        return results

    def accepted_sql(self) -> str:
        """A SELECT of the rows that no quarantine clause refuses.

        It gives `position`, the typed contract columns (NULL where the extract lacks one), `file_name`, `row_number`,
        `row_key` and `row_hash`.
        """
        here = self.columns
        columns = [
            f'"{column.name}"' if column.name in here else f'CAST(NULL AS {column.physical_type}) AS "{column.name}"'
            for column in self.contract.columns
        ]
        return (
            f"SELECT position, {', '.join(columns)}, file_name, row_number, {row_key_sql(self.contract, here)} "
            f"AS row_key, {row_hash_sql(self.contract, here)} AS row_hash FROM {self._judged()}"
        )

    def refused_keys_sql(self) -> str:
        """A SELECT of `file_name`, `row_number` and `row_key` of every refused row, broken lines left out.

        The key is NULL where it cannot be read.
        """
        here, key = self.columns, row_key_sql(self.contract, self.columns)
        number = key_number_sql(self.contract, self.columns)
        lost = [
            f"{number} >= {place} AND ({' OR '.join(self._lost_sql(name) for name in names)})"
            for place, parts in enumerate(self.contract.keys, start=1)
            if (names := [name for name in parts if name in here])
        ]
        return (
            f"SELECT file_name, row_number, CASE WHEN {' OR '.join(lost)} THEN NULL ELSE {key} END AS row_key "
            f"FROM {self._rows} SEMI JOIN {self._refused} USING (position)"
        )

    def _lost_sql(self, name: str) -> str:
        """Whether a part of a key is missing or is not of its type."""
        column = self.contract.column(name)
        is_given = "true" if column.required else f'"{text_name(column)}" IS NOT NULL'
        return f'("{name}" IS NULL AND {is_given})'

    def accepted(self) -> pa.Table:
        """The accepted rows in file order, without `position`."""
        found = self.connection.execute(self.accepted_sql()).to_arrow_table()
        # DuckDB keeps the order of a scan; sorting wide rows is paid for only if it ever does not.
        if (np.diff(found.column("position").to_numpy()) < 0).any():
            found = found.sort_by("position")
        return found.drop_columns("position")

    def accepted_row_count(self) -> int:
        """Rows that no quarantine clause refuses."""
        return self._number(f"SELECT count(*) FROM {self._judged()}")

    def refused_row_count(self) -> int:
        """Rows refused by a clause, broken lines not counted."""
        return self._number(f"SELECT count(*) FROM {self._refused}")

    def quarantine(self) -> pd.DataFrame:
        """One row a violated clause of a refused row or broken line, with the row as JSON of its text."""
        parts = [f'"{name}" := {self._text_of(name)}' for name in self.columns]
        return self.connection.execute(
            f"SELECT '{self.contract.name}' AS entity_name, {_names('v')}, "
            f"coalesce(v.line_json, CAST(to_json(struct_pack({', '.join(parts)})) AS VARCHAR)) AS row_json "
            f"FROM {self._violations} v LEFT JOIN {self._rows} r ON v.position = r.position "
            f"WHERE v.position IS NULL OR v.position IN (SELECT position FROM {self._refused}) "
            "ORDER BY v.row_number, v.file_name, v.clause_order"
        ).df()

    def warnings(self) -> pd.DataFrame:
        """One row a violated warn clause of an accepted row."""
        return self.connection.execute(
            f"SELECT '{self.contract.name}' AS entity_name, {_names('v')} FROM {self._violations} v "
            f"WHERE v.position IS NOT NULL AND v.position NOT IN (SELECT position FROM {self._refused}) "
            "ORDER BY v.row_number, v.file_name, v.clause_order"
        ).df()

    def remember_keys(self, column: str) -> None:
        """Make `known_<entity>` and `unaccepted_<entity>`: values of a column in accepted and in other rows."""
        entity = self.contract.name
        self.connection.execute(
            f'INSERT INTO known_{entity} SELECT DISTINCT "{column}" FROM {self._judged()} WHERE "{column}" IS NOT NULL '
            f'AND "{column}" NOT IN (SELECT key FROM known_{entity})'
        )
        self.connection.execute(
            f'CREATE OR REPLACE TABLE unaccepted_{entity} AS SELECT DISTINCT "{column}" AS key FROM {self._rows} '
            f'WHERE "{column}" IS NOT NULL AND "{column}" NOT IN (SELECT key FROM known_{entity})'
        )

    def drop_texts(self) -> None:
        """Free what only messages need: the values as they stood in the file, and the violations."""
        texts = [
            text_name(column)
            for column in map(self.contract.column, self.columns)
            # Refused rows keep the text of their keys: without it nobody can tell whether the key was readable.
            if text_name(column) != column.name and not any(column.name in key for key in self.contract.keys)
        ]
        self._extract = self._extract.drop_columns(texts)
        self._show_rows()
        self.connection.execute(f"DROP TABLE {self._violations}")

    def _typed(self, extract: Extract) -> pa.Table:
        """The rows with the columns of their file under `text_name`, and the typed values of those that are no text."""
        given = {column.name: text_name(column) for column in map(self.contract.column, self.columns)}
        rows = extract.rows.rename_columns([given.get(name, name) for name in extract.rows.column_names])
        csv_format = self._csv_format or CsvFormat()
        typed = {
            column.name: typed_sql(column, csv_format) if _is_text(extract, column.name) else native_sql(column)
            for column in map(self.contract.column, self.columns)
            if column.type != "string"
        }
        if not typed:
            return rows
        self.connection.register("landed", rows)
        found = self.connection.execute(f"SELECT position, {_laid_out(typed)} FROM landed").to_arrow_table()
        self.connection.unregister("landed")
        if not found.column("position").equals(rows.column("position")):
            found = found.sort_by("position")
        for name in typed:
            rows = rows.append_column(name, found.column(name))
        return rows

    def _show_rows(self) -> None:
        """Let the connection see the rows."""
        columns = ", ".join(f'"{name}"' for name in self._extract.column_names if name != "file_name")
        file_name = "file_name" if "file_name" in self.line_columns else f"{_text(self.file_name)} AS file_name"
        extract = f"{self.contract.name}_extract"
        self.connection.register(extract, self._extract)
        self.connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {self._rows} AS SELECT {columns}, {file_name} FROM {extract}"
        )

    def _create_notes(self) -> None:
        """Make the tables of what judging finds."""
        self.connection.execute(f"CREATE OR REPLACE TABLE {self._refused} (position BIGINT)")
        self.connection.execute(f"CREATE OR REPLACE TABLE {self._doubled} (position BIGINT, first_position BIGINT)")
        types = {"row_number": "BIGINT"}
        columns = ", ".join(f"{name} {types.get(name, 'VARCHAR')}" for name in VIOLATION_COLUMNS)
        self.connection.execute(
            f"CREATE OR REPLACE TABLE {self._violations} "
            f"(position BIGINT, clause_order INTEGER, line_json VARCHAR, {columns})"
        )

    def _add_broken_lines(self, extract: Extract) -> None:
        (clause,) = (clause for clause in clauses(self.contract) if clause.name == LINE_IS_READABLE)
        file_name = _text(self.file_name)
        found = f"left(line_text, {_SHOWN_CHARACTERS})"
        self.connection.register("broken", extract.broken)
        self.connection.execute(
            f"INSERT INTO {self._violations} SELECT NULL, 0, CAST(to_json(struct_pack(line := line_text)) AS VARCHAR), "
            f"{file_name}, row_number, NULL, {_text(clause.name)}, {_text(clause.severity)}, {found}, "
            f"{_text(clause.expected)}, {file_name} || ', line ' || row_number || ': found ''' || {found} || "
            f"''', expected ' || {_text(clause.expected)} || '. ' || "
            f"{next_step_sql(self.contract, clause, 'line_text', self._csv_format)} FROM broken"
        )
        self.connection.unregister("broken")

    def _structural_results(self) -> list[ClauseResult]:
        """Results of the clauses that reading proved: rows are there, columns are there, lines are records."""
        landed, broken = self.landed_row_count, self.broken_row_count
        results = []
        for clause in clauses(self.contract):
            if clause.kind in ("not_empty", "column_exists"):
                results.append(_result(clause, landed, 0))
            elif clause.kind == "readable":
                results.append(_result(clause, landed, broken))
        return results

    def _judged(self) -> str:
        """The rows that no clause has refused so far.

        With the number of their key, whether others have the same, and the first row that has it.
        """
        # Joins with nothing still read all rows.
        is_doubled = self._number(f"SELECT count(*) FROM {self._doubled}")
        first = "coalesce(first_position, position)" if is_doubled else "position"
        shared = "first_position IS NOT NULL" if is_doubled else "false"
        joins = f" LEFT JOIN {self._doubled} USING (position)" if is_doubled else ""
        joins += f" ANTI JOIN {self._refused} USING (position)" if self.refused_row_count() else ""
        number = key_number_sql(self.contract, self.columns)
        return (
            f"(SELECT {self._rows}.*, {number} AS key_number, {shared} AS is_doubled, {first} AS first_position "
            f"FROM {self._rows}{joins})"
        )

    def _note_look_alikes(self) -> None:
        """Make `alike`: codes of surviving rows that differ in letter case and blanks alone."""
        for name in self.contract.codes:
            if name in self.columns:
                self.connection.execute(
                    f"CREATE OR REPLACE TEMP TABLE alike AS SELECT {folded_sql(name)} AS fold, "
                    f'list(DISTINCT "{name}" ORDER BY "{name}") AS codes FROM {self._judged()} '
                    f'GROUP BY fold HAVING count(DISTINCT "{name}") > 1'
                )

    def _note_doubled(self) -> None:
        """Note the rows that share their key with others, with the first of them."""
        for name in self._own_targets():
            self.connection.execute(
                f'CREATE OR REPLACE TABLE known_self AS SELECT DISTINCT "{name}" AS key FROM {self._judged()}'
            )
        judged = self._judged()
        for place, parts in enumerate(key_columns_sql(self.contract, self.columns), start=1):
            # Equal keys have equal hashes. Hardly any two rows share one, and only those that do are grouped.
            hashed = f"hash({', '.join(parts)})"
            found = self.connection.execute(f"SELECT {hashed} AS hash FROM {judged} WHERE key_number = {place}")
            repeated = _repeated(found.to_arrow_table().column("hash").to_numpy())
            if not repeated.size:
                continue
            self.connection.register("repeated", pa.table({"hash": repeated}))
            named = ", ".join(f"{part} AS part_{number}" for number, part in enumerate(parts))
            listed = ", ".join(f"part_{number}" for number in range(len(parts)))
            self.connection.execute(
                f"INSERT INTO {self._doubled} SELECT position, min(position) OVER (PARTITION BY {listed}) FROM ("
                f"SELECT position, {named} FROM {judged} WHERE key_number = {place} "
                f"AND {hashed} IN (SELECT hash FROM repeated)) QUALIFY count(*) OVER (PARTITION BY {listed}) > 1"
            )
            self.connection.unregister("repeated")

    def _own_targets(self) -> set[str]:
        """Columns of the entity that its own columns point at."""
        links = [column.references for column in self.contract.columns if column.references]
        return {link.column for link in links if link.entity == self.contract.name}

    def _run(self, checks: list[RawCheck]) -> list[ClauseResult]:
        """Judge the checks through Great Expectations and note what they refuse.

        The rows that would break a clause first are judged alone; a clause that they keep all rows keep. The others are
        judged on all rows that can break them, which names each that does.
        """
        judged = self._judged()
        keyed = dict(
            self.connection.execute(f"SELECT key_number, count(*) FROM {judged} GROUP BY key_number").fetchall()
        )
        checked = sum(keyed.values())
        checks = [check for check in checks if check.clause.kind != "unique" or keyed.get(self._place(check.clause))]
        broken = self._broken_by_worst_rows(checks, judged) if checked else []
        by_columns = {tuple(check.columns): check for check in broken}
        outcomes = run_suite(
            raw_suite(self.contract, broken), lambda columns: self._breaking_frame(by_columns[tuple(columns)], judged)
        )
        by_name = {check.clause.name: check.clause for check in broken}
        failed = {
            outcome.clause_name: self._note(by_name[outcome.clause_name], outcome)
            for outcome in outcomes
            if outcome.failed_labels.size
        }
        self.connection.execute(
            f"INSERT INTO {self._refused} SELECT DISTINCT position FROM {self._violations} WHERE severity_code = "
            f"'quarantine' AND position IS NOT NULL AND position NOT IN (SELECT position FROM {self._refused})"
        )
        return [_result(check.clause, checked, failed.get(check.clause.name, 0)) for check in checks]

    def _broken_by_worst_rows(self, checks: list[RawCheck], judged: str) -> list[RawCheck]:
        """The checks that do not hold for the rows that would break them first."""
        columns = {name: expression for check in checks for name, expression in check.columns.items()}
        laid_out = _laid_out(columns)
        aggregates = [aggregate for check in checks for aggregate in check.worst_rows]
        found = self.connection.execute(
            f"SELECT {', '.join(['min(position)', *aggregates])} FROM (SELECT position, is_doubled, {laid_out} "
            f"FROM {judged})"
        ).fetchone()
        positions = {place for place in found or () if place is not None}
        for check in checks:
            if not check.worst_rows:
                positions |= self._one_of_each_value(check, judged)
        listed = ", ".join(map(str, sorted(positions)))
        frame = self._frame(f"SELECT position, {laid_out} FROM {judged} WHERE position IN ({listed})")
        broken = clauses_not_met(raw_suite(self.contract, checks), frame)
        return [check for check in checks if check.clause.name in broken]

    def _one_of_each_value(self, check: RawCheck, judged: str) -> set[int]:
        """A row of each value of a check of allowed ones: more values than are allowed cannot all be allowed."""
        (name,) = check.columns
        most = len(self.contract.column(name).allowed_values) + 2
        rows = self.connection.execute(f'SELECT min(position) FROM {judged} GROUP BY "{name}" LIMIT {most}').fetchall()
        return {place for (place,) in rows}

    def _breaking_frame(self, check: RawCheck, judged: str) -> pd.DataFrame:
        """Frame of all rows that can break a check."""
        names = ", ".join(f'"{name}"' for name in check.columns)
        return self._frame(
            f"SELECT position, {names} FROM (SELECT position, is_doubled, {_laid_out(check.columns)} FROM {judged}) "
            f"WHERE {check.can_break}"
        )

    def _place(self, clause: Clause) -> int:
        return self.contract.keys.index(clause.columns) + 1

    def _frame(self, query: str) -> pd.DataFrame:
        """Frame of a query, labelled by position; text stays in Arrow, so good rows make no Python objects."""
        found = self.connection.execute(query).to_arrow_table()
        frame = found.to_pandas(
            types_mapper=lambda kind: pd.ArrowDtype(kind) if pa.types.is_string(kind) else None, date_as_object=False
        ).set_index("position")
        frame.index.name = None
        return frame

    def _note(self, clause: Clause, outcome: Outcome) -> int:
        """Add the violations of one clause and return how many there are."""
        self.connection.register("failed", pa.table({"position": outcome.failed_labels.astype(np.int64)}))
        order = [other.name for other in clauses(self.contract)].index(clause.name)
        before = self._number(f"SELECT count(*) FROM {self._violations}")
        found, reason, joins = self._wording(clause)
        column = _text(clause.column) if clause.column else "NULL"
        self.connection.execute(
            f"INSERT INTO {self._violations} SELECT r.position, {order}, NULL, r.file_name, r.row_number, {column}, "
            f"{_text(clause.name)}, {_text(clause.severity)}, left({found}, {_SHOWN_CHARACTERS}), "
            f"{_text(expected_text(self.contract, clause, self._csv_format))}, "
            f"r.file_name || ', line ' || r.row_number || {reason} "
            f"FROM failed f JOIN {self._rows} r ON f.position = r.position {joins}"
        )
        self.connection.unregister("failed")
        return self._number(f"SELECT count(*) FROM {self._violations}") - before

    def _text_of(self, name: str) -> str:
        """The text of a column of the rows `r`."""
        return f'CAST(r."{text_name(self.contract.column(name))}" AS VARCHAR)'

    def _wording(self, clause: Clause) -> tuple[str, str, str]:
        """Found value, rest of the reason, and the joins they need, as SQL over the failed rows `r`."""
        texts = {name: self._text_of(name) for name in self.columns}
        if clause.kind == "unique":
            return self._wording_of_duplicates(clause, texts)
        found = texts[clause.columns[0]]
        reason = (
            f"', column {clause.column}: found ' || coalesce('''' || left({found}, {_SHOWN_CHARACTERS}) || '''', "
            f"'nothing') || {_text(f', expected {expected_text(self.contract, clause, self._csv_format)}')}"
        )
        if clause.kind == "reference":
            return found, *self._wording_of_unknown(clause, found, reason)
        joins = ""
        if clause.kind == "not_before":
            reason += f" || ' ' || {texts[clause.columns[1]]}"
        if clause.kind == "alike":
            others = (
                f"list_transform(list_filter(a.codes, lambda code: code <> {found}), lambda code: '''' || code || '''')"
            )
            reason += f" || '; there is also ' || array_to_string({others}, ', ')"
            joins = f"JOIN alike a ON a.fold = {folded_sql(found)}"
        return found, f"{reason} || '. ' || {next_step_sql(self.contract, clause, found, self._csv_format)}", joins

    def _wording_of_unknown(self, clause: Clause, found: str, reason: str) -> tuple[str, str]:
        """Reason and joins for a value that its entity does not have: perhaps it has one that looks alike."""
        reference = self.contract.column(clause.columns[0]).references
        entity = reference.entity if reference else ""
        known = "self" if entity == self.contract.name else entity
        likely = (
            f"'; {entity} has ''' || known.key || ''', which differs in letter case, blanks or leading zeros alone. "
            "Write the code in the same way everywhere.'"
        )
        told = f"WHEN known.key IS NOT NULL THEN {likely}"
        if known != "self":
            refused = f"{found} IN (SELECT key FROM unaccepted_{entity})"
            quarantined = f"'; its row in {entity} is quarantined itself. Mend that row first.'"
            told = f"WHEN {refused} THEN {quarantined} {told}"
        rounded = f"regexp_full_match({found}, '(?i)\\d([.,]\\d+)?E\\+\\d+')"
        told += f" WHEN {rounded} THEN '. A spreadsheet may have rounded it: format codes as text before saving.'"
        joins = (
            f"LEFT JOIN (SELECT {loosely_folded_sql('key')} AS fold, min(key) AS key FROM known_{known} GROUP BY fold) "
            f"known ON known.fold = {loosely_folded_sql(found)}"
        )
        return f"{reason} || CASE {told} ELSE '. Bring its row in {entity}, or mend the code.' END", joins

    def _wording_of_duplicates(self, clause: Clause, texts: dict[str, str]) -> tuple[str, str, str]:
        found = "concat_ws(', ', " + ", ".join(texts[name] for name in clause.columns if name in texts) + ")"
        differing = ", ".join(
            f'CASE WHEN r."{name}" IS DISTINCT FROM k."{name}" THEN \'{name}\' END' for name in self.columns
        )
        names = ", ".join(clause.columns)
        same, differ = duplicates_next_step(self.contract, clause)
        reason = (
            f"': {names} ' || {found} || ' stands already in line ' || k.row_number || CASE WHEN k.file_name <> "
            "r.file_name THEN ' of ' || k.file_name ELSE '' END || ', which is kept; ' || "
            f"coalesce('the values differ in ' || nullif(concat_ws(', ', {differing}), '') || {_text(differ)}, "
            f"'the values are the same' || {_text(same)})"
        )
        # Great Expectations names every row of a doubled key; the first is the one that is kept.
        joins = (
            f"JOIN {self._doubled} d ON d.position = r.position AND d.first_position <> r.position "
            f"JOIN {self._rows} k ON k.position = d.first_position"
        )
        return found, reason, joins

    def _number(self, query: str) -> int:
        row = self.connection.execute(query).fetchone()
        return int(row[0]) if row else 0


def _laid_out(columns: Mapping[str, str]) -> str:
    return ", ".join(f'{expression} AS "{name}"' for name, expression in columns.items())


def _repeated(numbers: np.ndarray) -> np.ndarray:
    """The numbers that occur more than once."""
    ordered = np.sort(numbers)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _is_text(extract: Extract, name: str) -> bool:
    return pa.types.is_string(extract.rows.schema.field(name).type)


def _result(clause: Clause, checked: int, failed: int) -> ClauseResult:
    return ClauseResult(
        clause.entity, clause.name, clause.column, clause.severity, checked, failed, checked > 0 and failed == 0
    )


def _names(alias: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in VIOLATION_COLUMNS)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
