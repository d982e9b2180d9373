"""What one attempt really cost, by how it ended."""

import contextlib

import httpx
from bridgework_contracts.errors import TransientError

from bridgework_zoho.protocols import Reservation
from bridgework_zoho.settings import ZohoSettings

REMAINING_HEADER = "x-api-credits-remaining"
_BAD_REQUEST = 400
_UNCHARGED = frozenset({401, 429})
_SERVER_ERROR = 500


class Charge:
    """Turns a reservation into what was spent; starts as "sent, answer unknown"."""

    def __init__(self, reservation: Reservation, settings: ZohoSettings) -> None:
        self._reservation = reservation
        self._settings = settings
        self._settled = False
        self.status: int | None = None
        self.remaining: int | None = None
        self.actual = reservation.credits if settings.charge_server_errors else 0

    def not_sent(self) -> None:
        """Nothing left this machine."""
        self.actual = 0

    def answered(self, response: httpx.Response) -> None:
        """An answer has begun: its status decides what the call cost."""
        self.status = response.status_code
        header = response.headers.get(REMAINING_HEADER, "")
        self.remaining = int(header) if header.strip().isdigit() else None
        if self.status in _UNCHARGED:
            self.actual = 0
        elif self.status >= _SERVER_ERROR:
            free = not self._settings.charge_server_errors
            self.actual = 0 if free else self._reservation.credits
        elif self.status >= _BAD_REQUEST:
            free = not self._settings.charge_refused_calls
            self.actual = 0 if free else self._reservation.credits
        else:
            self.actual = self._reservation.credits

    async def settle(self) -> None:
        """Tell the ledger, once.

        Zoho has already done what it was asked; a ledger that cannot be reached must not turn
        that into a failure. What is not settled counts as spent, which is the safe side.
        """
        if not self._settled:
            self._settled = True
            with contextlib.suppress(TransientError):
                await self._reservation.settle(self.actual, self.remaining)
