"""Three-way writing: what we last wrote, what is in Zoho now, what the source says now.

A field that nobody but us has changed takes the source's new value. A field that a person has
changed keeps the person's value; where the source changed too, that is a conflict and is listed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from bridgework_contracts.outcomes import Conflict

from bridgework_loader.domain.comparing import is_blank, same_value, writable

COMPANIONS: Mapping[str, str] = {"What_Id": "$se_module"}
"""Keys that only travel beside a field and cannot be read back (fact sheet §5, Events)."""


@dataclass(frozen=True, slots=True)
class Merge:
    """What a three-way comparison decided for one record.

    Attributes:
        to_write: Fields to send, ours.
        before: What Zoho holds now in exactly those fields.
        conflicts: Fields where theirs was kept although ours changed too.
        base: What stands as "written by us" once ``to_write`` is in Zoho.
    """

    to_write: dict[str, Any]
    before: dict[str, Any]
    conflicts: tuple[Conflict, ...]
    base: dict[str, Any]


def readable_fields(*field_sets: Mapping[str, Any] | None) -> list[str]:
    """Name the fields that a comparison of these sets must read from Zoho, sorted."""
    names = {name for fields in field_sets if fields for name in fields}
    return sorted(name for name in names if not name.startswith("$"))


def merge(
    base: Mapping[str, Any],
    theirs: Mapping[str, Any],
    ours: Mapping[str, Any],
    *,
    unreadable: Collection[str] = (),
) -> Merge:
    """Decide field by field.

    Args:
        base: What we last wrote, by live name; a field we never wrote is absent.
        theirs: What Zoho holds now; an absent field is blank.
        ours: What the source says now, as Zoho takes it.
        unreadable: Fields whose values Zoho hides from the API (fact sheet §4.6): what is there
            cannot be known, so base stands in for theirs.
    """
    to_write: dict[str, Any] = {}
    before: dict[str, Any] = {}
    conflicts: list[Conflict] = []
    new_base = dict(base)
    for name, our_value in ours.items():
        if name.startswith("$"):
            continue
        base_value = base.get(name)
        their_value = base_value if name in unreadable else theirs.get(name)
        if same_value(their_value, our_value):
            new_base[name] = our_value
        elif same_value(their_value, base_value) or (name not in base and is_blank(their_value)):
            to_write[name] = our_value
            before[name] = writable(their_value)
            new_base[name] = our_value
        else:
            # Also where only the person changed it: the report lists every value that was kept.
            conflicts.append(
                Conflict(field=name, base=base_value, theirs=writable(their_value), ours=our_value)
            )
    for name, companion in COMPANIONS.items():
        if name in to_write and companion in ours:
            to_write[companion] = ours[companion]
    return Merge(to_write, before, tuple(conflicts), new_base)
