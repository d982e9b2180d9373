"""Reads long lists page by page, and wide ones in several passes joined by id.

Zoho returns at most 50 fields and 200 rows per page and binds a page token to every other
parameter (fact sheet §3.4). So each group of fields walks its own token chain; rows that one
chain has and another misses, because somebody wrote in between, are fetched by id.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from bridgework_zoho.requests import Call, JsonObject
from bridgework_zoho.results import elements_of
from bridgework_zoho.settings import ZohoSettings
from bridgework_zoho.transport import Transport

T = TypeVar("T")


def chunks(items: Sequence[T], size: int) -> list[list[T]]:
    """Cut a sequence into lists of at most ``size``."""
    return [list(items[at : at + size]) for at in range(0, len(items), size)]


def name_groups(names: Sequence[str], settings: ZohoSettings) -> list[list[str]]:
    """Cut field names into groups that fit one read, by number and, if set, by characters."""
    groups: list[list[str]] = [[]]
    characters = 0
    longest = settings.fields_characters
    for name in names:
        characters += len(name) + 1
        full = len(groups[-1]) >= settings.fields_per_call
        if groups[-1] and (full or (longest is not None and characters - 1 > longest)):
            groups.append([])
            characters = len(name) + 1
        groups[-1].append(name)
    return groups


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list.

    Attributes:
        rows: Records with ``id`` and the asked-for fields, in Zoho's order.
        more: Whether another page follows.
    """

    rows: list[JsonObject] = field(repr=False)
    more: bool


class TokenChain:
    """One list call walked from page token to page token."""

    def __init__(self, transport: Transport, call: Call, *, key: str = "data") -> None:
        self._transport = transport
        self._call = call
        self._key = key
        self._token: str | None = None
        self._page = 1
        self.ended = False

    async def next(self) -> list[JsonObject]:
        """Read the next page; empty at the end."""
        if self.ended:
            return []
        params = dict(self._call.params)
        if self._token is not None:
            params["page_token"] = self._token
        elif self._page > 1:
            params["page"] = str(self._page)
        answer = await self._transport.send(replace(self._call, params=params))
        rows = elements_of(answer.body, self._key) or []
        info = answer.body.get("info") if isinstance(answer.body, dict) else None
        info = info if isinstance(info, dict) else {}
        self._token = info.get("next_page_token")
        self._page += 1
        self.ended = not info.get("more_records")
        return rows


class WideScan:
    """A list read of any number of fields."""

    def __init__(
        self,
        transport: Transport,
        call: Call,
        *,
        fields: Sequence[str],
        page_size: int,
        fetch: Callable[[Sequence[str], Sequence[str]], Awaitable[dict[str, JsonObject]]],
    ) -> None:
        self._fetch = fetch
        self._groups = name_groups(fields, transport.settings)
        self._chains = [
            TokenChain(
                transport,
                replace(
                    call,
                    params={
                        **call.params,
                        "fields": ",".join(group),
                        "per_page": str(page_size),
                    },
                ),
            )
            for group in self._groups
        ]

    async def pages(self) -> AsyncIterator[Page]:
        """Yield joined pages in the order of the first group of fields."""
        first, others = self._chains[0], self._chains[1:]
        ahead: list[dict[str, JsonObject]] = [{} for _ in others]
        while True:
            rows = [{**row, "id": str(row["id"])} for row in await first.next()]
            by_id = {row["id"]: row for row in rows}
            for at, chain in enumerate(others):
                ahead[at].update({str(row["id"]): row for row in await chain.next()})
                await self._join(by_id, ahead[at], self._groups[at + 1])
            if rows:
                yield Page(list(by_id.values()), more=not first.ended)
            if first.ended:
                return

    async def _join(
        self,
        rows: dict[str, JsonObject],
        ahead: dict[str, JsonObject],
        names: Sequence[str],
    ) -> None:
        """Complete rows from another chain; fetch what it has not shown, drop what is gone."""
        missing = [record_id for record_id in rows if record_id not in ahead]
        fetched = await self._fetch(missing, names) if missing else {}
        for record_id in list(rows):
            found = ahead.pop(record_id, None) or fetched.get(record_id)
            if found is None:
                # Deleted between two passes: it is no longer part of the list.
                del rows[record_id]
            else:
                rows[record_id].update({**found, "id": record_id})
