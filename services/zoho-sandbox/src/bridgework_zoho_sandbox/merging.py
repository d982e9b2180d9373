"""Where an update adds to a stored value instead of replacing it (fact sheet §3.2)."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import Json
from .metadata import Module


def append_values(module: Module, sent: Json, before: Json, changes: Json) -> None:
    """Keep the stored choices of the multi-select fields that ``$append_values`` names."""
    append = sent.get("$append_values")
    if not isinstance(append, dict):
        return
    for name, wanted in append.items():
        field = module.fields.get(name)
        if wanted is True and field is not None and field.data_type == "multiselectpicklist":
            both = [*(before.get(name) or ()), *(changes.get(name) or ())]
            changes[name] = list(dict.fromkeys(both)) or None


def finish_subforms(names: Iterable[str], changes: Json, before: Json) -> None:
    """Merge sent subform rows into the stored ones by id; ``_delete`` drops a row."""
    for name in names:
        rows = changes.get(name)
        if rows is None:
            continue
        kept = {row["id"]: row for row in before.get(name) or ()}
        for row in rows:
            if "_delete" in row:
                kept.pop(row["id"], None)
            else:
                kept[row["id"]] = {**kept.get(row["id"], {}), **row}
        changes[name] = list(kept.values()) or None
