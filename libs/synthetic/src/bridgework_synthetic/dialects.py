"""Four manners of printing the same practice.

(a) is how rows are made; (b), (c) and (d) reprint its cells: the program's old text export, a
spreadsheet-friendly Unicode export, and an export somebody opened and saved again in Excel. A
reprinting may destroy something; :meth:`Manner.instead` then says what a reader may honestly find.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

from bridgework_synthetic.cells import MONTHS
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.recipe import DialectName
from bridgework_synthetic.schema import HEADERS, MANIFEST_HEADER, Kind, kind_of

Reprint = Callable[[str], str]
Quoting = Literal["needed", "text", "all"]

EXCEL_CELL_CHARS: Final = 32767
"""Excel keeps no more characters in a cell."""

_DATE: Final = re.compile(r"(\d\d)/(\d\d)/(\d{4})(?: (\d\d):(\d\d) ([AP])M)?")
_TIME: Final = re.compile(r"(\d{1,2}):?(\d\d) ?([ap])?m?", re.IGNORECASE)
_PHONE: Final = re.compile(r"\(?(\d{3})\)?[-. ]?(\d{3})[-.]?(\d{4})")
_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_RESAVED_DAY_FIRST: Final = ("ledger", "treatment_items", "tooth_chart", "claims", "tasks")
"""Files with enough dates to show, by a day over twelve, which way round they are."""


@dataclass(slots=True)
class Manner:
    """How one file is written: bytes, separators, quotes, and the reprinting of its columns."""

    file: str
    header: tuple[str, ...]
    encoding: str = "utf-8"
    mark: bytes = b""
    delimiter: str = ","
    quote: str = '"'
    quoting: Quoting = "needed"
    line_end: str = "\r\n"
    trailer: str = ""
    """Format of the last line, ``{rows}`` in it; blank where there is none."""
    note: str = "as the program wrote it"
    year: int = 2026
    """Year of the export: what two digits cannot mean any more."""
    reprints: dict[str, Reprint] = field(default_factory=dict)

    def cell(self, column: str, text: str) -> str:
        """A dialect (a) cell as this file prints it."""
        reprint = self.reprints.get(column)
        printed = reprint(text) if reprint else text
        if self.encoding == "cp1252" and not printed.isascii():
            return printed.encode("cp1252", "replace").decode("cp1252")
        return printed

    def row(self, values: dict[str, str]) -> list[str]:
        """A whole row in file order."""
        get = values.get
        if self.encoding == "cp1252":
            return [self.cell(column, get(column, "")) for column in self.header]
        cells = [get(column, "") for column in self.header]
        if self.reprints:
            for place, column in enumerate(self.header):
                reprint = self.reprints.get(column)
                if reprint:
                    cells[place] = reprint(cells[place])
        return cells

    def line(self, cells: list[str], *, heading: bool = False) -> str:
        """One record with separators, quotes and line end."""
        quote, doubled = self.quote, self.quote * 2
        special = (self.delimiter, quote, "\r", "\n")
        out = []
        for place, cell in enumerate(cells):
            always = self.quoting == "all" or (
                self.quoting == "text"
                and (heading or (cell != "" and kind_of(self.header[place]) == "text"))
            )
            if always or any(mark in cell for mark in special):
                out.append(quote + cell.replace(quote, doubled) + quote)
            else:
                out.append(cell)
        return self.delimiter.join(out) + self.line_end

    def losses(self, values: dict[str, str], printed: list[str]) -> list[str]:
        """Columns of a row whose content this printing destroyed."""
        if not self.reprints and self.encoding != "cp1252":
            return []
        return [
            column
            for column, text in zip(self.header, printed, strict=True)
            if text != values.get(column, "") and self.instead(column, values.get(column, ""))
        ]

    def instead(self, column: str, text: str) -> str | None:
        """What a reader may find where this printing destroyed ``text``; ``None`` if intact.

        Dates and codes that were only rewritten are intact. For a lost birth century the answer is
        the ISO date of the other century.
        """
        printed = self.cell(column, text) if text else text
        if printed == text:
            return None
        match kind_of(column):
            case "digits" | "zip" | "tooth" | "text":
                return printed
            case "date" if column == "dob" and "%y" in self.note and text[6:10] > str(self.year):
                impossible = not _valid(text[:2], text[3:5])
                return None if impossible else f"19{text[8:10]}-{text[:2]}-{text[3:5]}"
            case _:
                return None


def manner(
    dialect: DialectName, file: str, seed: int, *, again: bool, patients: int, year: int = 2026
) -> Manner:
    """How ``file`` is printed; ``again`` is a later export, which quotes differently."""
    header = MANIFEST_HEADER if file == "manifest" else HEADERS[file]
    match dialect:
        case "a":
            made = Manner(file, header)
            if again:
                made.quoting, made.line_end = "all", "\n"
        case "b":
            made = _program_text(file, header, seed)
            made.quoting = "all" if again else "text"
        case "c":
            made = Manner(file, header, "utf-16-le", b"\xff\xfe", "\t", note="Unicode text")
            made.quoting = "all" if again else "needed"
        case _:
            made = _excel(file, header, seed, patients)
            made.quoting = "all" if again else "needed"
    made.year = year
    return made


def _program_text(file: str, header: tuple[str, ...], seed: int) -> Manner:
    made = Manner(file, header, "cp1252", quote="~", note="two-digit years %y")
    made.trailer = Dice(seed, "trailer").pick(
        ("~*** {rows} RECORDS ***~", "~END OF FILE~,{rows}", "~TOTAL~,{rows}")
    )
    by_kind: dict[Kind, Reprint] = {
        "date": _two_digit_year,
        "moment": _two_digit_year,
        "time": _short_time,
        "phone": _boxed_phone,
        "ssn": lambda text: text or "   -  -    ",
        "code": _decimal_code,
    }
    made.reprints = {c: by_kind[kind_of(c)] for c in header if kind_of(c) in by_kind}
    return made


@lru_cache(maxsize=65536)
def _two_digit_year(text: str) -> str:
    if not text:
        return "  /  /  "
    found = _DATE.fullmatch(text)
    if not found:
        return text
    month, day, year, hour, minute, half = found.groups()
    date = f"{month}/{day}/{year[2:]}"
    return f"{date} {hour}:{minute}{half.lower()}" if half else date


@lru_cache(maxsize=4096)
def _short_time(text: str) -> str:
    found = _TIME.fullmatch(text)
    if not found:
        return text
    hour, minute, half = int(found[1]), found[2], found[3]
    if not half:
        half = "a" if hour < 12 else "p"
        hour = (hour - 1) % 12 + 1
    return f"{hour:02d}:{minute}{half.lower()}"


def _boxed_phone(text: str) -> str:
    if not text:
        return "(   )   -    "
    found = _PHONE.fullmatch(text)
    return f"({found[1]}){found[2]}-{found[3]}" if found else text


@lru_cache(maxsize=1024)
def _decimal_code(text: str) -> str:
    digits = text[1:] if text[:1] == "D" else text
    return f"{int(digits)}.00" if digits.isdigit() else text


def _excel(file: str, header: tuple[str, ...], seed: int, patients: int) -> Manner:
    """Most files went through Excel: here with Unicode, there without, some on a British laptop."""
    dice = Dice(seed, "excel", file)
    throw = dice.random()
    if file in ("patients", "appointments"):
        throw = 0.0
    if throw > 0.88 or file == "manifest":
        return Manner(file, header)
    day_first = file in _RESAVED_DAY_FIRST and patients >= 60 and dice.chance(0.5)
    made = Manner(file, header, mark=b"\xef\xbb\xbf", note="Excel, m/d/yyyy")
    if throw > 0.62:
        made.encoding, made.mark = "cp1252", b""
    if day_first:
        made.note = "Excel, dd/mm/yyyy"
    if throw > 0.80:
        made.delimiter = ";"
    by_kind: dict[Kind, Reprint] = {
        "date": _british if day_first else _american,
        "moment": _british if day_first else _american,
        "time": _excel_time,
        "zip": _number,
        "code": _number,
        "digits": _number,
        "money": _excel_money,
        "tooth": _excel_tooth,
        "month": _excel_month,
        "text": _excel_text,
        "phone": _excel_text,
    }
    made.reprints = {c: by_kind[kind_of(c)] for c in header if kind_of(c) in by_kind}
    return made


def _valid(month: str, day: str) -> bool:
    return 1 <= int(month) <= 12 and 1 <= int(day) <= _DAYS[int(month) - 1]


@lru_cache(maxsize=65536)
def _american(text: str) -> str:
    found = _DATE.fullmatch(text)
    if not found or not _valid(found[1], found[2]):
        return text
    date = f"{int(found[1])}/{int(found[2])}/{found[3]}"
    return f"{date} {_hour24(found)}:{found[5]}" if found[6] else date


@lru_cache(maxsize=65536)
def _british(text: str) -> str:
    found = _DATE.fullmatch(text)
    if not found or not _valid(found[1], found[2]):
        return text
    date = f"{found[2]}/{found[1]}/{found[3]}"
    return f"{date} {_hour24(found):02d}:{found[5]}" if found[6] else date


def _hour24(found: re.Match[str]) -> int:
    return int(found[4]) % 12 + (12 if found[6] == "P" else 0)


def _excel_time(text: str) -> str:
    return text.lstrip("0") if text[:1] == "0" and text[-1:] in "0123456789M" else text


def _number(text: str) -> str:
    """A cell of digits becomes a number: zeros in front go, twelve digits turn scientific."""
    whole = text.removesuffix(".00")
    if not whole.isdigit():
        return text
    if len(whole.lstrip("0")) < 12:
        return whole.lstrip("0") or "0"
    mantissa, exponent = f"{int(whole):.5E}".split("E")
    return f"{mantissa.rstrip('0').rstrip('.')}E+{int(exponent):02d}"


def _excel_money(text: str) -> str:
    if "," in text or not text:
        return text
    if text[0] == "(" and text[-1] == ")":
        text = "-" + text[1:-1]
    if text[-1] == "-" or "." not in text:
        return text
    return text.rstrip("0").rstrip(".")


def _excel_tooth(text: str) -> str:
    first, dash, second = text.partition("-")
    if not dash or not (first + second).isdigit():
        return text
    if not _valid(first, second):
        return text
    return f"{int(second)}-{MONTHS[int(first) - 1]}"


def _excel_month(text: str) -> str:
    if text[:3] in MONTHS:
        return f"{text[4:]}-{text[:3]}"
    if text[4:5] == "-":
        return f"{MONTHS[int(text[5:]) - 1]}-{text[2:4]}"
    return text


def _excel_text(text: str) -> str:
    if text[:1] in ("+", "-", "=") and text[1:2] == " ":
        return "#NAME?"
    return text[:EXCEL_CELL_CHARS]
