"""When to try one call again: bounded by attempts and by time, with jitter, obeying Zoho."""

import asyncio
import random
import time

from bridgework_zoho.errors import CreditsExhausted, ZohoError
from bridgework_zoho.settings import ZohoSettings


class Retries:
    """The patience one call has left."""

    def __init__(self, settings: ZohoSettings) -> None:
        self._settings = settings
        self._began = time.monotonic()
        self.attempt = 1

    async def pause(self, error: ZohoError, retry_after_s: float | None) -> None:
        """Wait before the next attempt, or raise ``error`` when patience has run out."""
        ceiling = self._settings.backoff_base_s * 2 ** (self.attempt - 1)
        pause_s = min(self._settings.backoff_max_s, ceiling) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
        pause_s = max(pause_s, retry_after_s or 0.0)
        spent_s = time.monotonic() - self._began
        out_of_time = spent_s + pause_s > self._settings.retry_for_s
        if self.attempt >= self._settings.max_attempts or out_of_time:
            raise error
        self.attempt += 1
        await asyncio.sleep(pause_s)

    async def wait_for_credits(self, error: CreditsExhausted) -> None:
        """Wait inside the call if credits return soon enough, else tell the caller when."""
        wait_s = error.retry_after_s
        if wait_s is None or wait_s > self._settings.wait_for_credits_s:
            raise error
        await self.pause(error, wait_s)
