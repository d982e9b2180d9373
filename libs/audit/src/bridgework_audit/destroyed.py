"""What a dialect destroyed: characters, centuries, and what a spreadsheet replaced.

An error such as ``#NAME?`` and a long number in scientific notation are lost for certain, cell by
cell, and so is the rest of a text that fills a spreadsheet's cell. A lost zero leaves no trace in
its cell: where the export was saved by a spreadsheet, every identifier column without a single
leading zero is named, with the rows that are shorter than its longest number. A question mark
inside a name stands for a letter that the file's encoding does not have; a birth date with a
two-digit year has lost its century, and the column says so.
"""

import re
from collections.abc import Iterable
from typing import Final

import duckdb
from bridgework_dental_exec.quarantine import shape
from bridgework_dental_exec.snapshot import LINE, Snapshot

from bridgework_audit.book import PLACES_SHOWN, DefectBook, Place
from bridgework_audit.columns import ERROR_PATTERN, SCIENTIFIC_PATTERN, ColumnProfile

_REMEDY: Final = "Export again without opening the file in a spreadsheet."
_CERTAIN: Final = (
    ("spreadsheet_error", "spreadsheet_error", ERROR_PATTERN),
    ("scientific", "number_destroyed", SCIENTIFIC_PATTERN),
)
_NUMBERED: Final = frozenset({"chart_no", "payer_id", "check_no"})
_IDENTIFIERS: Final = ("group_no", "subscriber_id")
_SIGNS: Final = frozenset({"spreadsheet_error", "number_destroyed", "tooth_excel_date"})
_NAMES: Final = frozenset({"last", "first", "preferred", "name", "city", "title"})
_LOST_LETTER: Final = r"\p{L}\?\p{Ll}|^\?\p{L}"
_RETYPE: Final = "The file's encoding lacks this letter: export in UTF-8, or retype the name."
_TWO_DIGIT_YEAR = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2}")
_CENTURY: Final = "Years have two digits, so the century was chosen: export four digits if you can."
_CELL_LIMIT: Final = 32_767
"""Characters a spreadsheet keeps of a cell."""
_TRIMMED: Final = 8
"""Blanks and line ends at a cell's edges that the snapshot leaves out, at most."""
_UNPADDED: Final = frozenset({"9/9/9999", "9/99/9999", "9.9.9999", "9-9-9999"})


def add_destroyed(
    book: DefectBook,
    snapshot: Snapshot,
    connection: duckdb.DuckDBPyConnection,
    columns: Iterable[ColumnProfile],
    *,
    places: int | None = PLACES_SHOWN,
) -> None:
    """Put down destroyed values; call it when the records have been read.

    Args:
        book: Where defects are put down.
        snapshot: The sealed export.
        connection: A connection of it.
        columns: The profiles of all columns.
        places: Places kept per class; ``None`` keeps all.
    """
    profiles = tuple(columns)
    for column in profiles:
        if column.column in _NAMES or column.column.endswith("_name"):
            _add_matching(book, connection, column, "mojibake_lost", _LOST_LETTER, _RETYPE)
        dates = snapshot.profile.tables[column.table].dates
        if dates.get(column.column) == "birth" and _has_two_digit_years(column):
            shown = Place(column.file, 1, column.column, "99/99/99", _CENTURY)
            book.add("century_guessed", shown)
        for kind, name, pattern in _CERTAIN:
            if dict(column.kinds).get(kind):
                whole = f"^(?:{pattern})$"
                _add_matching(book, connection, column, name, whole, _REMEDY)
    saved = any(book[name] for name in _SIGNS) or any(_is_unpadded(c) for c in profiles)
    if saved:
        for column in profiles:
            if column.longest >= _CELL_LIMIT - _TRIMMED:
                _add_cut(book, connection, column)
            if column.column in _NUMBERED or column.column.endswith(_IDENTIFIERS):
                _add_zeros(book, connection, column, snapshot.rows(column.table), places)


def _is_unpadded(column: ColumnProfile) -> bool:
    """Tell whether a date column is printed as spreadsheets do, without padding zeros."""
    return column.inferred == "date" and any(text in _UNPADDED for text, _ in column.shapes)


def _has_two_digit_years(column: ColumnProfile) -> bool:
    return any(_TWO_DIGIT_YEAR.fullmatch(text) for text, _ in column.shapes)


def _add_matching(
    book: DefectBook,
    connection: duckdb.DuckDBPyConnection,
    column: ColumnProfile,
    name: str,
    pattern: str,
    remedy: str,
) -> None:
    rows = connection.execute(
        f'SELECT {LINE}, "{column.column}" FROM "{column.table}" '
        f"WHERE regexp_matches(\"{column.column}\", '{pattern}') ORDER BY 1"
    )
    while chunk := rows.fetchmany(10_000):
        for line, text in chunk:
            book.add(name, Place(column.file, line, column.column, shape(text, 40), remedy))


def _add_cut(
    book: DefectBook, connection: duckdb.DuckDBPyConnection, column: ColumnProfile
) -> None:
    """Name texts that end where a spreadsheet stops."""
    rows = connection.execute(
        f'SELECT {LINE} FROM "{column.table}" WHERE length("{column.column}") '
        f"BETWEEN {_CELL_LIMIT - _TRIMMED} AND {_CELL_LIMIT} ORDER BY 1"
    ).fetchall()
    for (line,) in rows:
        book.add("text_cut", Place(column.file, line, column.column, "", _REMEDY))


def _add_zeros(
    book: DefectBook,
    connection: duckdb.DuckDBPyConnection,
    column: ColumnProfile,
    rows: int,
    places: int | None,
) -> None:
    """Name a column none of whose numbers begins with a zero any more, and its shorter numbers.

    The column itself is named on the header's line: where every number is equally long, nothing
    in a cell tells.
    """
    if not rows:
        return
    name = f'"{column.column}"'
    digits = f"regexp_full_match({name}, '\\d+')"
    longest, zeros = connection.execute(
        f"SELECT max(length({name})), count(*) FILTER (WHERE starts_with({name}, '0') "
        f'AND length({name}) > 1) FROM "{column.table}" WHERE {digits}'
    ).fetchone() or (None, 0)
    if longest is None or zeros:
        return
    header = Place(column.file, 1, column.column, "9" * min(longest, 40), _REMEDY)
    book.add("zeros_lost", header)
    shorter = f'FROM "{column.table}" WHERE {digits} AND length({name}) < {longest}'
    found = connection.execute(f"SELECT count(*) {shorter}").fetchone()
    if found is None or not found[0]:
        return
    book.count("zeros_lost", column.file, found[0])
    limit = "" if places is None else f"LIMIT {places}"
    sample = connection.execute(f"SELECT {LINE}, {name} {shorter} ORDER BY 1 {limit}").fetchall()
    book.add_sample(
        "zeros_lost",
        (Place(column.file, line, column.column, shape(v, 40), _REMEDY) for line, v in sample),
    )
