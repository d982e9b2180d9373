"""Taking a write back without taking back what a person did since."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bridgework_contracts.outcomes import Conflict

from bridgework_loader.domain.comparing import is_other_user, same_value, writable

MODIFIED_BY = "Modified_By"


class UndoVerdict(StrEnum):
    """What becomes of a record that a run created."""

    DELETE = "delete"
    GONE = "gone"
    """Somebody, perhaps we before a crash, has deleted it already."""
    KEPT_EDITED = "kept_edited"
    """A person changed it since we wrote it."""
    KEPT_FOR_CHILD = "kept_for_child"
    """A record that hangs on it was kept."""


def undo_create(
    sent: Mapping[str, Any],
    current: Mapping[str, Any] | None,
    *,
    later: Mapping[str, Any],
    migration_user_id: str | None,
    has_kept_child: bool,
    unreadable: Collection[str] = (),
) -> UndoVerdict:
    """Decide whether a record that a run created may be deleted.

    Args:
        sent: What the run wrote, by live name.
        later: What we wrote last, perhaps in a later run; ours as well.
        current: What Zoho holds now, with ``Modified_By``; None when the record is gone.
        migration_user_id: Our Zoho user; None leaves the comparison of values alone to decide.
        has_kept_child: Whether this undo has kept a record that looks up to this one.
        unreadable: Fields whose values Zoho hides from the API.
    """
    if current is None:
        return UndoVerdict.GONE
    if is_other_user(current.get(MODIFIED_BY), migration_user_id):
        return UndoVerdict.KEPT_EDITED
    for name, value in sent.items():
        if name.startswith("$") or name in unreadable:
            continue
        now = current.get(name)
        if not same_value(now, value) and not same_value(now, later.get(name, value)):
            return UndoVerdict.KEPT_EDITED
    return UndoVerdict.KEPT_FOR_CHILD if has_kept_child else UndoVerdict.DELETE


@dataclass(frozen=True, slots=True)
class Restoration:
    """What putting ``before`` back means for one record.

    Attributes:
        to_write: Fields to send, with the values they had before us.
        current: What Zoho holds now in exactly those fields.
        restored: Every field that holds its old value afterwards, by live name.
        kept: Fields a person has changed since; theirs stays.
    """

    to_write: dict[str, Any]
    current: dict[str, Any]
    restored: dict[str, Any]
    kept: tuple[Conflict, ...]


def undo_update(
    sent: Mapping[str, Any],
    before: Mapping[str, Any],
    current: Mapping[str, Any],
    *,
    unreadable: Collection[str] = (),
) -> Restoration:
    """Decide field by field which old values go back: only where the current value is ours."""
    to_write: dict[str, Any] = {}
    ours_now: dict[str, Any] = {}
    restored: dict[str, Any] = {}
    kept: list[Conflict] = []
    for name, old in before.items():
        if name.startswith("$"):
            continue
        ours = sent.get(name)
        now = ours if name in unreadable else current.get(name)
        if same_value(now, old):
            restored[name] = old
        elif same_value(now, ours):
            to_write[name] = old
            ours_now[name] = writable(now)
            restored[name] = old
        else:
            kept.append(Conflict(field=name, base=ours, theirs=writable(now), ours=old))
    return Restoration(to_write, ours_now, restored, tuple(kept))


def looked_up_ids(sent: Mapping[str, Any]) -> set[str]:
    """Collect the Zoho ids of the records that a record hangs on."""
    return {
        str(value["id"])
        for name, value in sent.items()
        if name != "Owner" and isinstance(value, Mapping) and "id" in value
    }
