"""What each column holds, counted by DuckDB over the sealed snapshot; no value leaves it.

Values are first counted as (length, head, hash), so that memory follows what differs, and then
seen as kinds (date, money …) and masked shapes (digits 9, letters A or a).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import duckdb
from bridgework_dental_exec.quarantine import shape
from bridgework_dental_exec.snapshot import Snapshot

from bridgework_audit.meanings import TypedProfile, profile_meanings
from bridgework_audit.phi import phi_class

HEAD: Final = 40
SHAPES_SHOWN: Final = 10
_MOSTLY: Final = 0.95
_BATCH_VALUES: Final = 200_000

ERROR_PATTERN: Final = r"#(NAME\?|REF!|VALUE!|DIV/0!|N/A|NUM!|NULL!|#{2,})"
"""A cell a spreadsheet replaced by an error, or by the marks of a column too narrow."""
SCIENTIFIC_PATTERN: Final = r"\d(\.\d+)?[eE]\+\d+"
"""A long number a spreadsheet shortened."""
_KINDS: Final = (
    ("long_text", f"n_chars > {HEAD}"),
    ("spreadsheet_error", f"regexp_full_match(head, '{ERROR_PATTERN}')"),
    ("scientific", f"regexp_full_match(head, '{SCIENTIFIC_PATTERN}')"),
    ("date", r"regexp_full_match(head, '\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}')"),
    ("moment", r"regexp_full_match(head, '\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}[ T]\d{1,2}:\d{2}.*')"),
    (
        "time",
        r"regexp_full_match(lower(head), '\d{1,2}:\d{2}(:\d{2})? ?([ap]m?)?|\d{3,4} ?[ap]m?')",
    ),
    ("integer", r"regexp_full_match(head, '[+-]?\d+')"),
    ("number", r"regexp_full_match(head, '[-+(]?\$?\d[\d,]*\.\d+\)?-?%?')"),
    ("flag", "lower(head) IN ('y', 'n', 'yes', 'no', 'true', 'false')"),
    ("email", r"regexp_full_match(head, '[^@\s]+@[^@\s]+\.[^@\s]+')"),
    ("phone", r"regexp_full_match(head, '[+(]?\d[\d ().+-]{5,}\d')"),
    ("code", r"regexp_full_match(head, '[A-Za-z]{1,4}[-]?\d[A-Za-z0-9.-]*')"),
)
"""First match wins; anything else is text."""
_SIZES: Final = ((200, "41-200 characters"), (2_000, "201-2,000 characters"))
_LONGEST: Final = "above 2,000 characters"
_UNIONS: Final = (
    *((name, (name,)) for name, _ in _KINDS),
    ("number", ("integer", "number")),
    ("code", ("code", "integer", "number")),
    ("moment", ("date", "moment")),
    ("text", ("text", "long_text", "code", "flag")),
)
"""Inferred type → kinds that together make it; the narrowest first."""


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column of one file.

    Attributes:
        fill: Share of rows with a value, 0 to 1.
        distinct: Different values.
        inferred: Kind of at least 95 % of the values, else ``text`` or ``mixed``.
        kinds: Kind → values, most frequent first.
        shapes: Masked shape → values; runs of letters count once. The most frequent ones.
        other_shapes: Shapes not shown.
        min_shape: Masked shape of the first value in text order; ``max_shape`` of the last.
        typed: What the cells mean, for columns that hold no text.
        shortest: Characters of the shortest value; ``longest`` of the longest.
    """

    table: str
    file: str
    column: str
    rows: int
    filled: int
    distinct: int
    inferred: str
    kinds: tuple[tuple[str, int], ...]
    shapes: tuple[tuple[str, int], ...]
    other_shapes: int
    min_shape: str
    max_shape: str
    shortest: int
    longest: int
    phi: str
    typed: TypedProfile | None = None

    @property
    def fill(self) -> float:
        """Share of rows with a value."""
        return self.filled / self.rows if self.rows else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the profile as the report shows it."""
        return {
            "table": self.table,
            "file": self.file,
            "column": self.column,
            "rows": self.rows,
            "filled": self.filled,
            "fill": round(self.fill, 4),
            "distinct": self.distinct,
            "inferred": self.inferred,
            "kinds": dict(self.kinds),
            "shapes": dict(self.shapes),
            "other_shapes": self.other_shapes,
            "min_shape": self.min_shape,
            "max_shape": self.max_shape,
            "shortest": self.shortest,
            "longest": self.longest,
            "phi": self.phi,
            "typed": self.typed.as_dict() if self.typed else None,
        }


def profile_columns(
    snapshot: Snapshot, connection: duckdb.DuckDBPyConnection
) -> Iterator[ColumnProfile]:
    """Profile every column of every file, tables by name, columns in the file's order.

    Several columns are looked at in one statement: setting its expressions up takes longer than
    a small column.
    """
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE seen "
        "(c INTEGER, n_chars BIGINT, head VARCHAR, rest UBIGINT, times BIGINT)"
    )
    waiting: list[_Column] = []
    values = 0
    for name, info in sorted(snapshot.tables.items()):
        typed = profile_meanings(snapshot, name)
        for column in info.columns:
            waiting.append(_Column(name, info.file, column, info.rows, typed.get(column)))
            if info.rows:
                values += _see(connection, len(waiting) - 1, waiting[-1])
            if values >= _BATCH_VALUES:
                yield from _told(connection, waiting)
                waiting, values = [], 0
    yield from _told(connection, waiting)
    connection.execute("DROP TABLE seen")


def masked_sql(text: str) -> str:
    """Return SQL for a text's masked shape: the same as ``quarantine.shape`` of dental_exec."""
    for pattern, sign in (
        (r"\p{Nd}", "9"),
        (r"\p{Lu}", "A"),
        (r"[^\x20-\x7e\p{L}]", "?"),
        (r"[\p{Ll}\p{Lo}\p{Lt}\p{Lm}]", "a"),
    ):
        text = f"regexp_replace({text}, '{pattern}', '{sign}', 'g')"
    return text


def _histogram_sql() -> str:
    """Return SQL for the shape a value is counted under: runs of letters count once."""
    short = masked_sql("head")
    for sign in ("a", "A"):
        short = f"regexp_replace({short}, '{sign}+', '{sign}', 'g')"
    sizes = "".join(f"WHEN n_chars <= {most} THEN '{name}' " for most, name in _SIZES)
    return f"CASE WHEN n_chars <= {HEAD} THEN {short} {sizes}ELSE '{_LONGEST}' END"


def _kind_sql() -> str:
    cases = "".join(f"WHEN {test} THEN '{name}' " for name, test in _KINDS)
    return f"CASE {cases}ELSE 'text' END"


class _Column(NamedTuple):
    """A column that waits for its turn."""

    table: str
    file: str
    name: str
    rows: int
    typed: TypedProfile | None


def _see(connection: duckdb.DuckDBPyConnection, place: int, column: _Column) -> int:
    """Count a column's values into ``seen``; return how many different ones there are."""
    name = '"' + column.name.replace('"', '""') + '"'
    row = connection.execute(
        f"""
        INSERT INTO seen
        SELECT {place}, length({name}), left({name}, {HEAD}),
               CASE WHEN length({name}) > {HEAD} THEN hash({name}) ELSE 0 END, count(*)
        FROM "{column.table}" WHERE {name} IS NOT NULL GROUP BY ALL
        """
    ).fetchone()
    return int(row[0]) if row else 0


_WHOLE, _BY_SHAPE, _BY_KIND = 3, 2, 1
"""Values of ``grouping(kind, shape)``: a bit is set for what is not told apart."""


def _told(connection: duckdb.DuckDBPyConnection, columns: list[_Column]) -> Iterator[ColumnProfile]:
    """Yield the profiles of the columns in ``seen``, and empty it."""
    rows = connection.execute(
        f"""
        WITH told AS MATERIALIZED (
          SELECT *, {_kind_sql()} AS kind, {_histogram_sql()} AS shape FROM seen
        )
        SELECT c, grouping(kind, shape) AS level, coalesce(kind, shape), sum(times)::BIGINT AS n,
               count(*), min(n_chars), max(n_chars), min(head), max(head),
               count(*) OVER (PARTITION BY c, level) AS groups
        FROM told GROUP BY GROUPING SETS ((c), (c, kind), (c, shape))
        QUALIFY level <> {_BY_SHAPE}
          OR row_number() OVER (PARTITION BY c, level ORDER BY n DESC, shape) <= {SHAPES_SHOWN}
        ORDER BY c, level, n DESC, 3
        """
    ).fetchall()
    connection.execute("TRUNCATE seen")
    found: dict[tuple[int, int], list[tuple[Any, ...]]] = {}
    for place, level, *rest in rows:
        found.setdefault((place, level), []).append(tuple(rest))
    for place, column in enumerate(columns):
        whole = found.get((place, _WHOLE), [("", 0, 0, 0, 0, "", "", 0)])[0]
        yield _profile(
            column, whole, found.get((place, _BY_KIND), []), found.get((place, _BY_SHAPE), [])
        )


def _profile(
    column: _Column,
    whole: tuple[Any, ...],
    by_kind: list[tuple[Any, ...]],
    by_shape: list[tuple[Any, ...]],
) -> ColumnProfile:
    _, filled, distinct, shortest, longest, least, most, _ = whole
    kinds = tuple((kind, n) for kind, n, *_ in by_kind)
    return ColumnProfile(
        table=column.table,
        file=column.file,
        column=column.name,
        rows=column.rows,
        filled=filled,
        distinct=distinct,
        inferred=infer(dict(kinds), filled),
        kinds=kinds,
        shapes=tuple((text, n) for text, n, *_ in by_shape),
        other_shapes=max(by_shape[0][-1] - SHAPES_SHOWN, 0) if by_shape else 0,
        min_shape=shape(least),
        max_shape=shape(most),
        shortest=shortest,
        longest=longest,
        phi=phi_class(column.table, column.name),
        typed=column.typed,
    )


def infer(kinds: dict[str, int], filled: int) -> str:
    """Return the kind that at least 95 % of the values have, or ``mixed``; nothing is ``empty``."""
    if not filled:
        return "empty"
    for name, members in _UNIONS:
        if sum(kinds.get(kind, 0) for kind in members) >= _MOSTLY * filled:
            return name
    return "mixed"
