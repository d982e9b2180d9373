"""What to conclude when a request got no answer and Zoho has been asked what is there now.

Zoho knows no idempotency key: a request that timed out may have been applied (fact sheet §0.13).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bridgework_contracts.writes import WriteRecord

from bridgework_loader.domain.comparing import is_other_user, same_value

CREATED_BY = "Created_By"
CREATED_TIME = "Created_Time"


class Finding(StrEnum):
    """What a record found in Zoho is to us."""

    OURS = "ours"
    """Our lost request created it."""
    EARLIER = "earlier"
    """It was there before we tried: adopt it, touch only what is empty or ours."""


def creation_found(
    current: Mapping[str, Any],
    *,
    opened_at: datetime | None,
    migration_user_id: str | None,
    clock_tolerance_s: float,
) -> Finding:
    """Tell whether a record that carries our source id comes from our own lost request.

    Args:
        current: The record, with ``Created_By`` and ``Created_Time``.
        opened_at: When the intent to create it was written; None if there was none.
        migration_user_id: Our Zoho user; None where control could not tell.
        clock_tolerance_s: By how much Zoho's clock may be behind ours.
    """
    if opened_at is None:
        return Finding.EARLIER
    if is_other_user(current.get(CREATED_BY), migration_user_id):
        return Finding.EARLIER
    created = current.get(CREATED_TIME)
    if not isinstance(created, str):
        return Finding.OURS
    created_at = datetime.fromisoformat(created)
    # Zoho's times have whole seconds.
    earliest = opened_at - timedelta(seconds=clock_tolerance_s + 1)
    return Finding.OURS if created_at >= earliest else Finding.EARLIER


class UpdateFinding(StrEnum):
    """What became of an update whose answer was lost."""

    APPLIED = "applied"
    NOT_APPLIED = "not_applied"


def update_found(
    sent: Mapping[str, Any], before: Mapping[str, Any], current: Mapping[str, Any]
) -> UpdateFinding:
    """Tell whether an update was applied: one of its fields holds what only it could have written.

    Zoho updates a record's fields together, so one field that changed speaks for all.
    """
    for name, ours in sent.items():
        if name.startswith("$"):
            continue
        now = current.get(name)
        if same_value(now, ours) and not same_value(now, before.get(name)):
            return UpdateFinding.APPLIED
    return UpdateFinding.NOT_APPLIED


def marker(write: WriteRecord) -> str:
    """Return the text that marks a note as coming from this source record."""
    return f"[src:{write.object}:{write.key}]"


def find_note(write: WriteRecord, notes: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Find the note that this write created among the notes of its parent.

    A note carries no unique field. Its marker names it; a note that was mapped without a marker is
    recognised by its whole content.
    """
    content = write.fields.get("Note_Content")
    mark = marker(write)
    marked = isinstance(content, str) and mark in content
    for note in notes:
        found = note.get("Note_Content")
        if not isinstance(found, str):
            continue
        if (marked and mark in found) or (not marked and same_value(found, content)):
            return note
    return None
