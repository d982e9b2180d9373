"""Cells of bulk CSV files as JSON values, and Zoho's date patterns (fact sheet §3.11)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from .clock import zone
from .metadata import FieldMeta

DATE_FORMAT = "MM/dd/yyyy"
DATETIME_FORMAT = "MM/dd/yyyy HH:mm:ss"
DELIMITERS = ",;:|"
_PATTERN = re.compile(r"'([^']*)'|yyyy|MMM|MM|dd|HH|hh|mm|ss|XXX|Z|a|.", re.DOTALL)
_DIRECTIVES = {
    "yyyy": "%Y",
    "MMM": "%b",
    "MM": "%m",
    "dd": "%d",
    "HH": "%H",
    "hh": "%I",
    "mm": "%M",
    "ss": "%S",
    "XXX": "%z",
    "Z": "%z",
    "a": "%p",
}
Cell = Callable[[str], Any]


def strptime_format(pattern: str) -> str:
    """Translate a date pattern such as ``yyyy-MM-dd'T'HH:mm:ss`` for `datetime.strptime`."""
    out = []
    for match in _PATTERN.finditer(pattern):
        text = match[0]
        if text.startswith("'") and text.endswith("'") and len(text) > 1:
            out.append((match[1] or "'").replace("%", "%%"))
        else:
            out.append(_DIRECTIVES.get(text, text.replace("%", "%%")))
    return "".join(out)


def delimiter_of(header: str) -> str:
    """Return the delimiter the header line uses most."""
    return max(DELIMITERS, key=header.count)


def csv_rows(source: io.TextIOBase) -> Iterator[list[str]]:
    """Yield the rows of a CSV file, the header first; a byte order mark is dropped."""
    start = source.readline().lstrip("\ufeff")
    rest = io.StringIO(start + source.read())
    yield from csv.reader(rest, delimiter=delimiter_of(start))


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _boolean(text: str) -> Any:
    return {"true": True, "false": False}.get(text.lower(), text)


def _date(pattern: str) -> Cell:
    layout = strptime_format(pattern)

    def read(text: str) -> Any:
        try:
            return datetime.strptime(text, layout).date().isoformat()  # noqa: DTZ007 - a date
        except ValueError:
            return text + " "  # no ISO date: refused by the field's check

    return read


def _datetime(pattern: str, zone_name: str) -> Cell:
    layout = strptime_format(pattern)

    def read(text: str) -> Any:
        try:
            moment = datetime.strptime(text, layout)  # noqa: DTZ007 - the zone comes next
        except ValueError:
            return text + " "
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone(zone_name))
        return moment.replace(microsecond=0).isoformat()

    return read


def cell_reader(field: FieldMeta, pattern: str | None, zone_name: str) -> Cell:
    """Return what turns a non-empty cell into the JSON value the record API would take."""
    kind = field.data_type
    if kind in {"integer", "double", "currency", "percent"}:
        return _number
    if kind == "boolean":
        return _boolean
    if kind == "date":
        return _date(pattern or DATE_FORMAT)
    if kind == "datetime":
        return _datetime(pattern or DATETIME_FORMAT, zone_name)
    if kind == "multiselectpicklist":
        return lambda text: [part.strip() for part in text.split(";") if part.strip()]
    return lambda text: text
