"""Reads what Zoho answered for each element of a call; the HTTP status decides nothing.

A 2xx may hold refusals and a 400 may hold them all; ``data[]`` is positional to the request
(fact sheet §0 facts 11 and §6.1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bridgework_zoho.advice import GOOD_CODES, Advice, explain

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ElementResult:
    """What became of one element of a call.

    Attributes:
        index: Position in the rows or ids that were passed in, from 0.
        ok: Whether Zoho accepted it.
        id: Zoho id, as a string; of the written record, or None.
        action: What happened, where Zoho says so or the call can only do one thing.
        code: Zoho's code; ``SUCCESS`` when ok.
        message: Zoho's own text. May quote the record: never log it.
        details: Zoho's own details. May quote the record: never log them.
        duplicate_id: Record that already holds the unique value (``DUPLICATE_DATA``).
        duplicate_field: Field by which an upsert found the record it updated.
        repeated: True if an earlier attempt of the same call may have been applied, so that
            ``update`` can mean "updated what our lost first attempt inserted".
    """

    index: int
    ok: bool
    id: str | None = None
    action: Literal["insert", "update", "delete"] | None = None
    code: str | None = None
    message: str | None = field(default=None, repr=False)
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)
    duplicate_id: str | None = None
    duplicate_field: str | None = None
    repeated: bool = False

    @property
    def field(self) -> str | None:
        """API name of the field that was refused, where Zoho names one."""
        return _named_field(self.details)

    @property
    def advice(self) -> Advice:
        """What the code means and what to do about it."""
        return explain(self.code or "")


# Classes with a method called ``list`` cannot write ``list[…]`` in their annotations.
ElementResults = list[ElementResult]
JsonRows = list[JsonObject]


def element_result(
    index: int,
    element: Mapping[str, Any],
    *,
    default_action: Literal["insert", "update", "delete"] | None = None,
    repeated: bool = False,
) -> ElementResult:
    """Translate one element of an answer."""
    get = element.get
    code = str(get("code") or "")
    details = _mapping(get("details"))
    ok = get("status") == "success" or code in GOOD_CODES
    given = get("action")
    action: Literal["insert", "update", "delete"] | None = default_action if ok else None
    if ok and given == "insert":
        action = "insert"
    elif ok and given == "update":
        action = "update"
    # By position: this runs for every record that is written.
    return ElementResult(
        index,
        ok,
        _string(details.get("id")) if ok else None,
        action,
        code or None,
        _string(get("message")),
        details,
        None if ok else _duplicate_id(code, details),
        _string(get("duplicate_field")),
        repeated,
    )


def elements_of(body: object, key: str) -> list[JsonObject] | None:
    """Take the element list out of a body; None if the body has none."""
    if not isinstance(body, dict):
        return None
    found = body.get(key)
    if not isinstance(found, list):
        return None
    return [one for one in found if isinstance(one, dict)]


def _duplicate_id(code: str, details: Mapping[str, Any]) -> str | None:
    if code == "DUPLICATE_DATA":
        record = _mapping(details.get("duplicate_record"))
        return _string(record.get("id")) or _string(details.get("id"))
    errors = details.get("errors")
    if isinstance(errors, Sequence) and not isinstance(errors, str):
        for error in errors:
            one = _mapping(error)
            found = _duplicate_id(str(one.get("code") or ""), _mapping(one.get("details")))
            if found:
                return found
    return None


def _named_field(details: Mapping[str, Any]) -> str | None:
    name = details.get("api_name")
    if isinstance(name, str):
        return name
    for key in ("expected_fields", "errors"):
        several = details.get(key)
        if isinstance(several, list):
            for one in several:
                inner = _mapping(one)
                found = _named_field(inner) or _named_field(_mapping(inner.get("details")))
                if found:
                    return found
    return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _string(value: object) -> str | None:
    return value if value is None or type(value) is str else str(value)
