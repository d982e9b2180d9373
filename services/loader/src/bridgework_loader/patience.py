"""How often to try again within one batch, before its partition waits instead."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from bridgework_contracts.errors import TransientError

from bridgework_loader.pacing import Pacing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unfinished(Generic[T]):
    """What one attempt left over, and why; nothing left over means done."""

    items: list[T]
    cause: TransientError | None = None


async def insist(
    attempt: Callable[[list[T]], Awaitable[Unfinished[T]]], items: list[T], pacing: Pacing
) -> None:
    """Attempt until nothing is left over.

    Raises:
        TransientError: the cause of the last attempt, once ``pacing.attempts`` are used up.
    """
    number = 1
    while items:
        left = await attempt(items)
        if not left.items:
            return
        items = left.items
        cause = left.cause or TransientError(
            "Zoho refused some records for now.", code="refused_for_now"
        )
        if number >= pacing.attempts:
            raise cause
        await asyncio.sleep(max(pacing.retry_pause_s * 2 ** (number - 1), cause.retry_after_s or 0))
        number += 1


async def let_settle(tried_at: Iterable[datetime], pacing: Pacing) -> None:
    """Wait until requests sent at these times have surely ended inside Zoho."""
    newest = max(tried_at, default=None)
    if newest is not None:
        waited_s = (datetime.now(UTC) - newest).total_seconds()
        await asyncio.sleep(max(0.0, pacing.settle_s - waited_s))
