"""Virtual time: every org has its own clock, so that a day can pass in a second."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

LONGEST_SLICE_S = 3600.0


class Clock:
    """Real time plus an offset, or frozen time that moves only by `advance`."""

    def __init__(self) -> None:
        self._offset_s = 0.0
        self._frozen_at: float | None = None
        self._moved: asyncio.Event | None = None

    def now(self) -> float:
        """Return virtual seconds since the epoch."""
        if self._frozen_at is not None:
            return self._frozen_at
        return time.time() + self._offset_s

    def now_s(self) -> int:
        """Return virtual whole seconds since the epoch: Zoho's own granularity."""
        return int(self.now())

    def advance(self, seconds: float) -> None:
        """Move virtual time forward and wake whoever sleeps on it."""
        if self._frozen_at is not None:
            self._frozen_at += seconds
        else:
            self._offset_s += seconds
        self._wake()

    def freeze(self, at: float | None = None) -> None:
        """Stop the clock at ``at`` (default: now)."""
        self._frozen_at = self.now() if at is None else at
        self._wake()

    def thaw(self) -> None:
        """Let the clock run again from where it stands."""
        if self._frozen_at is not None:
            self._offset_s = self._frozen_at - time.time()
            self._frozen_at = None
            self._wake()

    async def sleep(self, seconds: float) -> None:
        """Return once ``seconds`` of virtual time have passed, by waiting or by `advance`."""
        until = self.now() + seconds
        while (left := until - self.now()) > 0:
            if self._moved is None:
                self._moved = asyncio.Event()
            wait_s = LONGEST_SLICE_S if self._frozen_at is not None else min(left, LONGEST_SLICE_S)
            try:
                async with asyncio.timeout(wait_s):
                    await self._moved.wait()
            except TimeoutError:
                continue

    def _wake(self) -> None:
        if self._moved is not None:
            self._moved.set()
            self._moved = None


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name."""
    return ZoneInfo(name)


@lru_cache(maxsize=4096)
def iso(seconds: float, zone_name: str) -> str:
    """Write an instant as Zoho does: ``yyyy-MM-ddTHH:mm:ss±HH:mm`` in a user's zone."""
    return datetime.fromtimestamp(int(seconds), zone(zone_name)).isoformat()


def parse_iso(text: str) -> float | None:
    """Read an ISO 8601 instant with offset (``Z`` allowed); ``None`` when it is none."""
    try:
        value = datetime.fromisoformat(text)
        if value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
        return value.timestamp()
    except (ValueError, OverflowError):
        return None
