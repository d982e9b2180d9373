"""Hooks for schemathesis: path parameters that lead somewhere, so that handlers are reached."""

from __future__ import annotations

import os
from typing import Any

import schemathesis

MODULES = ("Contacts", "Accounts", "Deals", "Tasks", "Events", "Notes", "Calls", "Nope")
RECORD = os.environ.get("SANDBOX_RECORD", "1")


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> Any:
    """Point most generated paths at real modules and at one real record."""
    del context
    if not path_parameters:
        return path_parameters
    for name, value in path_parameters.items():
        weight = sum(str(value).encode())
        if name == "module":
            path_parameters[name] = MODULES[weight % len(MODULES)]
        elif name == "id" and weight % 3:
            path_parameters[name] = RECORD
        elif name == "related":
            path_parameters[name] = "Contacts"
    return path_parameters
