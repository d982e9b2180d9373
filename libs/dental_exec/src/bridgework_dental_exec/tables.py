"""One sealed table: its two columns of our own, and what is known about it."""

from dataclasses import dataclass

LINE, HASH = "_line", "_hash"
"""Physical line of a row, and the keyed hash of its cells."""


@dataclass(frozen=True, slots=True)
class TypedColumn:
    """One column of a table's typed layer.

    Attributes:
        type: Its type as Arrow names it, e.g. ``date32[day]``.
        filled: Cells that say something.
        read: Cells that mean something: the others are null in the typed layer.
    """

    name: str
    type: str
    filled: int
    read: int


@dataclass(frozen=True, slots=True)
class TableInfo:
    """What is known about one table of the snapshot.

    Attributes:
        name: Table name in the profile.
        file: File it came from.
        columns: Columns in the file's order, profile names where they match.
        missing: Columns the profile has and the file lacks.
        extra: Columns the file has and the profile lacks.
        rows: Rows kept; ``quarantined_rows`` did not become rows.
        typed: Columns of its typed layer, in the profile's order.
        keyless: True where a key column is missing, so that every row is quarantined.
    """

    name: str
    file: str
    columns: tuple[str, ...]
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    rows: int = 0
    quarantined_rows: int = 0
    keyless: bool = False
    size_bytes: int = 0
    sha256: str = ""
    evidence: tuple[str, ...] = ()
    repairs: int = 0
    repaired_lines: tuple[tuple[int, str], ...] = ()
    lane: str = "careful"
    typed: tuple[TypedColumn, ...] = ()
