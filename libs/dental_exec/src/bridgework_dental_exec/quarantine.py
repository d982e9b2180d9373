"""Lines that could not be read: where they are, what they look like, what to do about them.

Nothing is skipped in silence. A quarantined line is part of the run's balance; its text stays in
the export, only its masked shape is kept here.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

ITEMISED_PER_FILE = 1_000
"""Bad stretches listed one by one; what follows in the same file is counted as ranges."""

_SHAPE_LIMIT = 80


def shape(value: str, limit: int = _SHAPE_LIMIT) -> str:
    """Return the masked form of a value: digits become 9, letters A or a, the rest stays.

    The result holds no personal data and is cut to ``limit`` characters, ending in ``…``.
    """
    cut = value[:limit]
    masked = "".join(
        "9"
        if c.isdigit()
        else ("A" if c.isupper() else "a")
        if c.isalpha()
        else c
        if " " <= c <= "~"
        else "?"
        for c in cut
    )
    return masked + ("…" if len(value) > limit else "")


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One stretch of physical lines that gave no row.

    Attributes:
        file: Name of the file inside the export.
        line: First physical line (the header of a plain file is line 1).
        line_to: Last physical line, inclusive.
        rows: Rows this stretch stands for in the run's balance.
        column: Column concerned, or an empty string where the line as a whole is broken.
        code: Stable word, snake_case.
        shape: Masked shape of the beginning of the text.
        remedy: What a person can do.
    """

    file: str
    line: int
    line_to: int
    rows: int
    column: str
    code: str
    shape: str
    remedy: str

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form kept with the snapshot."""
        return asdict(self)


class QuarantineList:
    """Collects what one file could not give, bounded in memory however broken the file is."""

    def __init__(self) -> None:
        self._items: list[Quarantined] = []
        self._overflow: Quarantined | None = None

    def add(self, item: Quarantined) -> None:
        """Remember one stretch; beyond the itemised limit it is merged into a range."""
        if len(self._items) < ITEMISED_PER_FILE:
            self._items.append(item)
            return
        first = self._overflow or item
        self._overflow = Quarantined(
            file=item.file,
            line=first.line,
            line_to=item.line_to,
            rows=item.rows + (first.rows if self._overflow else 0),
            column="",
            code="many_bad_lines",
            shape=first.shape,
            remedy="Most of this file cannot be read: export it again.",
        )

    @property
    def rows(self) -> int:
        """Rows lost to quarantine in this file."""
        return sum(item.rows for item in self)

    def __len__(self) -> int:
        return len(self._items) + (self._overflow is not None)

    def __iter__(self) -> Iterator[Quarantined]:
        yield from self._items
        if self._overflow is not None:
            yield self._overflow
