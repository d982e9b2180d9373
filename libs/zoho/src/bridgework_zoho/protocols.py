"""What the client needs from whoever runs it: a token cache, a credit ledger, concurrency slots.

All three are per Zoho org and may be shared by many processes. ``memory.py`` holds versions for
one process; ``bridgework_zoho_org`` holds versions over PostgreSQL. Both pass one contract suite.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

Clock = Callable[[], datetime]
"""Tells the time as aware UTC; injected so that tests can let a day pass."""


def utc_now() -> datetime:
    """Tell the real time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """One access token; its value never shows in a repr.

    Attributes:
        value: What goes behind ``Zoho-oauthtoken``.
        expires_at: When Zoho stops accepting it.
        api_domain: API host the token answer named, without trailing slash; None if it did not.
    """

    value: str = field(repr=False)
    expires_at: datetime
    api_domain: str | None = None


@dataclass(frozen=True, slots=True)
class GrantState:
    """What the store knows about one grant.

    Attributes:
        token: The newest token, possibly expired.
        refused_code: Why Zoho refuses the grant, as every process shall know; None while it works.
    """

    token: AccessToken | None = None
    refused_code: str | None = None


@dataclass(frozen=True, slots=True)
class RefreshLease:
    """The right to refresh, held by one caller at a time."""

    lease_id: str


@dataclass(frozen=True, slots=True)
class RefreshWait:
    """Not now.

    Attributes:
        wait_s: Earliest sensible next try.
        throttled: True: the ten tokens of ten minutes are used. False: somebody else refreshes.
    """

    wait_s: float
    throttled: bool


class TokenStore(Protocol):
    """One org's access token, shared. ``grant`` is a fingerprint of client and refresh token.

    A new grant starts with no token, no refusal and a fresh count of minted tokens.
    """

    async def load(self, grant: str) -> GrantState:
        """Read what is known."""

    async def try_lease(self, grant: str, ttl_s: float) -> RefreshLease | RefreshWait:
        """Take the right to refresh for ``ttl_s``; counts as one minted token when granted."""

    async def save(self, grant: str, lease: RefreshLease, token: AccessToken) -> None:
        """Publish the new token and end the lease. A lease that has run out changes nothing."""

    async def release(
        self, grant: str, lease: RefreshLease, *, refused_code: str | None = None
    ) -> None:
        """End the lease without a token; with a code, tell everybody that the grant is refused."""

    async def discard(self, grant: str, value: str) -> None:
        """Forget this token if it is still the newest: Zoho said it is invalid."""


class Reservation(Protocol):
    """Credits set aside for one attempt of one call."""

    @property
    def credits(self) -> int:
        """How many were set aside."""

    async def settle(self, actual: int, remaining: int | None = None) -> None:
        """Replace the reservation by what was spent.

        Args:
            actual: Credits really spent; 0 gives them all back.
            remaining: ``X-API-CREDITS-REMAINING`` of the answer, if it had one: if Zoho knows of
                fewer than the ledger does, other apps spent them, and the ledger follows.

        A reservation that is never settled counts as spent.
        """


class CreditLedger(Protocol):
    """The rolling 24 hours of one org's credits."""

    async def reserve(self, cost: int, purpose: str) -> Reservation:
        """Set credits aside.

        Args:
            cost: Credits the call is priced at.
            purpose: Operation name, for reports.

        Raises:
            CreditsExhausted: Not enough are left; ``retry_after_s`` says when they will be.
        """

    async def available(self) -> int:
        """Credits that may be reserved now; the share kept for other apps is already off."""

    async def wait_s(self, cost: int = 1) -> float:
        """Seconds until ``cost`` credits are available; 0 when they are, inf when never."""


class SlotLimiter(Protocol):
    """The org's calls in flight."""

    def acquire(self, *, heavy: bool, units: int = 1) -> AbstractAsyncContextManager[None]:
        """Hold ``units`` slots, and one heavy slot if ``heavy``, for the time of the block.

        Waiting callers are served in order; a light call may pass a heavy one that waits for the
        heavy sub-limit only.
        """
