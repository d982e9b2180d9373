"""Which record a written element means: by id, by external field, by the fields upsert matches."""

from __future__ import annotations

from .errors import Json, Rejected, ZohoError, bad_id, mandatory_not_found
from .metadata import Module
from .record_ids import record_id
from .writing import Writer


def upsert_order(module: Module, given: list[str] | None) -> list[str]:
    """Return the fields upsert matches by, in order (fact sheet §3.3).

    Raises:
        ZohoError: 400 ``INVALID_DATA`` for a field that is neither unique nor the module's own
            duplicate-check field.
    """
    unique = [item.api_name for item in module.live_fields() if item.keyed]
    if given is None:
        first = [module.duplicate_field] if module.duplicate_field else []
        return list(dict.fromkeys([*first, *unique]))
    allowed = {*unique, module.duplicate_field}
    for index, name in enumerate(given):
        if name not in allowed:
            raise ZohoError(
                400,
                "INVALID_DATA",
                "invalid data",
                {
                    "api_name": "duplicate_check_fields",
                    "json_path": f"$.duplicate_check_fields[{index}]",
                },
            )
    return list(dict.fromkeys([*given, *unique]))


def own_id(sent: Json, path: str, writer: Writer) -> int:
    """Return the id an update element names, by ``id`` or by the external field of the header."""
    name = writer.external.own
    if name is not None and name in sent:
        found = writer.find(writer.module.api_name, name, sent[name])
        if found is None:
            raise Rejected(
                "INVALID_DATA",
                "the id given seems to be invalid",
                {"api_name": name, "json_path": f"{path}.{name}"},
            )
        return found
    if sent.get("id") is None:
        raise mandatory_not_found("id", f"{path}.id")
    found = record_id(sent["id"])
    if found is None:
        raise bad_id(path)
    return found
