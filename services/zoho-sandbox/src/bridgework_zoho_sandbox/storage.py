"""How much an org may keep: records and notes by edition, files by edition (fact sheet §7).

A record counts 2 KB and a note 1 KB, in the recycle bin as well. Counting is dear, so what is left
is counted once and used up; only when it seems to be gone is it counted again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .errors import ZohoError
from .plan import PLANS

if TYPE_CHECKING:
    from .org import Org

RECORD_KB, NOTE_KB = 2, 1
_CHILDREN = frozenset({"Notes", "Attachments", "Users"})


class Room:
    """What is left of one kind of storage."""

    def __init__(self, limit: Callable[[], int], used: Callable[[], int]) -> None:
        self._limit = limit
        self._used = used
        self._left: int | None = None

    def take(self, wanted: int) -> bool:
        """Use up some of it; false when there is not so much left."""
        if self._left is None or self._left < wanted:
            self._left = self._limit() - self._used()
        if self._left < wanted:
            return False
        self._left -= wanted
        return True


class Storage:
    """Both kinds of storage of one org."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._data = Room(self.data_limit_kb, self._data_used_kb)
        self._files = Room(self.file_limit_bytes, self._file_used_bytes)

    def data_limit_kb(self) -> int:
        """Return what records and notes may take, by setting or by edition and licences."""
        org, override = self._org, self._org.behaviour.data_storage_records
        if override is not None:
            return override * RECORD_KB
        plan = PLANS[org.edition]
        return plan.data_kb + plan.data_kb_per_user * org.seats

    def file_limit_bytes(self) -> int:
        """Return what files may take, by setting or by edition and licences."""
        org, override = self._org, self._org.behaviour.file_storage_bytes
        if override is not None:
            return override
        plan = PLANS[org.edition]
        return plan.file_bytes + plan.file_bytes_per_user * org.seats

    def keep_records(self, count: int) -> None:
        """Refuse records for which there is no room: 400 ``STORAGE_SPACE_EXCEEDED``."""
        if not self._data.take(count * RECORD_KB):
            limit = self.data_limit_kb() // RECORD_KB
            raise ZohoError(
                400, "STORAGE_SPACE_EXCEEDED", "storage space exceeded", {"limit": limit}
            )

    def keep_notes(self, count: int) -> None:
        """Refuse notes for which there is no room."""
        if not self._data.take(count * NOTE_KB):
            raise ZohoError(400, "STORAGE_SPACE_EXCEEDED", "storage space exceeded")

    def keep_file(self, size: int) -> None:
        """Refuse a file for which there is no room."""
        if not self._files.take(size):
            raise ZohoError(400, "STORAGE_SPACE_EXCEEDED", "file storage space exceeded")

    def _count(self, sql: str, *values: int) -> int:
        row = self._org.database.one(sql, values)
        return 0 if row is None or row[0] is None else int(row[0])

    def _data_used_kb(self) -> int:
        modules = self._org.modules
        live = sum(
            self._count(f"select count(*) from r{module.slot}")
            for module in modules.values()
            if module.api_name not in _CHILDREN
        )
        in_bin = "select count(*) from bin where kind = 'recycle' and module"
        notes, files = modules["Notes"].id, modules["Attachments"].id
        binned = self._count(f"{in_bin} not in (?, ?)", notes, files)
        all_notes = self._count("select count(*) from note") + self._count(f"{in_bin} = ?", notes)
        return (live + binned) * RECORD_KB + all_notes * NOTE_KB

    def _file_used_bytes(self) -> int:
        binned = (
            "select sum(json_extract(row, '$[4]')) from bin where kind = 'recycle' and module = ?"
        )
        return self._count("select sum(size) from attachment") + self._count(
            binned, self._org.modules["Attachments"].id
        )
