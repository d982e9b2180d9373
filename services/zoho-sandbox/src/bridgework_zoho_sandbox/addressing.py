"""Finding the module and the record a path speaks of."""

from __future__ import annotations

from .call import Call
from .errors import bad_path_id, invalid_module, no_permission
from .external import ExternalPaths, parse_external
from .metadata import Module
from .record_ids import record_id
from .writing import Writer

# Modules with routes of their own, or none: they are no record modules.
NOT_RECORDS = frozenset({"Notes", "Attachments", "Users"})


def record_module(call: Call, name: str | None = None) -> Module:
    """Return the record module named in the path.

    Raises:
        ZohoError: 400 ``INVALID_MODULE`` for an unknown module or one without record API.
    """
    wanted = call.args["module"] if name is None else name
    module = call.org.modules.get(wanted)
    if module is None:
        raise invalid_module()
    if module.api_name in NOT_RECORDS or module.generated_type == "subform":
        raise invalid_module(message="The given module is not supported in API")
    return module


def external_paths(call: Call, module: Module) -> ExternalPaths:
    """Return the paths of the ``X-EXTERNAL`` header."""
    return parse_external(call.org, module, call.headers.get("x-external"))


def path_record(call: Call, module: Module, *, index: int = 1) -> int:
    """Return the record id in the path; an external value where the header says so.

    Raises:
        ZohoError: 400 ``INVALID_DATA`` when it is no id.
    """
    text = call.args["id"]
    external = external_paths(call, module)
    if external.own is not None:
        writer = Writer(call.org, module, call.person, external=external)
        found = writer.find(module.api_name, external.own, text)
        if found is None:
            raise bad_path_id(index)
        return found
    found = record_id(text)
    if found is None:
        raise bad_path_id(index)
    return found


def require_admin(call: Call, permission: str) -> None:
    """Refuse a caller without the Administrator profile: 403 ``NO_PERMISSION``."""
    if not call.person.admin:
        raise no_permission(permission)
