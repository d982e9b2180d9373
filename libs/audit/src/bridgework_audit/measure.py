"""How well defects are found: what the audit listed against an answer key, class by class.

A listed place is right when the key names its row (and its column, where the key does). Keys speak
of rows by number; the sealed snapshot knows on which line a number stands.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import duckdb
from bridgework_dental_exec.snapshot import LINE, Snapshot

from bridgework_audit.book import DefectBook, Place

CLASS_OF_KIND: Final[Mapping[str, str]] = {
    "author initials shared by two people": "shared_initials",
    "chart number used twice": "chart_number_shared",
    "code as decimal": "code_decimal",
    "code without D": "code_without_d",
    "control character in text": "control_character",
    "day and month swapped (one workstation)": "day_month_swapped",
    "departed provider without e-mail": "provider_departed_without_email",
    "dicom identity differs": "dicom_identity",
    "document file above the limit": "file_over_limit",
    "document file empty": "file_empty",
    "document file missing": "file_missing",
    "document type wrong": "file_type_wrong",
    "drug flag only in alerts": "alert_only",
    "duplicate patient": "duplicate_patient",
    "e-mail blank": "provider_email_blank",
    "e-mail in mixed case": "email_case",
    "e-mail shared by two people": "provider_email_shared",
    "impossible date": "impossible_date",
    "inline image broken": "image_broken",
    "look-alike: junior-senior": "look_alike",
    "look-alike: twins": "look_alike",
    "npi blank": "npi_blank",
    "npi check digit wrong": "npi_check_digit",
    "orphan row": "orphan",
    "patient number used twice": "patient_number_used_twice",
    "phone says none": "phone_none",
    "phone with extension": "phone_extension",
    "phone with letters": "phone_letters",
    "phone with words": "phone_words",
    "phone without area code": "phone_no_area_code",
    "retired code": "code_retired",
    "row of a purged patient under a reused number": "purged_patient_row",
    "stored balance differs from ledger": "balance_differs",
    "surface order variant": "surface_order",
    "text decoded twice (mojibake)": "mojibake",
    "tooth in FDI notation": "tooth_fdi",
    "tooth in Palmer notation": "tooth_palmer",
    "zip without leading zero": "zip_without_zero",
}
"""Kinds of an answer key → classes of the audit."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One defect an answer key names.

    Attributes:
        name: Class of the audit.
        file: File in the export.
        lines: Lines on which the named row may stand (a number may stand twice).
        columns: Columns concerned; empty where the row as a whole is meant.
        others: Lines of the counterpart in a pair; empty where there is none.
    """

    name: str
    file: str
    lines: frozenset[int]
    columns: frozenset[str]
    others: frozenset[int]

    def meets(self, place: Place) -> bool:
        """Tell whether a listed place is this defect."""
        if place.file != self.file:
            return False
        if self.columns and place.column and place.column not in self.columns:
            return False
        if self.others and place.other:
            there = place.line in self.lines and place.other in self.others
            return there or (place.line in self.others and place.other in self.lines)
        return place.line in self.lines or place.line in self.others


DESTROYED_CLASSES: Final = (
    "spreadsheet_error",
    "number_destroyed",
    "zeros_lost",
    "text_cut",
    "mojibake_lost",
    "century_guessed",
    "zip_without_zero",
    "zip_odd",
    "tooth_excel_date",
)
"""Classes that name what a dialect destroyed."""


@dataclass(frozen=True, slots=True)
class LossScore:
    """How destroyed cells were named: by their row, by their column only, or not at all."""

    by_row: int
    by_column: int
    unnamed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How well one class was found."""

    name: str
    expected: int
    found: int
    hits: int
    right: int

    @property
    def recall(self) -> float:
        """Share of the expected defects that were listed; 1 where none was expected."""
        return self.hits / self.expected if self.expected else 1.0

    @property
    def precision(self) -> float:
        """Share of the listed places that were expected; 1 where none was listed."""
        return self.right / self.found if self.found else 1.0


def expected_places(snapshot: Snapshot, defects: Iterable[Mapping[str, Any]]) -> list[Expected]:
    """Find the rows an answer key speaks of.

    Args:
        snapshot: The sealed export the key belongs to.
        defects: The key's ``defects``: kind, file, key, columns, raw, and ``other`` in pairs.

    Defects of a kind nobody maps to a class are left out (see :func:`unmapped_kinds`).
    """
    by_table: dict[str, list[Mapping[str, Any]]] = {}
    for defect in defects:
        if defect["kind"] in CLASS_OF_KIND:
            by_table.setdefault(defect["file"], []).append(defect)
    connection = snapshot.connect()
    try:
        return [
            expected
            for table, named in by_table.items()
            for expected in _in_table(snapshot, connection, table, named)
        ]
    finally:
        connection.close()


def unmapped_kinds(defects: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return kinds of an answer key that no class of the audit stands for."""
    return {d["kind"] for d in defects} - set(CLASS_OF_KIND)


def measure(found: DefectBook, truth: Iterable[Expected]) -> list[ClassScore]:
    """Compare what was listed with what an answer key expects.

    Args:
        found: The audit's book, with all places kept (``build_audit(…, places=None)``).
        truth: The expected defects.

    Returns:
        A score per class the key speaks of, by name.
    """
    by_class: dict[str, list[Expected]] = {}
    for expected in truth:
        by_class.setdefault(expected.name, []).append(expected)
    return [_score(name, found.places(name), wanted) for name, wanted in sorted(by_class.items())]


def measure_losses(
    snapshot: Snapshot, found: DefectBook, losses: Iterable[Mapping[str, Any]]
) -> LossScore:
    """Compare what was named as destroyed with an answer key's ``dialect_losses``.

    Args:
        snapshot: The sealed export the key belongs to.
        found: The audit's book, with all places kept.
        losses: file, key and columns of rows whose cells the dialect destroyed.
    """
    listed = [place for name in DESTROYED_CLASSES for place in found.places(name)]
    rows = {(p.file, p.line, p.column) for p in listed}
    columns = {(p.file, p.column) for p in listed}
    kind = next(iter(CLASS_OF_KIND))
    cells = expected_places(snapshot, ({**loss, "kind": kind, "raw": {}} for loss in losses))
    by_row = by_column = 0
    unnamed = []
    for cell in cells:
        for column in sorted(cell.columns):
            if any((cell.file, line, column) in rows for line in cell.lines):
                by_row += 1
            elif (cell.file, column) in columns:
                by_column += 1
            else:
                unnamed.append(f"{cell.file}:{column}")
    return LossScore(by_row, by_column, tuple(sorted(set(unnamed))))


def _score(name: str, places: list[Place], wanted: list[Expected]) -> ClassScore:
    by_row: dict[tuple[str, int], list[int]] = {}
    for number, expected in enumerate(wanted):
        for line in expected.lines | expected.others:
            by_row.setdefault((expected.file, line), []).append(number)
    hits: set[int] = set()
    right = 0
    for place in places:
        met = {n for n in by_row.get((place.file, place.line), ()) if wanted[n].meets(place)}
        hits |= met
        right += bool(met)
    return ClassScore(name, len(wanted), len(places), len(hits), right)


def table_of(scores: Iterable[ClassScore]) -> str:
    """Return the scores as a text table, a line per class."""
    lines = [f"{'class':34}{'expected':>9}{'listed':>8}{'recall':>8}{'precision':>11}"]
    lines += [
        f"{s.name:34}{s.expected:>9}{s.found:>8}{s.recall:>8.3f}{s.precision:>11.3f}"
        for s in scores
    ]
    return "\n".join(lines)


def _in_table(
    snapshot: Snapshot,
    connection: duckdb.DuckDBPyConnection,
    table: str,
    named: list[Mapping[str, Any]],
) -> Iterator[Expected]:
    definition = snapshot.profile.tables[table]
    dates = set(definition.dates)
    # A date inside a key is printed in the dialect's way: the other parts find the row.
    parts = [(at, c) for at, c in enumerate(definition.key) if c not in dates]
    lines: dict[str, list[int]] = {}
    key_sql = ", ".join(f"regexp_replace(\"{c}\", '\\.0+$', '')" for _, c in parts)
    rows = connection.execute(f"SELECT concat_ws('|', {key_sql}), {LINE} FROM \"{table}\"")
    for key, line in rows.fetchall():
        lines.setdefault(key, []).append(line)

    def where(key: str) -> frozenset[int]:
        cells = key.split("|")
        wanted = cells[0] if len(parts) == 1 and len(definition.key) == 1 else "|".join(
            cells[at] for at, _ in parts
        )  # fmt: skip
        return frozenset(lines.get(wanted, ()))

    for defect in named:
        other = defect.get("other")
        found = where(str(defect["key"]))
        yield Expected(
            name=CLASS_OF_KIND[defect["kind"]],
            file=snapshot.file(table),
            lines=found,
            columns=frozenset(defect["columns"]),
            others=where(str(other)) if other else frozenset(),
        )
