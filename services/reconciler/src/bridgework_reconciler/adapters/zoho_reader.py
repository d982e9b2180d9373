"""Reading Zoho back: whole modules by id, notes by page, attachments by parent. Never writes."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from bridgework_zoho.client import ZohoClient
from bridgework_zoho.notes import NOTE_FIELDS

NOTES = "Notes"
MODIFIED_BY = "Modified_By"


class ZohoReader:
    """A view of one org, a page of rows at a time."""

    def __init__(self, client: ZohoClient) -> None:
        self._client = client

    async def scan(self, module: str, fields: Sequence[str]) -> AsyncIterator[list[dict[str, Any]]]:
        """Walk every record of a module.

        Args:
            module: Live API name; Notes are read as an administrator.
            fields: Live field names; ``Modified_By`` and ``id`` are always added.

        Yields:
            Pages of rows; lookups as Zoho shows them.
        """
        if module == NOTES:
            names = list(dict.fromkeys([*NOTE_FIELDS, *fields, MODIFIED_BY, "Owner"]))
            async for page in self._client.notes.list(names):
                yield page.rows
            return
        async for page in self._client.coql_scan(module, [*fields, MODIFIED_BY]):
            yield page.rows

    async def attachments(self, module: str, record_id: str) -> list[tuple[str, str, int | None]]:
        """Return (id, name, size in bytes) of the files of one record."""
        found = await self._client.attachments.list(module, record_id)
        return [(one.id, one.file_name, one.size_bytes) for one in found]
