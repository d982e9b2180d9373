"""A file on its way, and what the rehoster already knows about it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bridgework_contracts.ids import MessageId
from bridgework_contracts.records import FileExtracted
from bridgework_zoho.attachments import Attachment

RecordKey = tuple[str, str]
"""Source object and source key of a record files hang on."""


@dataclass(frozen=True, slots=True)
class Move:
    """One message about a file.

    Attributes:
        message_id: Equal for equal content within a run, whoever delivers it and how often.
        log_key: Key of the log record; the outcome travels under the same one.
    """

    message_id: MessageId
    log_key: bytes | None
    file: FileExtracted = field(repr=False)

    @property
    def parent_key(self) -> RecordKey:
        """The record it hangs on."""
        return (self.file.parent.object, self.file.parent.key)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record is in Zoho."""

    module: str
    zoho_id: str


@dataclass(frozen=True, slots=True)
class Hosted:
    """An attachment of ours in Zoho."""

    module: str
    zoho_parent_id: str
    zoho_id: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Intent:
    """An upload or deletion that may have reached Zoho without our learning of it."""

    opened_at: datetime
    tried_at: datetime


def candidates(
    listed: Iterable[Attachment],
    file: FileExtracted,
    *,
    others_of_ours: set[str],
    opened_at: datetime,
    clock_tolerance_s: float,
) -> list[Attachment]:
    """Choose the attachments that a lost upload of this file may have made, newest first.

    Same name, same size, not another file of ours, and not older than our first try: an older one
    is the practice's own.
    """
    earliest = opened_at - timedelta(seconds=clock_tolerance_s + 1)
    found = [
        one
        for one in listed
        if one.file_name == file.name
        and one.size_bytes == file.size_bytes
        and one.id not in others_of_ours
        and (one.created_time is None or datetime.fromisoformat(one.created_time) >= earliest)
    ]
    return sorted(found, key=lambda one: int(one.id), reverse=True)
