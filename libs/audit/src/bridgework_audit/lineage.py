"""From profile fields to canonical fields: what a record builder folds together, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

import yaml
from bridgework_contracts.errors import ConfigurationError

FILE = "file"
"""Target of a column that ends with an attached file."""

Kept = tuple[Literal["archived", "dropped"], str]


@dataclass(frozen=True)
class Lineage:
    """Where columns end that are not a canonical field of the same name.

    Attributes:
        folded: (profile object, profile field) → targets, ``object.field`` or ``file``.
        keys: Profile object → targets of its key columns.
        kept: (table, column) → end and reason.
    """

    folded: Mapping[tuple[str, str], tuple[str, ...]]
    keys: Mapping[str, tuple[str, ...]]
    kept: Mapping[tuple[str, str], Kept]


@cache
def load_lineage(profile: str) -> Lineage:
    """Load the lineage of a source profile.

    Raises:
        ConfigurationError: There is none, or it does not hold together.
    """
    place = resources.files("bridgework_audit") / "lineage" / f"{profile}.yaml"
    if not profile.isidentifier() or not place.is_file():
        raise ConfigurationError(f"There is no lineage for the source profile {profile!r}.")
    return parse_lineage(yaml.safe_load(place.read_text(encoding="utf-8")))


def parse_lineage(data: Any) -> Lineage:
    """Check a lineage given as plain data.

    Raises:
        ConfigurationError: A section nobody knows, or an end that is not archived or dropped.
    """
    if not isinstance(data, dict) or set(data) - {"profile", "folded", "keys", "kept"}:
        raise ConfigurationError("A lineage has the sections profile, folded, keys and kept.")
    kept: dict[tuple[str, str], Kept] = {}
    for table, columns in data.get("kept", {}).items():
        for column, (end, reason) in columns.items():
            if end not in {"archived", "dropped"} or not reason:
                raise ConfigurationError(f"{table}.{column} is archived or dropped, with a reason.")
            kept[table, column] = (end, reason)
    return Lineage(
        folded={
            (name, field): _targets(targets)
            for name, fields in data.get("folded", {}).items()
            for field, targets in fields.items()
        },
        keys={name: _targets(targets) for name, targets in data.get("keys", {}).items()},
        kept=kept,
    )


def _targets(value: Any) -> tuple[str, ...]:
    targets = tuple(value) if isinstance(value, list) else (value,)
    if not all(isinstance(t, str) and (t == FILE or "." in t) for t in targets):
        raise ConfigurationError("A lineage's target is object.field or file.")
    return targets
