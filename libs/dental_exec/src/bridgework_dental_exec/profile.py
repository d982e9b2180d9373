"""Profiles: which file holds what, and how its columns become canonical fields.

A profile is data (``profiles/*.yaml``). Builders know canonical field names only; a different
program or version needs a different profile file and no code.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import yaml
from bridgework_contracts.errors import ConfigurationError

from bridgework_dental_exec.parsers.dates import Kind

PARSERS = frozenset(
    {
        "choice", "code", "date", "email", "flag", "int", "key", "moment", "money", "month",
        "phone", "raw", "surface", "teeth", "text", "time", "tooth",
    }
)  # fmt: skip
TYPED_PARSERS = frozenset({"date", "flag", "int", "moment", "money", "month", "time"})
"""Parsers whose value is not a text: their columns are sealed typed as well."""

_CALL = re.compile(r"^([a-z]+)\(([^,()]+)(?:,\s*([a-z_]+))?\)$")
_HEADER_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Cell:
    """How one value is read: parser, column, and the choice list where the parser needs one."""

    parser: str
    column: str
    choice: str = ""


@dataclass(frozen=True, slots=True)
class TableDef:
    """One file: its key columns, all columns, and how far its dates may lie."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    dates: dict[str, Kind]

    def aligned(self, header: Iterable[str]) -> list[str]:
        """Return a header in which ``PatID`` and ``pat id`` are the profile's ``pat_id``.

        A spelling of a column that stands there as it should be stays as it is.
        """
        names = list(header)
        spelt = {folded(c): c for c in self.columns if c not in names}
        return [name if name in self.columns else spelt.pop(folded(name), name) for name in names]


@dataclass(frozen=True, slots=True)
class ChoiceDef:
    """Printed words (lower case) → canonical words; strict leaves unknown words out."""

    values: dict[str, str]
    strict: bool


@dataclass(frozen=True, slots=True)
class ObjectDef:
    """One canonical object or part: where its rows stand and how their cells are read."""

    name: str
    table: str
    key: tuple[Cell, ...]
    fields: dict[str, Cell]
    parent: str | None = None
    parent_key: Cell | None = None
    workstation: str | None = None
    """Column that tells where a row was typed; blocks of swapped dates are looked for in it."""
    made_at: str | None = None
    """Column with the moment a row was typed; orders the rows of a workstation."""


@dataclass(frozen=True)
class Profile:
    """A loaded profile."""

    name: str
    tables: dict[str, TableDef]
    choices: dict[str, ChoiceDef]
    objects: dict[str, ObjectDef]
    item_labels: dict[str, str] = field(default_factory=dict)

    def typed_cells(self, table: str) -> dict[str, Cell]:
        """Return column → how it is read, for the columns of a table that hold no text.

        These are the columns an object reads so, and those the table calls dates.
        """
        definition = self.tables[table]
        read = {
            cell.column: cell
            for spec in self.objects.values()
            if spec.table == table
            for cell in spec.fields.values()
            if cell.parser in TYPED_PARSERS
        }
        dated = {
            column: Cell("moment" if kind == "moment" else "date", column)
            for column, kind in definition.dates.items()
        }
        both = dated | read
        return {column: both[column] for column in definition.columns if column in both}

    def named(self, stem: str) -> TableDef | None:
        """Return the table that has a file's name, however spelt."""
        return next((t for name, t in self.tables.items() if folded(name) == folded(stem)), None)

    def match_table(self, stem: str, header: Iterable[str]) -> TableDef | None:
        """Return the table a file holds: by its name, else by its header."""
        by_name = self.named(stem)
        if by_name is not None:
            return by_name
        columns = {folded(column) for column in header}
        best, best_share = None, _HEADER_SHARE
        for table in self.tables.values():
            wanted = {folded(column) for column in table.columns}
            share = len(wanted & columns) / len(wanted | columns) if columns else 0.0
            if share > best_share and {folded(k) for k in table.key} <= columns:
                best, best_share = table, share
        return best


def folded(name: str) -> str:
    """Return a table's or column's name as it compares: letters and digits, lower case."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@cache
def load_profile(name: str) -> Profile:
    """Load a profile shipped with this package.

    Raises:
        ConfigurationError: No such profile, or a definition that does not hold together.
    """
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise ConfigurationError("A profile's name is lower-case letters, digits and underscores.")
    place = resources.files("bridgework_dental_exec") / "profiles" / f"{name}.yaml"
    if not place.is_file():
        raise ConfigurationError(f"There is no source profile named {name!r}.")
    return parse_profile(yaml.safe_load(place.read_text(encoding="utf-8")))


def parse_profile(data: dict[str, Any]) -> Profile:
    """Check a profile's data and turn it into definitions.

    Raises:
        ConfigurationError: Unknown parser, table, column, choice or key of the document.
    """
    known = {"name", "tables", "choices", "objects", "item_labels"}
    if set(data) - known:
        raise ConfigurationError("The profile has sections nobody knows.")
    tables = {
        name: TableDef(name, tuple(t["key"]), tuple(t["columns"]), dict(t.get("dates", {})))
        for name, t in data["tables"].items()
    }
    choices = {
        name: ChoiceDef(
            {str(k).lower(): v for k, v in c["values"].items()}, bool(c.get("strict", False))
        )
        for name, c in data.get("choices", {}).items()
    }
    objects = {}
    for name, spec in data["objects"].items():
        table = tables.get(spec["table"])
        if table is None:
            raise ConfigurationError(f"Object {name!r} names a table the profile lacks.")
        keys = spec["key"] if isinstance(spec["key"], list) else [spec["key"]]
        parent, parent_key = None, None
        if "parent" in spec:
            parent, parent_cell = spec["parent"]
            parent_key = _cell(parent_cell, table, choices)
        objects[name] = ObjectDef(
            name=name,
            table=table.name,
            key=tuple(_cell(k, table, choices) for k in keys),
            fields={f: _cell(c, table, choices) for f, c in spec["fields"].items()},
            parent=parent,
            parent_key=parent_key,
            workstation=spec.get("workstation"),
            made_at=spec.get("made_at"),
        )
    return Profile(data["name"], tables, choices, objects, dict(data.get("item_labels", {})))


def _cell(text: str, table: TableDef, choices: dict[str, ChoiceDef]) -> Cell:
    match = _CALL.match(text)
    if match is None or match[1] not in PARSERS:
        raise ConfigurationError(f"{table.name}: {text!r} is not parser(column).")
    if match[2] not in table.columns:
        raise ConfigurationError(f"{table.name}: there is no column {match[2]!r}.")
    if (match[1] == "choice") != bool(match[3]) or (match[3] and match[3] not in choices):
        raise ConfigurationError(f"{table.name}: {text!r} names no choice list.")
    return Cell(match[1], match[2], match[3] or "")
