"""Tells sleeping readers that there is something to read, with few notifications.

PostgreSQL serialises commits that notify (one lock per database), so appends do not notify
themselves: the process says at most every few milliseconds, on one connection of its own, which
topics and groups changed. Losing a wake-up costs one polling interval, never a record.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable

import asyncpg
import structlog
from bridgework_contracts.errors import BridgeworkError
from bridgework_store.errors import translate_errors

from bridgework_eventlog.background import Background

log = structlog.get_logger(__name__)

_DEBOUNCE_S = 0.005
_RECONNECT_S = 1.0
_PAYLOAD_BYTES = 7_500  # PostgreSQL takes fewer than 8,000

Wake = Callable[[], None]


class Wakeups:
    """One connection that listens and notifies for one log."""

    def __init__(self, dsn: str, *, channel: str, application_name: str) -> None:
        self._dsn = dsn
        self._channel = channel
        self._application_name = application_name
        self._wakes: defaultdict[str, set[Wake]] = defaultdict(set)
        self._unsent: set[str] = set()
        self._unsent_event = asyncio.Event()
        self._background = Background()
        self.listening = False

    def start(self) -> None:
        """Begin to listen, in the background."""
        self._background.start(self._run(), name="eventlog-wakeups")

    def subscribe(self, subjects: Iterable[str], wake: Wake) -> None:
        """Have ``wake`` called whenever one of ``subjects`` changed, here or in any process."""
        for subject in subjects:
            self._wakes[subject].add(wake)

    def unsubscribe(self, wake: Wake) -> None:
        """Forget ``wake``."""
        for wakes in self._wakes.values():
            wakes.discard(wake)

    def changed(self, subject: str) -> None:
        """Wake everyone who waits for ``subject``: here at once, elsewhere within milliseconds."""
        self._wake(subject)
        self._unsent.add(subject)
        self._unsent_event.set()

    async def close(self) -> None:
        """Stop listening."""
        await self._background.close()

    def _wake(self, subject: str) -> None:
        for wake in tuple(self._wakes.get(subject, ())):
            wake()

    async def _run(self) -> None:
        while True:
            try:
                with translate_errors():
                    await self._listen_and_notify()
            except BridgeworkError as exc:
                log.warning("wakeups_interrupted", code=exc.code, retry_s=_RECONNECT_S)
            await asyncio.sleep(_RECONNECT_S)

    async def _listen_and_notify(self) -> None:
        connection = await asyncpg.connect(
            self._dsn,
            timeout=10,
            command_timeout=10,
            server_settings={
                "application_name": f"{self._application_name} wakeups",
                "synchronous_commit": "off",  # nothing to keep; a commit need not wait for the disk
            },
        )
        try:
            await connection.add_listener(self._channel, self._on_notification)
            self.listening = True
            for subject in tuple(self._wakes):
                self._wake(subject)  # whatever changed while we were not listening
            while True:
                await asyncio.wait_for(self._unsent_event.wait(), None)
                self._unsent_event.clear()
                for payload in self._take_payloads():
                    await connection.execute("select pg_notify($1, $2)", self._channel, payload)
                await asyncio.sleep(_DEBOUNCE_S)
        finally:
            self.listening = False
            connection.terminate()

    def _on_notification(
        self, connection: object, pid: int, _channel: str, payload: object
    ) -> None:
        if isinstance(connection, asyncpg.Connection) and pid == connection.get_server_pid():
            return  # our own; local readers were woken directly
        for subject in str(payload).split("\n"):
            self._wake(subject)

    def _take_payloads(self) -> list[str]:
        payloads: list[str] = []
        current = ""
        for subject in self._unsent:
            if current and len(current) + len(subject) >= _PAYLOAD_BYTES:
                payloads.append(current)
                current = ""
            current = f"{current}\n{subject}" if current else subject
        if current:
            payloads.append(current)
        self._unsent.clear()
        return payloads
