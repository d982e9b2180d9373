"""Records of any module: write by rows, read by ids or pages, count, delete.

One write call is one request of at most 100 rows, so that the caller knows what was and was not
applied when something goes wrong between two of them.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from bridgework_zoho.costs import Operation
from bridgework_zoho.errors import RequestRefused
from bridgework_zoho.paging import Page, WideScan, chunks, name_groups
from bridgework_zoho.requests import Call, JsonObject
from bridgework_zoho.results import ElementResults, elements_of
from bridgework_zoho.transport import Transport
from bridgework_zoho.writes import delete_by_ids, deleted, written

Row = Mapping[str, Any]
Rows = list[Row]
MASS_DELETE_IDS = 500
LIST_ROWS = 200


@dataclass(frozen=True, slots=True)
class DeletedRecord:
    """One entry of the list of deleted records.

    Attributes:
        id: Zoho id it had.
        type: ``recycle`` while it can be restored, ``permanent`` after.
        deleted_time: ISO 8601 with offset, as Zoho gave it.
    """

    id: str
    type: str
    deleted_time: str | None
    display_name: str | None = field(default=None, repr=False)


class RecordsApi:
    """Calls on records; ``module`` is always the module's API name."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def insert(
        self,
        module: str,
        rows: Sequence[Row],
        *,
        layout_rules: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> ElementResults:
        """Insert rows; never sent twice.

        Args:
            module: API name.
            rows: 1 to 100 records, API name → value as Zoho takes it.
            layout_rules: Ask Zoho to run layout rules, which it skips otherwise.
            headers: More headers, such as ``X-EXTERNAL`` (§4.3).

        Returns:
            One result per row, in the order of the rows.

        Raises:
            WriteOutcomeUnknown: The rows may have been inserted; look for them first.
            PositionsLost: Inserted, but the answer does not match the rows.

        Source: fact sheet §3.1. Idempotent: no.
        """
        body: JsonObject = {"data": self._rows(rows)}
        if layout_rules:
            body["apply_feature_execution"] = [{"name": "layout_rules"}]
        call = Call(
            Operation.RECORDS_INSERT,
            "POST",
            f"/{module}",
            elements=len(rows),
            headers=headers or {},
            body=body,
            repeatable=False,
            module=module,
        )
        return written(await self._transport.send(call), call, "insert")

    async def update(
        self,
        module: str,
        rows: Sequence[Row],
        *,
        unmodified_since: datetime | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ElementResults:
        """Update rows by the ``id`` each of them carries; only the keys given change.

        Args:
            module: API name.
            rows: 1 to 100 records with ``id``.
            unmodified_since: Refuse rows changed after this moment (``ALREADY_MODIFIED``);
                without it the last writer wins.
            headers: More headers.

        Source: fact sheet §3.2. Idempotent: yes, unless ``unmodified_since`` is given.
        """
        guard = {} if unmodified_since is None else {"If-Unmodified-Since": stamp(unmodified_since)}
        call = Call(
            Operation.RECORDS_UPDATE,
            "PUT",
            f"/{module}",
            elements=len(rows),
            headers={**(headers or {}), **guard},
            body={"data": self._rows(rows)},
            # Our own first attempt would look like somebody else's change.
            repeatable=unmodified_since is None,
            module=module,
            ids=[str(row["id"]) for row in rows if "id" in row],
        )
        return written(await self._transport.send(call), call, "update")

    async def upsert(
        self,
        module: str,
        rows: Sequence[Row],
        duplicate_check_fields: Sequence[str],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> ElementResults:
        """Insert rows, or update the record that already holds the same unique value.

        Args:
            module: API name; Tasks, Events, Calls and Notes cannot be upserted.
            rows: 1 to 100 records, no two with the same key.
            duplicate_check_fields: Unique fields to look by. Never empty: left to itself Zoho
                looks by e-mail first and would merge two patients who share one (§0, §3.3).
            headers: More headers.

        Returns:
            One result per row; ``action`` tells insert from update. Where ``repeated`` is true an
            ``update`` may be the record our lost first attempt inserted.

        Raises:
            RequestRefused: Two rows carry the same key; what Zoho does then is undocumented.

        Source: fact sheet §3.3. Idempotent: yes, while the key stays unique.
        """
        if not duplicate_check_fields:
            raise ValueError("an upsert without duplicate_check_fields merges by e-mail")
        self._refuse_repeated_keys(module, rows, duplicate_check_fields)
        call = Call(
            Operation.RECORDS_UPSERT,
            "POST",
            f"/{module}/upsert",
            elements=len(rows),
            headers=headers or {},
            body={
                "data": self._rows(rows),
                "duplicate_check_fields": list(duplicate_check_fields),
            },
            repeatable=_every_row_has_a_key(rows, duplicate_check_fields),
            module=module,
        )
        return written(await self._transport.send(call), call, None)

    async def get(
        self, module: str, ids: Sequence[str], fields: Sequence[str]
    ) -> dict[str, JsonObject]:
        """Read records by id.

        Args:
            module: API name.
            ids: Any number of Zoho ids; sent ``ids_per_call`` at a time.
            fields: API names; more than 50 are read in several passes and joined.

        Returns:
            Zoho id → record with ``id`` and the fields. Ids that Zoho does not know are absent.

        Source: fact sheet §3.4. Rich text is cut at 500 characters; subforms are absent.
        """
        found: dict[str, JsonObject] = {}
        for some_ids in chunks(list(dict.fromkeys(ids)), self._transport.settings.ids_per_call):
            for some_fields in name_groups(_names(fields), self._transport.settings):
                answer = await self._transport.send(
                    Call(
                        Operation.RECORDS_GET,
                        "GET",
                        f"/{module}",
                        params={
                            "ids": ",".join(some_ids),
                            "fields": ",".join(some_fields),
                            "per_page": str(LIST_ROWS),
                        },
                        module=module,
                        ids=some_ids,
                    )
                )
                for row in elements_of(answer.body, "data") or []:
                    found.setdefault(str(row["id"]), {"id": str(row["id"])}).update(row)
        return found

    async def get_one(self, module: str, record_id: str) -> JsonObject | None:
        """Read one whole record with its subforms; None if Zoho does not know the id."""
        try:
            answer = await self._transport.send(
                Call(
                    Operation.RECORDS_GET,
                    "GET",
                    f"/{module}/{record_id}",
                    module=module,
                    ids=[record_id],
                )
            )
        except RequestRefused as refused:
            if refused.code == "INVALID_DATA":  # U: 204 or this (§3.4)
                return None
            raise
        rows = elements_of(answer.body, "data")
        return rows[0] if rows and "id" in rows[0] else None

    def list(
        self,
        module: str,
        fields: Sequence[str],
        *,
        page_size: int = LIST_ROWS,
        sort_by: Literal["id", "Created_Time", "Modified_Time"] | None = None,
        descending: bool = False,
        modified_since: datetime | None = None,
    ) -> AsyncIterator[Page]:
        """Read a module page by page, up to Zoho's 100,000 rows.

        Args:
            module: API name.
            fields: API names; more than 50 are read in parallel passes joined by id.
            page_size: Rows per page, at most 200.
            sort_by: Sorting makes every page a heavy call; leave it out where order is no matter.
            descending: Direction of ``sort_by``.
            modified_since: Only rows changed after this moment.

        Raises:
            ScanTooLong: The module has more than 100,000 rows.

        Source: fact sheet §3.4. Pages cost one credit each, times the number of passes.
        """
        params = {}
        if sort_by is not None:
            params = {"sort_by": sort_by, "sort_order": "desc" if descending else "asc"}
        headers = {} if modified_since is None else {"If-Modified-Since": stamp(modified_since)}
        operation = Operation.RECORDS_LIST if sort_by is None else Operation.RECORDS_LIST_SORTED
        return WideScan(
            self._transport,
            Call(operation, "GET", f"/{module}", params=params, headers=headers, module=module),
            fields=_names(fields),
            page_size=page_size,
            fetch=lambda ids, names: self.get(module, ids, names),
        ).pages()

    async def delete(self, module: str, ids: Sequence[str]) -> ElementResults:
        """Move records to the recycle bin.

        Returns:
            One result per id, in order. An id that is already gone counts as deleted.

        Source: fact sheet §3.7. Idempotent: yes.
        """
        return await delete_by_ids(self._transport, Operation.RECORDS_DELETE, module, ids)

    async def mass_delete(self, module: str, ids: Sequence[str]) -> ElementResults:
        """Delete up to 500 records per request; cheaper than ``delete``, cannot be silenced.

        Workflows on deletion may run: Zoho documents no key against it (§3.7, U). Prefer
        ``delete`` unless the org has no such rules.

        Source: fact sheet §3.7. Idempotent: yes.
        """
        results: ElementResults = []
        for some in chunks(list(ids), MASS_DELETE_IDS):
            call = Call(
                Operation.RECORDS_MASS_DELETE,
                "POST",
                f"/{module}/actions/mass_delete",
                elements=len(some),
                body={"ids": some},
                module=module,
                ids=some,
            )
            answer = await self._transport.send(call)
            results.extend(deleted(self._transport, answer, call, offset=len(results)))
        return results

    async def count(self, module: str, *, criteria: str | None = None) -> int:
        """Count a module's records, those in the recycle bin not included (§3.4)."""
        answer = await self._transport.send(
            Call(
                Operation.RECORDS_COUNT,
                "GET",
                f"/{module}/actions/count",
                params={} if criteria is None else {"criteria": criteria},
                module=module,
            )
        )
        return int(answer.body["count"])

    async def deleted(
        self,
        module: str,
        *,
        kind: Literal["all", "recycle", "permanent"] = "all",
        since: datetime | None = None,
    ) -> AsyncIterator[DeletedRecord]:
        """Read what was deleted: 60 days in the recycle bin, 120 days for good (§3.4)."""
        page = 1
        while True:
            answer = await self._transport.send(
                Call(
                    Operation.RECORDS_DELETED,
                    "GET",
                    f"/{module}/deleted",
                    params={"type": kind, "per_page": str(LIST_ROWS), "page": str(page)},
                    headers={} if since is None else {"If-Modified-Since": stamp(since)},
                    module=module,
                )
            )
            for row in elements_of(answer.body, "data") or []:
                yield DeletedRecord(
                    id=str(row["id"]),
                    type=str(row.get("type", "")),
                    deleted_time=row.get("deleted_time"),
                    display_name=row.get("display_name"),
                )
            if not ((answer.body or {}).get("info") or {}).get("more_records"):
                return
            page += 1

    def _rows(self, rows: Sequence[Row]) -> Rows:
        if not 1 <= len(rows) <= self._transport.settings.rows_per_call:
            raise ValueError(f"one call takes 1 to {self._transport.settings.rows_per_call} rows")
        return list(rows)

    def _refuse_repeated_keys(
        self, module: str, rows: Sequence[Row], key_fields: Sequence[str]
    ) -> None:
        sensitive = self._transport.settings.unique_case_sensitive
        for name in key_fields:
            seen: dict[object, int] = {}
            for index, row in enumerate(rows):
                value = row.get(name)
                if value is None or value == "":
                    continue
                key = value if sensitive or not isinstance(value, str) else value.casefold()
                if key in seen:
                    raise RequestRefused(
                        f"Rows {seen[key]} and {index} of this upsert carry the same {name};"
                        " send them in separate calls.",
                        code="REPEATED_KEY",
                        module=module,
                        api_name=name,
                        rows=(seen[key], index),
                    )
                seen[key] = index


def _every_row_has_a_key(rows: Sequence[Row], key_fields: Sequence[str]) -> bool:
    return all(any(row.get(name) not in (None, "") for name in key_fields) for row in rows)


def _names(fields: Sequence[str]) -> list[str]:
    """Each name once, ``id`` left out: Zoho always sends it."""
    names = [name for name in dict.fromkeys(fields) if name != "id"]
    return names or ["id"]


def stamp(moment: datetime) -> str:
    """Write a moment as Zoho's headers and datetime fields take it: seconds and an offset."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone is no moment")
    return moment.isoformat(timespec="seconds")
