"""Where every source column ends: mapped, transformed, archived, dropped with a reason, or nowhere.

Followed from the column through the profile (which field reads it), the lineage (what the field is
folded into) and the mapping document (which Zoho field carries that). A column that is filled and
ends nowhere blocks the migration.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bridgework_dental_exec.profile import Cell, Profile
from bridgework_dental_exec.snapshot import Snapshot
from bridgework_mapping.document import MappingDocument

from bridgework_audit.lineage import FILE, Lineage

End = Literal["mapped", "transformed", "archived", "dropped", "unaccounted"]
ENDS: tuple[End, ...] = ("mapped", "transformed", "archived", "dropped", "unaccounted")
_PLAIN = frozenset({"raw", "text", "key"})
_CLINICAL_TABLES = frozenset(
    {"treatment_plans", "treatment_items", "notes", "tooth_chart", "perio_exams", "perio_readings",
     "alerts", "documents", "appointments"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColumnEnd:
    """Where one column of the export ends.

    Attributes:
        to: Zoho fields that carry it, ``Module.Spec``.
        reason: Why it is archived, dropped, or what is missing.
    """

    table: str
    file: str
    column: str
    end: End
    to: tuple[str, ...]
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Return the row as the report shows it."""
        return {"table": self.table, "file": self.file, "column": self.column, "end": self.end,
                "to": list(self.to), "reason": self.reason}  # fmt: skip


@dataclass(frozen=True)
class Coverage:
    """All columns of an export and their ends."""

    columns: tuple[ColumnEnd, ...]
    unread_files: tuple[tuple[str, str], ...]

    @property
    def counts(self) -> dict[str, int]:
        """End → columns."""
        return {end: sum(c.end == end for c in self.columns) for end in ENDS}

    @property
    def unaccounted(self) -> tuple[ColumnEnd, ...]:
        """Columns that end nowhere."""
        return tuple(c for c in self.columns if c.end == "unaccounted")

    @property
    def tables_without_home(self) -> tuple[str, ...]:
        """Tables none of whose columns travels or is deliberately kept."""
        by_table: dict[str, set[str]] = {}
        for column in self.columns:
            by_table.setdefault(column.table, set()).add(column.end)
        return tuple(t for t, ends in by_table.items() if ends <= {"unaccounted"})

    @property
    def clinical_without_home(self) -> tuple[str, ...]:
        """Clinical tables with a column that ends nowhere."""
        return tuple(
            dict.fromkeys(c.table for c in self.unaccounted if c.table in _CLINICAL_TABLES)
        )

    def blockers(self) -> list[str]:
        """Return a sentence per thing that has no home."""
        columns = [
            f"{c.file}: column {c.column} ends nowhere ({c.reason}). "
            "Map it, or say in the mapping why it stays behind."
            for c in self.unaccounted
        ]
        files = [
            f"{file} was not read ({reason}). Say what it is, or take it out of the export."
            for file, reason in self.unread_files
        ]
        return columns + files

    def as_dict(self) -> dict[str, Any]:
        """Return coverage as the report shows it."""
        return {
            "counts": self.counts,
            "columns": [column.as_dict() for column in self.columns],
            "unread_files": [{"file": f, "reason": r} for f, r in self.unread_files],
        }


@dataclass(frozen=True, slots=True)
class _Route:
    """One way a column travels: target canonical field, and whether the value stays as it is."""

    target: str
    plain: bool


def cover(
    snapshot: Snapshot,
    document: MappingDocument,
    lineage: Lineage,
    filled: Mapping[tuple[str, str], int],
) -> Coverage:
    """Follow every column of every table to its end.

    Args:
        snapshot: The sealed export.
        document: The mapping.
        lineage: What the record builders fold together.
        filled: (table, column) → rows with a value.
    """
    routes = _routes(snapshot.profile, document, lineage)
    carried = _carried(document)
    columns = []
    for name, info in sorted(snapshot.tables.items()):
        for column in info.columns:
            end, to, reason = _end(
                routes.get((name, column), []), carried, lineage.kept.get((name, column))
            )
            if end == "unaccounted" and not filled.get((name, column), 0):
                end, reason = "dropped", "no row has a value"
            columns.append(ColumnEnd(name, info.file, column, end, to, reason))
    unread = tuple(
        (f.file, f.code) for f in snapshot.findings if f.code in {"table_unknown", "table_twice"}
    )
    return Coverage(tuple(columns), unread)


def _routes(
    profile: Profile, document: MappingDocument, lineage: Lineage
) -> dict[tuple[str, str], list[_Route]]:
    known = {entry.object for entry in document.objects}
    routes: dict[tuple[str, str], list[_Route]] = {}

    def add(table: str, cell: Cell, targets: Iterable[str], *, folded: bool) -> None:
        plain = cell.parser in _PLAIN and not folded
        routes.setdefault((table, cell.column), []).extend(_Route(t, plain) for t in targets)

    for spec in profile.objects.values():
        own_key = lineage.keys.get(spec.name) or (
            (f"{spec.name}.key",) if spec.name in known else ()
        )
        for cell in (*spec.key, *((spec.parent_key,) if spec.parent_key else ())):
            add(spec.table, cell, own_key, folded=spec.name in lineage.keys or len(spec.key) > 1)
        for field, cell in spec.fields.items():
            folded = lineage.folded.get((spec.name, field))
            if folded is None and spec.name in known:
                add(spec.table, cell, (f"{spec.name}.{field}",), folded=False)
            elif folded is not None:
                add(spec.table, cell, folded, folded=True)
    return routes


def _carried(document: MappingDocument) -> dict[str, tuple[str, tuple[str, ...], str]]:
    """Return canonical ``object.field`` → end, Zoho fields and reason by the mapping."""
    carried: dict[str, tuple[str, tuple[str, ...], str]] = {}
    for entry in document.objects:
        for row in document.coverage_rows(entry.object):
            to = tuple(f"{entry.module}.{spec}" for spec in row.specs)
            carried[f"{entry.object}.{row.field}"] = (row.end, to, row.reason)
        if entry.kind == "file":
            carried.setdefault(FILE, ("transformed", (entry.module,), ""))
    return carried


def _end(
    routes: list[_Route],
    carried: Mapping[str, tuple[str, tuple[str, ...], str]],
    kept: tuple[Literal["archived", "dropped"], str] | None,
) -> tuple[End, tuple[str, ...], str]:
    ends: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for route in routes:
        found = carried.get(route.target)
        if found is None:
            continue
        end, to, reason = found
        if end == "mapped" and not route.plain:
            end = "transformed"
        ends.setdefault(end, []).append((to, reason))
    for end in ENDS[:2]:
        if end in ends:
            travels = [*ends.get("mapped", []), *ends.get("transformed", [])]
            to = tuple(dict.fromkeys(spec for specs, _ in travels for spec in specs))
            return end, to, next((r for specs, r in travels if not specs and r), "")
    if kept is not None:
        return kept[0], (), kept[1]
    if "archived" in ends:
        return "archived", (), ends["archived"][0][1]
    if "dropped" in ends:
        return "dropped", (), ends["dropped"][0][1]
    missing = ", ".join(dict.fromkeys(r.target for r in routes))
    reason = f"the mapping does not carry {missing}" if missing else "no definition reads it"
    return "unaccounted", (), reason
