"""Zoho as the loader's destination: reads, writes and questions, by the rules of each module."""

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from bridgework_contracts.outcomes import Reason
from bridgework_zoho.advice import explain
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.coql import quoted
from bridgework_zoho.errors import RequestRefused
from bridgework_zoho.metadata import ModuleMeta, Pipeline
from bridgework_zoho.notes import NewNote
from bridgework_zoho.paging import chunks
from bridgework_zoho.results import ElementResult
from bridgework_zoho.validation import Validator

from bridgework_loader.domain import reasons
from bridgework_loader.domain.references import NOTES
from bridgework_loader.domain.settling import CREATED_BY, CREATED_TIME, find_note
from bridgework_loader.ports import Parent, Row, Sought, Wanted

_NOT_UPSERTABLE = frozenset({"Tasks", "Events", "Calls", NOTES})
_NOTE_FIXED = frozenset({"Parent_Id", "Owner"})
_NOTE_READ = ("Note_Title", "Note_Content", "Parent_Id", "Modified_Time", "Created_Time")
_IN_LIST = 50
_DELETE_IDS = 50


class LiveRules:
    """What live metadata says of one module."""

    def __init__(self, meta: ModuleMeta, pipelines: Sequence[Pipeline]) -> None:
        self._meta = meta
        self._validator = Validator(meta, pipelines=pipelines, accept_unknown_choices=True)
        self.unique = frozenset(one.api_name for one in meta.unique_fields)
        self.unreadable: Collection[str] = frozenset(
            name for name, one in meta.fields.items() if one.restricted
        )

    def fixed(self, name: str) -> bool:
        """Tell whether a field cannot be changed once its record exists."""
        if self._meta.api_name == NOTES:
            return name in _NOTE_FIXED
        found = self._meta.fields.get(name)
        return found is not None and not found.updatable

    def check(self, fields: Mapping[str, Any], kind: Literal["create", "update"]) -> Reason | None:
        """Return why Zoho would refuse these values; None if it would take them."""
        if self._meta.api_name == NOTES:
            return None
        sent = {name: value for name, value in fields.items() if not name.startswith("$")}
        verdict = self._validator.check(sent, creating=kind == "create")
        if verdict.record is not None:
            return None
        first = verdict.problems[0]
        return reasons.refused(
            first.code, f"{explain(first.code).sentence} {first.detail}", first.remedy, first.field
        )


class ZohoDestination:
    """One org. See :class:`bridgework_loader.ports.Destination`."""

    def __init__(self, client: ZohoClient, *, metadata_ttl_s: float) -> None:
        self._client = client
        self._ttl_s = metadata_ttl_s
        self._rules: dict[str, tuple[float, LiveRules]] = {}
        self.rows_per_call = client.settings.rows_per_call

    async def rules(self, module: str) -> LiveRules:
        """Return the live rules of a module, read again after ``metadata_ttl_s``."""
        known = self._rules.get(module)
        now = time.monotonic()
        if known is not None and now - known[0] < self._ttl_s:
            return known[1]
        if module == NOTES:
            rules = LiveRules(ModuleMeta(api_name=NOTES), ())
        else:
            meta = ModuleMeta(api_name=module).with_fields(await self._client.meta.fields(module))
            rules = LiveRules(meta, await self._pipelines(module))
        self._rules[module] = (now, rules)
        return rules

    async def _pipelines(self, module: str) -> Sequence[Pipeline]:
        if module != "Deals":
            return ()
        found: list[Pipeline] = []
        for layout in await self._client.meta.layouts(module):
            found.extend(await self._client.meta.pipelines(layout.id))
        return found

    async def create(
        self, module: str, rows: Sequence[Row], external_id_field: str | None
    ) -> list[ElementResult]:
        """Create records; by upsert on the source id where that is safe.

        An upsert goes on to the module's other unique fields whatever it is told to look by (fact
        sheet §3.3) and would overwrite a record of somebody else's. Where rows carry such a field
        they are inserted: Zoho then refuses and names the other record.
        """
        if module == NOTES:
            return list(await self._client.notes.create([_note(row) for row in rows]))
        others = (await self.rules(module)).unique - {external_id_field}
        risky = any(row.get(name) for row in rows for name in others) if others else False
        if module in _NOT_UPSERTABLE or external_id_field is None or risky:
            return list(await self._client.records.insert(module, rows))
        return list(await self._client.records.upsert(module, rows, [external_id_field]))

    async def update(
        self, module: str, rows: Sequence[Row], unmodified_since: datetime | None
    ) -> list[ElementResult]:
        """Change records by their ``id``."""
        if module == NOTES:
            return list(await self._client.notes.update(rows))
        return list(
            await self._client.records.update(module, rows, unmodified_since=unmodified_since)
        )

    async def delete(self, module: str, ids: Sequence[str]) -> list[ElementResult]:
        """Delete records; gone already counts as deleted."""
        results: list[ElementResult] = []
        for some in chunks(list(ids), _DELETE_IDS):
            if module == NOTES:
                results.extend(await self._client.notes.delete(some))
            else:
                results.extend(await self._client.records.delete(module, some))
        return results

    async def read(
        self, module: str, wanted: Sequence[Wanted], fields: Sequence[str]
    ) -> dict[str, Row]:
        """Read records by id; those that are gone are absent."""
        if not wanted:
            return {}
        if module != NOTES:
            return await self._client.records.get(module, [one.zoho_id for one in wanted], fields)
        found: dict[str, Row] = {}
        names = [*dict.fromkeys((*_NOTE_READ, *fields))]
        ids = {one.zoho_id for one in wanted}
        for parent in {one.parent for one in wanted if one.parent is not None}:
            for row in await self._notes_of(parent, names):
                if str(row["id"]) in ids:
                    found[str(row["id"])] = row
        for one in wanted:
            if one.parent is None:
                row_or_none = await self._client.records.get_one(NOTES, one.zoho_id)
                if row_or_none is not None:
                    found[one.zoho_id] = row_or_none
        return found

    async def _notes_of(self, parent: Parent, names: Sequence[str]) -> list[Row]:
        try:
            return await self._client.notes.list_for(parent.module, parent.zoho_id, names)
        except RequestRefused as refused:
            if refused.code == "INVALID_DATA":  # the parent is gone, and its notes with it
                return []
            raise

    async def find(self, module: str, sought: Sequence[Sought]) -> list[Row | None]:
        """Find by source id or marker; one answer per element, with creator and time."""
        if module == NOTES:
            return await self._find_notes(sought)
        field_name = sought[0].write.external_id_field
        if field_name is None:
            return [None for _ in sought]
        by_key: dict[str, Row] = {}
        keys = [str(one.write.fields.get(field_name) or one.write.key) for one in sought]
        for some in chunks(list(dict.fromkeys(keys)), _IN_LIST):
            listed = ", ".join(quoted(key) for key in some)
            page = await self._client.coql(
                f"select id, {field_name}, {CREATED_BY}, {CREATED_TIME} from {module} "
                f"where {field_name} in ({listed}) limit 200",
                module=module,
            )
            for row in page.rows:
                by_key.setdefault(str(row.get(field_name)).casefold(), row)
        return [by_key.get(key.casefold()) for key in keys]

    async def _find_notes(self, sought: Sequence[Sought]) -> list[Row | None]:
        names = [*_NOTE_READ, CREATED_BY]
        at_parent = {
            parent: await self._notes_of(parent, names)
            for parent in {one.parent for one in sought if one.parent is not None}
        }
        found: list[Row | None] = []
        for one in sought:
            notes = at_parent.get(one.parent, []) if one.parent is not None else []
            match = find_note(one.write, notes)
            found.append(dict(match) if match is not None else None)
        return found

    async def count_carrying(self, module: str, field_name: str) -> int | None:
        """Count the records that carry a source id; None where Zoho cannot say."""
        try:
            page = await self._client.coql(
                f"select count(id) from {module} where {field_name} is not null", module=module
            )
        except RequestRefused:
            return None
        if not page.rows:
            return 0
        counts = [value for value in page.rows[0].values() if isinstance(value, int)]
        return counts[0] if counts else None


def _note(row: Row) -> NewNote:
    parent = row["Parent_Id"]
    return NewNote(
        module=parent["module"]["api_name"],
        parent_id=parent["id"],
        content=row["Note_Content"],
        title=row.get("Note_Title"),
    )
