"""What to do about a value that breaks a clause, as DuckDB expressions over the rows that failed.

A value that would be sound in another format is told which setting of `source.yaml` says so; whether the whole extract
is written that way, only its owner knows, so nothing is converted on suspicion.
"""

from data_quality.contracts import Clause, Contract
from data_quality.csv_format import CsvFormat

# A condition, and what to tell where it holds.
Case = tuple[str, str]

_NUMBER_FORMATS = (
    CsvFormat(decimal=","),
    CsvFormat(decimal=",", thousands="."),
    CsvFormat(decimal=",", thousands=" "),
    CsvFormat(decimal=",", thousands="'"),
    CsvFormat(decimal="."),
    CsvFormat(decimal=".", thousands=","),
    CsvFormat(decimal=".", thousands=" "),
    CsvFormat(decimal=".", thousands="'"),
)
_DAY_FORMATS = ("dd.mm.yyyy", "yyyy/mm/dd", "yyyy.mm.dd", "yyyymmdd", "ddmmyyyy", "yyyy-Www")
# British and American days look alike up to the twelfth.
_DOUBTFUL_DAY_FORMATS = (("dd/mm/yyyy", "mm/dd/yyyy"), ("dd-mm-yyyy", "mm-dd-yyyy"))
_NO_VALUE = r"(?i)[+-]?(nan|inf|infinity|null|none|nil|n/?a|-+|\?+|#(n/a|value!|ref!|div/0!|name\?|null!|num!))"
_MEND = "Mend it in the system it comes from."


def next_step_sql(contract: Contract, clause: Clause, text: str, csv_format: CsvFormat | None) -> str:
    """An expression for the next step.

    Args:
        contract: contract of the entity.
        clause: the clause that failed.
        text: expression of the text found; NULL where there is none. Beside the text of a broken line, `opening_line`
            is the line of the quotes in which it stands.
        csv_format: how the file writes its values; None where it is no CSV file.
    """
    if clause.kind == "readable":
        return _for_broken_line(text, csv_format or CsvFormat())
    column = contract.column(clause.columns[0])
    if clause.kind == "type":
        other = "" if column.required else " Where there is none, leave it empty."
        if column.type in ("number", "integer"):
            return _for_number(text, csv_format)
        if column.type == "date":
            return _for_day(text, csv_format, other)
        if column.type == "timestamp":
            return _text(f"Write it in UTC, or with its offset as in 2024-01-31 10:00:00+02:00.{other}")
        return _text(f"Write one of these.{other}")
    if column.next_step and clause.kind == "minimum":
        return _text(column.next_step)
    told = {
        "present": "Fill it in, or leave the row out of the extract.",
        "allowed": "Write one of these, in these letters.",
        "not_before": "Mend one of the two dates.",
        "alike": f"If they mean the same, use one code in all extracts; they count as different {contract.name}.",
    }
    return _text(told.get(clause.kind, _MEND))


def duplicates_next_step(contract: Contract, clause: Clause) -> tuple[str, str]:
    """What to do about a key that stands twice: with the same values, and with others."""
    first = ", ".join(contract.keys[0])
    apart = "" if clause.columns == contract.keys[0] else f" Add such rows up, or bring {first} to tell them apart."
    return f". Export each row once.{apart}", f". Export only the row that is right.{apart}"


def expected_text(contract: Contract, clause: Clause, csv_format: CsvFormat | None) -> str:
    """What the clause expects, in the format of the file."""
    column = contract.column(clause.columns[0]) if clause.columns else None
    if clause.kind != "type" or column is None or csv_format is None:
        return clause.expected
    if column.type == "number" and not csv_format.has_plain_numbers:
        return f"a plain finite number such as {csv_format.number_example}"
    if column.type in ("date", "timestamp") and not csv_format.has_iso_dates:
        return f"{clause.expected} (or the day as {csv_format.date_format})"
    return clause.expected


def _for_broken_line(text: str, csv_format: CsvFormat) -> str:
    sign = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}[csv_format.delimiter]
    cases = [
        (
            "opening_line IS NOT NULL",
            "'It stands in quotes that open in line ' || opening_line || ': close them there, or write them twice.'",
        ),
        (f"contains({text}, chr(0))", _text("Remove the NUL bytes; UTF-16 has them, too.")),
        (f"contains({text}, chr(13))", _text("Quote values that hold a line break, and end lines with LF or CR LF.")),
        (f"contains({text}, '\"')", _text('Close quoted values with ", and write a quote inside one twice.')),
    ]
    return _ladder(cases, _text(f"Put values that hold {sign} between quotes, and give every line all its values."))


def _for_number(text: str, csv_format: CsvFormat | None) -> str:
    cases = [
        (f"regexp_full_match({text}, '{_NO_VALUE}')", _text("Leave the value empty where there is none.")),
        (
            rf"regexp_full_match({text}, '[\d.,]+\s*-|\([\d.,]+\)|[\x{{2212}}\x{{2013}}][\d.,]+')",
            _text("Write the sign in front, as in -5."),
        ),
    ]
    if csv_format is None:
        return _ladder(cases, _text("Give the column as numbers; where it is text, let a SELECT cast it."))
    sign = "," if csv_format.decimal == "." else "."
    group = rf"[+-]?\d{{1,3}}(\{sign}\d{{3}})+"
    either = (
        f'Write it without the sign, or set `csv: {{decimal: "{sign}"}}` or `csv: {{thousands: "{sign}"}}` in '
        "source.yaml, whichever it stands for."
    )
    cases.append((f"regexp_full_match({text}, '{group}')", _text(either)))
    number = f"TRY_CAST({text} AS DOUBLE)"
    cases.append((f"isinf({number})", _text(_MEND)))
    for other in sorted(_NUMBER_FORMATS, key=lambda other: other.decimal != csv_format.decimal):
        signs = {"decimal": other.decimal, "thousands": other.thousands}
        changed = {key: sign for key, sign in signs.items() if sign and sign != getattr(csv_format, key)}
        if changed:
            settings = ", ".join(f'{key}: "{sign}"' for key, sign in changed.items())
            told = f"Write it as in {csv_format.number_example}, or set `csv: {{{settings}}}` in source.yaml."
            cases.append((f"TRY_CAST({other.number_sql(text)} AS DOUBLE) IS NOT NULL", _text(told)))
    return _ladder(cases, _text("Write the number alone, without unit, currency or words."))


def _for_day(text: str, csv_format: CsvFormat | None, other: str) -> str:
    write = "Write" if csv_format else "Let a SELECT give"
    plain = csv_format.iso_sql(text) if csv_format else text
    iso = f"regexp_full_match({plain}, '\\d{{4}}-\\d{{2}}-\\d{{2}}')"
    excel = f"CAST(DATE '1899-12-30' + TRY_CAST(left({text}, 5) AS INTEGER) AS VARCHAR)"
    cases: list[Case] = [
        (f"{iso} AND TRY_CAST({plain} AS DATE) IS NULL", _text(f"There is no such day. {_MEND}")),
        (iso, _text(f"That year stands for a slip, or for no day at all. {_MEND}{other}")),
        (
            f"regexp_full_match({text}, '\\d{{4}}-\\d{{2}}-\\d{{2}}[ T].*')",
            _text("Give the day alone, as the company counts it: a time or an offset may belong to the day beside it."),
        ),
        (
            f"regexp_full_match({text}, '[1-7]\\d{{4}}(\\.\\d+)?')",
            f"'It may be a day number of Excel, for ' || {excel} || ': format the column as YYYY-MM-DD before saving.'",
        ),
        (
            f"regexp_full_match({text}, '\\d{{4}}-\\d{{2}}')",
            f"'Give the first day of the month, ' || {text} || '-01.'",
        ),
        (
            f"regexp_full_match({text}, '\\d{{6}}')",
            _text(f"{write} the first day of the month or week as YYYY-MM-DD" + _setting(csv_format, "yyyyww")),
        ),
        *_days_of_other_formats(text, csv_format, write),
        (f"regexp_matches({text}, '^\\d{{4}}-?W\\d')", _text(f"{write} the Monday of the week, as YYYY-MM-DD.")),
    ]
    or_as = f" or {csv_format.date_format}" if csv_format and not csv_format.has_iso_dates else ""
    return _ladder(cases, _text(f"{write} the day as YYYY-MM-DD{or_as}.{other}"))


def _days_of_other_formats(text: str, csv_format: CsvFormat | None, write: str) -> list[Case]:
    """For each format that the text is a day of: the day, and the setting."""

    def day(form: str) -> str:
        iso = CsvFormat(date_format=form).iso_sql(text)
        return f"TRY_CAST(nullif({iso}, {text}) AS DATE)"

    cases: list[Case] = []
    for pair in _DOUBTFUL_DAY_FORMATS:
        british, american = map(day, pair)
        told = f"{write} the day as YYYY-MM-DD" + _setting(csv_format, *pair)
        cases.append((f"{british} IS NOT NULL AND {american} <> {british}", _text(told)))
        cases += [_day_case(day(form), csv_format, form, write) for form in pair]
    return cases + [_day_case(day(form), csv_format, form, write) for form in _DAY_FORMATS]


def _day_case(day: str, csv_format: CsvFormat | None, form: str, write: str) -> Case:
    setting = _setting(csv_format, form).replace("'", "''")
    return f"{day} IS NOT NULL", f"'{write} it as ' || CAST({day} AS VARCHAR) || '{setting}'"


def _setting(csv_format: CsvFormat | None, *forms: str) -> str:
    if csv_format is None:
        return "."
    settings = " or ".join(f"`csv: {{date_format: {form}}}`" for form in forms)
    return f", or set {settings} in source.yaml."


def _ladder(cases: list[Case], otherwise: str) -> str:
    return "CASE " + " ".join(f"WHEN {condition} THEN {told}" for condition, told in cases) + f" ELSE {otherwise} END"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
