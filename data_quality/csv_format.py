"""How the CSV files of a source are written, and the DuckDB expressions that turn their texts into one spelling.

Nothing is guessed: a text that does not fit the format stated in `source.yaml` is no value.
"""

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Encoding = Literal[
    "utf-8",
    "utf-16",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1254",
    "iso-8859-1",
    "iso-8859-2",
    "iso-8859-15",
    "shift_jis",
    "gb18030",
    "big5",
    "euc_kr",
]

_DAY_FORMAT = re.compile(r"(dd([./-]?)mm\2|mm([./-]?)dd\3)yyyy|yyyy([./-]?)mm\4dd")
_WEEK_FORMATS = {"yyyy-Www": (r"\d{4}-W\d{2}", "%G-W%V"), "yyyyww": (r"\d{6}", "%G%V")}
_ISO_DAY = "yyyy-mm-dd"
# What stands for a blank between thousands, and for the Swiss apostrophe.
_ALIKE = {" ": (" ", "\u00a0", "\u202f"), "'": ("'", "\u2019")}


class CsvFormat(BaseModel):
    """Key `csv` of `source.yaml`; what is not given is as the input contract wants it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    delimiter: Literal[",", ";", "\t", "|"] = ","
    encoding: Encoding = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", "'", " "] | None = None
    date_format: str = Field(default=_ISO_DAY)

    @field_validator("date_format")
    @classmethod
    def _date_format_is_known(cls, value: str) -> str:
        if value in _WEEK_FORMATS or _DAY_FORMAT.fullmatch(value):
            return value
        weeks = " or ".join(_WEEK_FORMATS)
        raise ValueError(f"a format such as dd.mm.yyyy, mm/dd/yyyy or yyyymmdd, or {weeks}")

    @model_validator(mode="after")
    def _signs_differ(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError("different signs for decimal and thousands")
        return self

    @property
    def number_example(self) -> str:
        """A number in this format."""
        return f"1{self.thousands}234{self.decimal}5" if self.thousands else f"12{self.decimal}5"

    @property
    def has_plain_numbers(self) -> bool:
        """Whether numbers are written with a point and without thousands separators."""
        return self.decimal == "." and self.thousands is None

    @property
    def has_iso_dates(self) -> bool:
        """Whether days are written YYYY-MM-DD."""
        return self.date_format == _ISO_DAY

    def number_sql(self, text: str) -> str:
        """The text of a number with a point and without thousands separators; NULL where it is not in this format."""
        decimal = re.escape(self.decimal)
        whole = r"\d*"
        plain = text
        if self.thousands:
            signs = _ALIKE.get(self.thousands, (self.thousands,))
            group = "[" + "".join(re.escape(sign) for sign in signs) + "]"
            whole = rf"(\d{{1,3}}({group}\d{{3}})+|\d*)"
            plain = f"regexp_replace({text}, {_literal(group)}, '', 'g')"
        shape = rf"[+-]?{whole}({decimal}\d*)?([eE][+-]?\d+)?"
        pointed = f"replace({plain}, '{self.decimal}', '.')"
        return f"CASE WHEN regexp_full_match({text}, {_literal(shape)}) THEN {pointed} END"

    def iso_sql(self, text: str) -> str:
        """The text of a day or timestamp with its day as YYYY-MM-DD; weeks become their Monday.

        A text that is not in this format stays as it is: a day in ISO form reads the same everywhere.
        """
        if self.has_iso_dates:
            return text
        if self.date_format in _WEEK_FORMATS:
            return _monday_sql(text, *_WEEK_FORMATS[self.date_format])
        order = re.findall("yyyy|mm|dd", self.date_format)
        separator = re.sub("[ymd]", "", self.date_format)[:1]
        # Where signs stand between the parts, 1.2.2025 is as clear as 01.02.2025.
        short = r"(\d{1,2})" if separator else r"(\d{2})"
        parts = [r"(\d{4})" if part == "yyyy" else short for part in order]
        shape = "^" + re.escape(separator).join(parts) + r"([ T].*)?$"
        year, month, day = (order.index(part) + 1 for part in ("yyyy", "mm", "dd"))
        swapped = f"regexp_replace({text}, {_literal(shape)}, '\\{year}-\\{month}-\\{day}\\4')"
        month_filled = f"regexp_replace({swapped}, '^(\\d{{4}})-(\\d)-', '\\1-0\\2-')"
        filled = f"regexp_replace({month_filled}, '^(\\d{{4}}-\\d\\d)-(\\d)($|[ T])', '\\1-0\\2\\3')"
        return f"CASE WHEN regexp_matches({text}, {_literal(shape)}) THEN {filled} ELSE {text} END"


def _monday_sql(text: str, shape: str, form: str) -> str:
    """The Monday of a week; DuckDB reads week 53 of a year of 52 as the next year's first, so it is written back."""
    monday = f"try_strptime({text} || '-1', '{form}-%u')"
    is_week = f"regexp_full_match({text}, '{shape}') AND strftime({monday}, '{form}') = {text}"
    return f"CASE WHEN {is_week} THEN strftime({monday}, '%Y-%m-%d') ELSE {text} END"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
