"""One Zoho org, typed: the object everything else asks.

::

    async with ZohoClient(connection, tokens=…, credits=…, slots=…) as zoho:
        results = await zoho.records.upsert("Contacts", rows, ["Source_Patient_ID"])
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import httpx

from bridgework_zoho.attachments import AttachmentsApi
from bridgework_zoho.bulk_jobs import BulkDownloads
from bridgework_zoho.bulk_read import BulkReadApi
from bridgework_zoho.bulk_write import BulkWriteApi
from bridgework_zoho.composite import CompositeApi
from bridgework_zoho.coql import CoqlApi
from bridgework_zoho.files import FilesApi
from bridgework_zoho.meta import MetaApi
from bridgework_zoho.notes import NotesApi
from bridgework_zoho.paging import Page
from bridgework_zoho.people import OrgApi, UsersApi
from bridgework_zoho.protocols import Clock, CreditLedger, SlotLimiter, TokenStore, utc_now
from bridgework_zoho.records import RecordsApi
from bridgework_zoho.recycle_bin import RecycleBinApi
from bridgework_zoho.settings import ZohoConnection, ZohoSettings
from bridgework_zoho.tokens import TokenSource
from bridgework_zoho.transport import CallReport, Transport

# More than any edition allows in flight (25), plus token requests.
_CONNECTIONS = 40
_IDLE_CONNECTION_S = 4.0


class ZohoClient:
    """An open connection to one org; use it as an async context manager.

    Args:
        connection: Address and grant.
        tokens: Where the access token is kept.
        credits: Ledger of the rolling 24 hours.
        slots: Who may have a call in flight.
        settings: Time limits and switches.
        http: A client to use instead of an own one; it is not closed here.
        on_call: Told of every attempt, for metrics.
        clock: Tells the time for token expiry.
    """

    def __init__(
        self,
        connection: ZohoConnection,
        *,
        tokens: TokenStore,
        credits: CreditLedger,  # noqa: A002 - the domain's own word
        slots: SlotLimiter,
        settings: ZohoSettings | None = None,
        http: httpx.AsyncClient | None = None,
        on_call: Callable[[CallReport], None] | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self.settings = settings or ZohoSettings()
        self._stack = AsyncExitStack()
        self._own_http = http is None
        self._http = http or httpx.AsyncClient(
            limits=httpx.Limits(
                max_connections=_CONNECTIONS,
                max_keepalive_connections=_CONNECTIONS,
                # Shorter than Zoho keeps them: a connection closed under a write looks like a
                # lost answer.
                keepalive_expiry=_IDLE_CONNECTION_S,
            )
        )
        self.transport = Transport(
            connection,
            tokens=TokenSource(connection, tokens, self._http, self.settings, clock=clock),
            ledger=credits,
            slots=slots,
            settings=self.settings,
            http=self._http,
            on_call=on_call,
        )
        self.records = RecordsApi(self.transport)
        self.coql = CoqlApi(self.transport)
        self.notes = NotesApi(self.transport)
        self.attachments = AttachmentsApi(self.transport)
        self.users = UsersApi(self.transport)
        self.org = OrgApi(self.transport)
        self.meta = MetaApi(self.transport)
        downloads = BulkDownloads(self.transport)
        self.bulk_write = BulkWriteApi(self.transport, downloads)
        self.bulk_read = BulkReadApi(self.transport, downloads)
        self.files = FilesApi(self.transport)
        self.recycle_bin = RecycleBinApi(self.transport)
        self.composite = CompositeApi(self.transport)

    def coql_scan(
        self, module: str, fields: Sequence[str], after_id: str = "0", *, where: str | None = None
    ) -> AsyncIterator[Page]:
        """Walk a module by id; the same as ``coql.scan``."""
        return self.coql.scan(module, fields, after_id, where=where)

    async def __aenter__(self) -> Self:
        if self._own_http:
            await self._stack.enter_async_context(self._http)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()
