"""Ways of writing that are normalised in silence: counted from the raw cells, value by value.

Codes without their D or no longer in use, surfaces in another order, phones with an extension and
e-mails in mixed case are too common to be a problem of each record. Each different value is read
once; DuckDB then counts its rows and finds the first places.
"""

import re
from collections.abc import Iterator
from typing import Final

import duckdb
from bridgework_dental_exec.cells import CellParsers, Parser
from bridgework_dental_exec.profile import Profile
from bridgework_dental_exec.quarantine import shape
from bridgework_dental_exec.snapshot import LINE, Snapshot

from bridgework_audit.book import PLACES_SHOWN, DefectBook, Place
from bridgework_audit.retired_codes import RETIRED_CODES

_NOTHING: Final = "Nothing to do: it is normalised on the way."
_QUIET: Final = {
    "phone": {"phone_extension": "phone_extension"},
    "email": {"email_case": "email_case"},
    "surface": {"surface_reordered": "surface_order"},
    "code": {"code_normalised": ""},
}
"""Parser → its quiet codes → class; a code's class depends on how it is printed."""
_WITHOUT_D = re.compile(r"\d{1,4}")
_DECIMAL = re.compile(r"[dD]?\d{1,4}\.0{1,2}")
_BATCH: Final = 50_000


def add_normalised(
    book: DefectBook,
    snapshot: Snapshot,
    connection: duckdb.DuckDBPyConnection,
    parsers: CellParsers,
    *,
    places: int | None = PLACES_SHOWN,
) -> None:
    """Count the silent normalisations of every column that has some."""
    for table, column, parser, read in _columns(snapshot.profile, parsers):
        if not snapshot.rows(table) or column not in snapshot.tables[table].columns:
            continue
        found = _values(connection, table, column, parser, read)
        if not found:
            continue
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE found AS SELECT unnest(?) AS v, unnest(?) AS class",
            [[text for text, _ in found], [name for _, name in found]],
        )
        joined = f'FROM "{table}" t JOIN found ON t."{column}" = found.v'
        file = snapshot.file(table)
        counts = connection.execute(f"SELECT class, count(*) {joined} GROUP BY 1 ORDER BY 1")
        for name, number in counts.fetchall():
            book.count(name, file, number)
            limit = "" if places is None else f"LIMIT {places}"
            rows = connection.execute(
                f'SELECT t.{LINE}, t."{column}" {joined} WHERE class = ? ORDER BY 1 {limit}', [name]
            ).fetchall()
            book.add_sample(
                name, (Place(file, line, column, shape(v, 40), _NOTHING) for line, v in rows)
            )


def _columns(profile: Profile, parsers: CellParsers) -> Iterator[tuple[str, str, str, Parser]]:
    """Yield (table, column, parser's name, parser) of the columns that have quiet codes, once."""
    seen = set()
    for spec in profile.objects.values():
        for cell in spec.fields.values():
            mark = (spec.table, cell.column, cell.parser)
            if cell.parser in _QUIET and mark not in seen:
                seen.add(mark)
                yield spec.table, cell.column, cell.parser, parsers.parser(spec.table, cell)


def _values(
    connection: duckdb.DuckDBPyConnection, table: str, column: str, parser: str, read: Parser
) -> list[tuple[str, str]]:
    """Return (printed value, class) of a column's values that no record speaks of."""
    found = []
    rows = connection.execute(
        f'SELECT DISTINCT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL ORDER BY 1'
    )
    while chunk := rows.fetchmany(_BATCH):
        for (text,) in chunk:
            value, code = read(text)
            if code in _QUIET[parser]:
                found.append((text, _QUIET[parser][code] or _code_class(text)))
            if parser == "code" and value in RETIRED_CODES:
                found.append((text, "code_retired"))
    return found


def _code_class(text: str) -> str:
    bare = text.strip()
    if _WITHOUT_D.fullmatch(bare):
        return "code_without_d"
    return "code_decimal" if _DECIMAL.fullmatch(bare) else "code_other_form"
