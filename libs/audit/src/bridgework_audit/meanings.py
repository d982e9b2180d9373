"""What the cells of typed columns mean: how many have a value, and between which bounds.

Bounds never tell of a person: a date gives its year only, an amount or number only where the
column is nobody's.
"""

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from bridgework_dental_exec.snapshot import Snapshot

from bridgework_audit.phi import phi_class


@dataclass(frozen=True, slots=True)
class TypedProfile:
    """One typed column.

    Attributes:
        type: As Arrow names it, e.g. ``date32[day]``.
        values: Cells with a value.
        no_value: Cells that print something without one: a blank form, or nobody can read it.
        least: Least value, a year where it is a date; empty where it is not told.
        greatest: Likewise.
    """

    type: str
    values: int
    no_value: int
    least: str
    greatest: str

    def as_dict(self) -> dict[str, Any]:
        """Return the profile as the report shows it."""
        return asdict(self)


def profile_meanings(snapshot: Snapshot, table: str) -> dict[str, TypedProfile]:
    """Return column → profile, for a table's typed columns."""
    layer = snapshot.typed(table)
    if layer is None:
        return {}
    columns = {column.name: column for column in snapshot.tables[table].typed}
    bounds: dict[str, list[Any]] = {name: [] for name in columns}
    for batch in layer.to_batches(columns=list(columns)):
        for name, values in zip(columns, batch.columns, strict=True):
            if not pa.types.is_boolean(values.type):
                found = pc.min_max(values).as_py()
                bounds[name] += [value for value in found.values() if value is not None]
    told = {name: not _is_personal(table, name) for name in columns}
    return {
        name: TypedProfile(
            type=column.type,
            values=column.read,
            no_value=column.filled - column.read,
            least=_shown(min(bounds[name], default=None), told=told[name]),
            greatest=_shown(max(bounds[name], default=None), told=told[name]),
        )
        for name, column in columns.items()
    }


def _is_personal(table: str, column: str) -> bool:
    return phi_class(table, column) != "none"


def _shown(value: Any, *, told: bool) -> str:
    """Return a bound as the report may show it."""
    if isinstance(value, dt.date):
        return str(value.year)
    return str(value) if told and value is not None else ""
