"""Addressing records by an external field: the ``X-EXTERNAL`` header (fact sheet §4.3).

The header names every path at which an id is replaced, comma separated:
``Contacts.Source_Patient_ID``, ``Contacts.Account_Name.Source_Clinic_ID``,
``Events.What_Id->Accounts.Source_Clinic_ID``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .errors import ZohoError
from .metadata import Module
from .org import Org

_OWN = 2
_LOOKUP = 3


@dataclass(slots=True)
class ExternalPaths:
    """The header's paths for one module: its own key field, and a key field per lookup."""

    own: str | None = None
    lookups: dict[str, list[tuple[str, str]]] = field(default_factory=dict)


def _bad_header() -> ZohoError:
    return ZohoError(400, "INVALID_DATA", "invalid data", {"param_name": "X-EXTERNAL"})


def _external_field(org: Org, module: str, name: str) -> str:
    found = org.field(module, name) if module in org.modules else None
    if found is None or found.external is None:
        raise _bad_header()
    return name


def parse_external(org: Org, module: Module, header: str | None) -> ExternalPaths:
    """Read the header for one module.

    Raises:
        ZohoError: 400 ``INVALID_DATA`` for a path that names no external field.
    """
    paths = ExternalPaths()
    for item in (header or "").split(","):
        parts = item.strip().split(".")
        if parts == [""]:
            continue
        if parts[0] != module.api_name:
            raise _bad_header()
        if len(parts) == _OWN:
            paths.own = _external_field(org, module.api_name, parts[1])
        elif len(parts) == _LOOKUP:
            lookup, _, target = parts[1].partition("->")
            meta = org.field(module.api_name, lookup)
            if meta is None:
                raise _bad_header()
            target = target or meta.lookup_module or ""
            name = _external_field(org, target, parts[2])
            paths.lookups.setdefault(lookup, []).append((target, name))
        else:
            raise _bad_header()
    return paths
