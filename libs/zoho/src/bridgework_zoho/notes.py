"""Notes on records: they cannot be upserted, so a re-run must know what is already there."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from bridgework_zoho.costs import Operation
from bridgework_zoho.paging import Page, TokenChain
from bridgework_zoho.records import LIST_ROWS
from bridgework_zoho.requests import Call, JsonObject
from bridgework_zoho.results import ElementResults, JsonRows
from bridgework_zoho.transport import Transport
from bridgework_zoho.writes import delete_by_ids, written

TITLE_LIMIT = 120
CONTENT_LIMIT = 65_535
NOTE_FIELDS = ("Note_Title", "Note_Content", "Parent_Id", "Created_Time", "Modified_Time")


@dataclass(frozen=True, slots=True)
class NewNote:
    """A note to write.

    Attributes:
        module: API name of the parent's module.
        parent_id: Zoho id of the parent.
        content: Plain text, up to 65,535 characters; line breaks are kept.
        title: Up to 120 characters.
    """

    module: str
    parent_id: str
    content: str = field(repr=False)
    title: str | None = field(default=None, repr=False)

    def as_row(self) -> JsonObject:
        """Write it as v8 takes it."""
        row: JsonObject = {
            "Note_Content": self.content,
            "Parent_Id": {"module": {"api_name": self.module}, "id": self.parent_id},
        }
        if self.title is not None:
            row["Note_Title"] = self.title
        return row


class NotesApi:
    """Calls on notes (fact sheet §3.8)."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(self, notes: Sequence[NewNote]) -> ElementResults:
        """Write up to 100 notes on any records; never sent twice. Idempotent: no."""
        call = Call(
            Operation.NOTES_CREATE,
            "POST",
            "/Notes",
            elements=self._checked(len(notes)),
            body={"data": [note.as_row() for note in notes]},
            repeatable=False,
            module="Notes",
        )
        return written(await self._transport.send(call), call, "insert")

    async def update(self, rows: Sequence[JsonObject]) -> ElementResults:
        """Change title or content of up to 100 notes by ``id``; nothing else can change."""
        call = Call(
            Operation.NOTES_UPDATE,
            "PUT",
            "/Notes",
            elements=self._checked(len(rows)),
            body={"data": list(rows)},
            module="Notes",
            ids=[str(row["id"]) for row in rows],
        )
        return written(await self._transport.send(call), call, "update")

    async def delete(self, ids: Sequence[str]) -> ElementResults:
        """Delete notes by id; gone already counts as deleted."""
        return await delete_by_ids(self._transport, Operation.NOTES_DELETE, "Notes", ids)

    async def list(self, fields: Sequence[str] = NOTE_FIELDS) -> AsyncIterator[Page]:
        """Read all notes of the org; needs an administrator's profile."""
        async for page in self._walk("/Notes", "Notes", fields):
            yield page

    async def list_for(
        self, module: str, record_id: str, fields: Sequence[str] = NOTE_FIELDS
    ) -> JsonRows:
        """Read all notes of one record, oldest first."""
        rows: JsonRows = []
        async for page in self._walk(f"/{module}/{record_id}/Notes", module, fields):
            rows.extend(page.rows)
        return rows

    async def _walk(self, path: str, module: str, fields: Sequence[str]) -> AsyncIterator[Page]:
        chain = TokenChain(
            self._transport,
            Call(
                Operation.NOTES_LIST,
                "GET",
                path,
                params={"fields": ",".join(fields), "per_page": str(LIST_ROWS)},
                module=module,
            ),
        )
        while not chain.ended:
            rows = await chain.next()
            if rows:
                yield Page([{**row, "id": str(row["id"])} for row in rows], more=not chain.ended)

    def _checked(self, count: int) -> int:
        if not 1 <= count <= self._transport.settings.rows_per_call:
            raise ValueError(f"one call takes 1 to {self._transport.settings.rows_per_call} notes")
        return count
