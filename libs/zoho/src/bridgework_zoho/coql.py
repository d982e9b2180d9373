"""Zoho's query language: one query, or a whole module walked by id.

COQL reads the database, not the lagging search index, so it is the tool for "is it there?".
Offsets end at 10,000 or 100,000 rows depending on the page one reads; a walk by ``id > last``
ends nowhere (fact sheet §3.6).
"""

import re
from collections.abc import AsyncIterator, Sequence

from bridgework_zoho.costs import Operation
from bridgework_zoho.errors import RequestRefused
from bridgework_zoho.paging import Page, chunks
from bridgework_zoho.requests import Call, JsonObject
from bridgework_zoho.results import elements_of
from bridgework_zoho.transport import Transport

DEFAULT_LIMIT = 200
_LIMIT = re.compile(r"\blimit\s+(?:\d+\s*,\s*)?(\d+)", re.IGNORECASE)
_SMALL_ORG_ROWS = 200


def quoted(value: str) -> str:
    """Write a value as a COQL string; a quote inside is escaped with a backslash."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


class CoqlApi:
    """Queries; call the object itself for a single one."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._rows_per_call = transport.settings.coql_rows_per_call

    async def __call__(self, query: str, *, module: str | None = None) -> Page:
        """Run one query.

        Args:
            query: A COQL ``select`` with its ``where``; the price follows from its ``limit``.
            module: For error messages only.

        Raises:
            RequestRefused: ``SYNTAX_ERROR``, ``INVALID_QUERY``, ``LIMIT_EXCEEDED`` and their kin.
        """
        limits = _LIMIT.findall(query)
        answer = await self._transport.send(
            Call(
                Operation.COQL,
                "POST",
                "/coql",
                elements=int(limits[-1]) if limits else DEFAULT_LIMIT,
                body={"select_query": query},
                module=module,
            )
        )
        info = answer.body.get("info") if isinstance(answer.body, dict) else None
        more = bool(info.get("more_records")) if isinstance(info, dict) else False
        return Page(elements_of(answer.body, "data") or [], more)

    async def scan(
        self,
        module: str,
        fields: Sequence[str],
        after_id: str = "0",
        *,
        where: str | None = None,
    ) -> AsyncIterator[Page]:
        """Walk a module in the order of ids.

        Args:
            module: API name.
            fields: API names, any number; wide reads take several queries per page.
            after_id: Start behind this Zoho id; ``"0"`` for all.
            where: Further condition in COQL.

        Yields:
            Pages of up to 2,000 rows (200 where the org allows no more), each with ``id``.
        """
        names = [name for name in dict.fromkeys(fields) if name != "id"]
        groups = chunks(names, self._transport.settings.coql_columns_per_call - 1) or [[]]
        condition = f" and ({where})" if where else ""
        last = after_id
        while True:
            size = self._rows_per_call
            head = f"select {_columns(groups[0])} from {module} where {_after(last)}{condition}"
            try:
                page = await self(f"{head} order by id asc limit {size}", module=module)
            except RequestRefused as refused:
                if refused.code != "LIMIT_EXCEEDED" or size <= _SMALL_ORG_ROWS:
                    raise
                self._rows_per_call = _SMALL_ORG_ROWS
                continue
            if not page.rows:
                return
            rows: dict[str, JsonObject] = {
                str(row["id"]): {**row, "id": str(row["id"])} for row in page.rows
            }
            newest = next(reversed(rows))
            for group in groups[1:]:
                between = f"({_after(last)} and id <= {quoted(newest)})"
                query = f"select {_columns(group)} from {module} where {between}{condition}"
                side = await self(f"{query} order by id asc limit {size}", module=module)
                for row in side.rows:
                    if str(row["id"]) in rows:
                        rows[str(row["id"])].update({**row, "id": str(row["id"])})
            yield Page(list(rows.values()), page.more)
            if not page.more:
                return
            last = newest


def _columns(names: Sequence[str]) -> str:
    return ", ".join(["id", *names])


def _after(record_id: str) -> str:
    return "id is not null" if record_id == "0" else f"id > {quoted(record_id)}"
