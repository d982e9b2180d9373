"""Are two values of a Zoho field the same? Zoho stores what it was sent in its own spelling.

It returns a date-time in the reading user's zone, a lookup with the name of its target, a number
for a decimal text, text without outer blanks, and ``false`` for a checkbox nobody touched (fact
sheet §3.4, §4.1, §8.8). A comparison that took these for edits would keep every record from ever
being updated or undone.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from operator import is_
from typing import Any

_MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)$")


def is_blank(value: object) -> bool:
    """Tell whether a field holds nothing; an untouched checkbox reads as ``false``."""
    return value is None or value is False or value in ("", [], {})


def same_value(one: Any, other: Any) -> bool:
    """Tell whether two JSON values mean the same content of one field.

    Either side may be as Zoho returns it or as we send it.
    """
    if one == other and type(one) is type(other):
        return True
    if is_blank(one) or is_blank(other):
        return is_blank(one) and is_blank(other)
    return _comparison(one, other)(one, other)


def _comparison(one: Any, other: Any) -> Callable[[Any, Any], bool]:
    """Choose how to compare two values that are not blank."""
    kinds = (type(one), type(other))
    if any(issubclass(kind, Mapping) for kind in kinds):
        return _same_mapping
    if list in kinds:
        return _same_list
    if bool in kinds:
        return is_
    if int in kinds or float in kinds:
        return _same_number
    return _same_text


def is_other_user(value: Any, user_id: str | None) -> bool:
    """Tell whether a user field such as ``Modified_By`` surely names somebody else."""
    if user_id is None or not isinstance(value, Mapping):
        return False
    return str(value.get("id")) != user_id


def writable(value: Any) -> Any:
    """Reduce a value as Zoho returns it to what Zoho takes back: a lookup is its id alone."""
    if isinstance(value, Mapping) and "id" in value:
        return {"id": str(value["id"])}
    return value


def _same_mapping(one: Any, other: Any) -> bool:
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return _id_of(one) == _id_of(other)
    if "id" in one and "id" in other:
        return str(one["id"]) == str(other["id"])
    # A sub-form row comes back with more keys than were sent, its own id among them.
    shared = one.keys() & other.keys()
    return bool(shared) and all(same_value(one[key], other[key]) for key in shared)


def _id_of(value: Any) -> str:
    """Return the id of a lookup, or the text that may be one."""
    return str(value.get("id")) if isinstance(value, Mapping) else str(value)


def _same_list(one: Any, other: Any) -> bool:
    if not isinstance(one, list) or not isinstance(other, list) or len(one) != len(other):
        return False
    if all(isinstance(item, str) for item in (*one, *other)):
        return sorted(item.strip() for item in one) == sorted(item.strip() for item in other)
    return all(same_value(left, right) for left, right in zip(one, other, strict=True))


def _same_number(one: Any, other: Any) -> bool:
    try:
        return Decimal(str(one)) == Decimal(str(other))
    except InvalidOperation:
        return False


def _same_text(first: Any, second: Any) -> bool:
    one, other = str(first), str(second)
    if _MOMENT.match(one) and _MOMENT.match(other):
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()
