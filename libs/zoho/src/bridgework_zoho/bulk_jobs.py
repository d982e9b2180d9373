"""What bulk write and bulk read share: watching a job, and fetching its file.

A job is started once, watched with growing pauses, and its result file fetched at most five
times a minute: Zoho refuses the eleventh (fact sheet §2.3).
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import IO
from urllib.parse import urlsplit

from aiolimiter import AsyncLimiter

from bridgework_zoho.bulk_files import save_stream
from bridgework_zoho.costs import Operation
from bridgework_zoho.errors import BulkJobPending, RequestRefused
from bridgework_zoho.requests import Base, Call
from bridgework_zoho.settings import ZohoSettings
from bridgework_zoho.transport import Transport

# A leaky bucket lets its capacity through at once and as much again while it leaks: half of the
# ten that Zoho allows in a minute.
_DOWNLOADS, _DOWNLOAD_WINDOW_S = 5, 60.0


class BulkDownloads:
    """Fetches result files of one org, paced."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._pace = AsyncLimiter(_DOWNLOADS, _DOWNLOAD_WINDOW_S)

    async def fetch(self, operation: Operation, url: str) -> IO[bytes]:
        """Fetch a result file; the caller closes it.

        Args:
            operation: Line in the cost table.
            url: As the job gave it: a path on the API host, or a whole address of Zoho's.

        Raises:
            RequestRefused: The address is not one of this org's hosts; no token is sent there.
        """
        async with self._pace:
            call = Call(operation, "GET", self._absolute(url), base=Base.ABSOLUTE, transfer=True)
            async with self._transport.stream(call) as response:
                return await save_stream(response)

    def _absolute(self, url: str) -> str:
        home = (
            self._transport.connection.upload_url
            if self._transport.settings.bulk_results_on_upload_host
            else self._transport.api_domain
        )
        if url.startswith("/"):
            return f"{home}{url}"
        allowed = {
            urlsplit(one).netloc
            for one in (self._transport.api_domain, self._transport.connection.upload_url)
        }
        if urlsplit(url).netloc not in allowed:
            raise RequestRefused(
                "A bulk job names a result address outside this org's hosts; it is not fetched.",
                code="FOREIGN_RESULT_HOST",
            )
        return url


async def watch(
    job_id: str,
    look: Callable[[], Awaitable[bool]],
    settings: ZohoSettings,
) -> None:
    """Look at a job until it has ended, with growing pauses.

    Raises:
        BulkJobPending: It still runs after ``bulk_wait_s``; look again later.
    """
    began = time.monotonic()
    pause_s = settings.bulk_poll_interval_s
    while not await look():
        if time.monotonic() - began > settings.bulk_wait_s:
            raise BulkJobPending(
                f"Bulk job {job_id} has not ended after {settings.bulk_wait_s:.0f} s;"
                " it is looked at again later.",
                retry_after_s=settings.bulk_poll_max_interval_s,
                job_id=job_id,
            )
        await asyncio.sleep(pause_s * random.uniform(0.9, 1.1))  # noqa: S311 - jitter, not a secret
        pause_s = min(pause_s * 1.5, settings.bulk_poll_max_interval_s)
