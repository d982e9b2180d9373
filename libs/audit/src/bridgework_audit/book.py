"""The book of defects: every one counted, the first two hundred places of each class kept."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from bridgework_contracts.records import Problem

from bridgework_audit.classes import CLASSES, class_of, describe

PLACES_SHOWN: Final = 200


class Place(NamedTuple):
    """Where a defect stands. ``other`` is the line of its counterpart in a pair, else 0."""

    file: str
    line: int
    column: str
    shape: str
    remedy: str
    other: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the place as the report shows it."""
        plain = {"file": self.file, "line": self.line, "column": self.column,
                 "shape": self.shape, "remedy": self.remedy}  # fmt: skip
        return plain | {"other_line": self.other} if self.other else plain


class DefectBook:
    """Counts defects by class; a place is counted once however many records repeat it.

    Args:
        places: Places kept per class; ``None`` keeps all of them.
    """

    def __init__(self, places: int | None = PLACES_SHOWN) -> None:
        self._limit = places
        self._counts: Counter[str] = Counter()
        self._files: dict[str, Counter[str]] = {}
        self._places: dict[str, list[Place]] = {}
        self._seen: set[tuple[str, str, int, str]] = set()

    def add(self, name: str, place: Place) -> bool:
        """Put one defect down; return False where the same place is already in its class."""
        mark = (name, place.file, place.line, place.column)
        if mark in self._seen:
            return False
        self._seen.add(mark)
        self.count(name, place.file, 1)
        kept = self._places.setdefault(name, [])
        if self._limit is None or len(kept) < self._limit:
            kept.append(place)
        return True

    def count(self, name: str, file: str, number: int) -> None:
        """Count defects whose places are not kept one by one."""
        self._counts[name] += number
        self._files.setdefault(name, Counter())[file] += number

    def add_sample(self, name: str, places: Iterable[Place]) -> None:
        """Keep places of defects that were already counted."""
        kept = self._places.setdefault(name, [])
        for place in places:
            if self._limit is not None and len(kept) >= self._limit:
                return
            kept.append(place)

    def add_problems(self, problems: Iterable[Problem]) -> None:
        """Put down what the reader of a record found odd."""
        for p in problems:
            self.add(class_of(p.code), Place(p.file, p.line, p.field, p.shape, p.remedy))

    def __getitem__(self, name: str) -> int:
        return self._counts[name]

    def __iter__(self) -> Iterator[str]:
        """Return the classes found, in the order of the report."""
        order = {name: place for place, name in enumerate(CLASSES)}
        return iter(sorted(self._counts, key=lambda name: (order.get(name, len(order)), name)))

    def places(self, name: str) -> list[Place]:
        """Return the kept places of a class, by file and line."""
        return sorted(self._places.get(name, ()))

    def as_dict(self) -> dict[str, Any]:
        """Return the book as the report shows it: class → count, files, places."""
        found: dict[str, Any] = {}
        for name in self:
            entry = describe(name)
            found[name] = {
                "title": entry.title,
                "family": entry.family,
                "weight": entry.weight,
                "count": self._counts[name],
                "files": dict(sorted(self._files[name].items())),
                "places": [place.as_dict() for place in self.places(name)],
            }
        return found
