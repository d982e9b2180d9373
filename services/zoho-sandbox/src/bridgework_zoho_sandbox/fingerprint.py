"""State dumps and order-free fingerprints, for tests that compare an org before and after.

A fingerprint is the count and the sum of the hashes of the rows, modulo 2**128: equal rows give
equal fingerprints in any order. With ``ids=False`` two orgs can be compared: ids are left out and
references are replaced by what they show.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from .errors import Json
from .metadata import Module
from .org import Org
from .people import Person
from .rendering import Renderer
from .table import COLUMNS, Record

MODULUS = 2**128
_TIMES = frozenset(
    {
        "Closed_Time",
        "Created_Time",
        "Modified_Time",
        "Last_Activity_Time",
        "Created_By",
        "Modified_By",
    }
)
_CHILDREN = frozenset({"Notes", "Attachments", "Users"})


def record_modules(org: Org) -> list[Module]:
    """Return the modules that hold records."""
    return [
        module
        for module in org.modules.values()
        if module.api_name not in _CHILDREN and module.generated_type != "subform"
    ]


def _admin(org: Org) -> Person:
    return next(iter(org.people.values()))


def rows_of(org: Org, module: Module, fields: Iterable[str] | None = None) -> Iterator[Json]:
    """Yield every live record of a module, oldest first."""
    renderer = Renderer(org, module, _admin(org), wanted=fields or list(module.fields))
    cursor = org.database.execute(f"select {COLUMNS} from r{module.slot} order by id")
    for row in cursor:
        yield renderer.render(Record(*row))


def note_rows(org: Org) -> Iterator[Json]:
    """Yield every note."""
    for row in org.database.execute(
        "select id, parent_module, parent, title, content, owner from note order by id"
    ):
        yield {
            "id": str(row[0]),
            "Parent_Id": {"module": row[1], "id": str(row[2])},
            "Note_Title": row[3],
            "Note_Content": row[4],
            "Owner": org.person_reference(row[5]),
        }


def attachment_rows(org: Org) -> Iterator[Json]:
    """Yield every attachment with the hash of its content."""
    for row in org.database.execute(
        "select id, parent_module, parent, name, size, sha256, link from attachment order by id"
    ):
        yield {
            "id": str(row[0]),
            "Parent_Id": {"module": row[1], "id": str(row[2])},
            "File_Name": row[3],
            "Size": row[4],
            "sha256": row[5],
            "link": row[6],
        }


def all_rows(org: Org, name: str) -> Iterator[Json]:
    """Yield the rows of a module, notes and attachments included."""
    if name == "Notes":
        return note_rows(org)
    if name == "Attachments":
        return attachment_rows(org)
    return rows_of(org, org.modules[name])


def _parent_names(org: Org) -> dict[str, str | None]:
    names: dict[str, str | None] = {}
    for module in record_modules(org):
        for record, name in org.database.execute(f"select id, name from r{module.slot}"):
            names[str(record)] = name
    return names


def _without_ids(value: Any, names: dict[str, str | None] | None) -> Any:
    if isinstance(value, dict):
        out = {key: _without_ids(item, names) for key, item in value.items() if key != "id"}
        if names is not None and "module" in value and "id" in value:
            out["name"] = names.get(value["id"])
        return out
    if isinstance(value, list):
        return [_without_ids(item, names) for item in value]
    return value


def fingerprint(rows: Iterable[Json], *, ids: bool, names: dict[str, str | None]) -> Json:
    """Return count and order-free hash of rows; times and people of the last touch are left out."""
    total = count = 0
    for row in rows:
        kept: Any = {key: value for key, value in row.items() if key not in _TIMES}
        if not ids:
            kept = _without_ids(kept, names)
        text = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)
        total += int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big")
        count += 1
    return {"count": count, "hash": f"{total % MODULUS:032x}"}


def org_fingerprint(org: Org, wanted: list[str] | None, *, ids: bool) -> Json:
    """Return the fingerprint of every module that holds rows, or of the wanted ones."""
    names = {} if ids else _parent_names(org)
    modules = wanted or [
        *[module.api_name for module in record_modules(org)],
        "Notes",
        "Attachments",
    ]
    return {
        name: fingerprint(all_rows(org, name), ids=ids, names=names)
        for name in modules
        if name in org.modules
    }
