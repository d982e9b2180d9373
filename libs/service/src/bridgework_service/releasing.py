"""What was parked goes on once its parent has landed.

Whoever parks records or files runs a :class:`Releaser` beside its loops: when to look again, and
what becomes of a claim when the destination does not answer, is decided here.
"""

import asyncio
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

import structlog
from bridgework_contracts.errors import TransientError
from bridgework_eventlog.loop import Hold

log = structlog.get_logger(__name__)

_LONGEST_PAUSE_S = 60.0
T = TypeVar("T")


class Parked(Protocol[T]):
    """Records or files that wait for a parent."""

    async def claim(self) -> list[T]:
        """Take some whose parent has landed; for a while nobody else gets them."""
        ...

    async def write(self, claimed: list[T]) -> None:
        """Write them; all of them are decided when this returns.

        Raises:
            Hold: their run was paused.
            TransientError: some are left for later.
        """
        ...

    async def give_back(self, claimed: list[T]) -> None:
        """Let them be claimed again at once."""
        ...


class Releaser(Generic[T]):
    """Writes what can be released, again and again.

    Args:
        parked: What waits.
        interval_s: Pause after a look that found nothing.
    """

    def __init__(self, parked: Parked[T], *, interval_s: float) -> None:
        self._parked = parked
        self._interval_s = interval_s

    async def run(self, stop: asyncio.Event) -> None:
        """Look again and again until ``stop``."""
        while not stop.is_set():
            pause_s = await self._release_some()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await stop.wait()

    async def _release_some(self) -> float:
        """Write what can be released; return how long to pause."""
        claimed: list[T] = []
        try:
            claimed = await self._parked.claim()
            if not claimed:
                return self._interval_s
            await self._parked.write(claimed)
        except TransientError as exc:
            log.warning("release_postponed", code=exc.code, count=len(claimed))
            await self._give_back(claimed)
            return min(_LONGEST_PAUSE_S, max(self._interval_s, exc.retry_after_s or 0.0))
        except Hold:
            await self._give_back(claimed)
            return self._interval_s
        log.info("parked_released", count=len(claimed))
        return 0.0

    async def _give_back(self, claimed: list[T]) -> None:
        # If this fails as well, the claim runs out by itself.
        with suppress(TransientError):
            await self._parked.give_back(claimed)
