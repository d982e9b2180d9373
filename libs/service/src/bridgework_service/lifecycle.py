"""From start to end of a service: one order of opening, one order of closing, one exit code.

Closing, in order: not ready → work tasks are told to stop, finish or abandon what is in flight
within ``drain_timeout_s`` → flush tasks (outbox relays) empty what is left → the HTTP port closes →
``open_app`` closes everything in reverse. A task that crashes, or that ends although nobody asked
it to, stops the whole process: half a service is worse than none.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import structlog
import uvloop
from bridgework_contracts.errors import BridgeworkError, ConfigurationError, TransientError
from starlette.types import ASGIApp

from bridgework_service.failures import leaves
from bridgework_service.health import Check, Heartbeat, Readiness, health_app, serve
from bridgework_service.logging import bind_ids, configure_logging
from bridgework_service.settings import ServiceSettings, load_settings

log = structlog.get_logger(__name__)

EXIT_OK: Final = 0
EXIT_CRASHED: Final = 1
EXIT_UNAVAILABLE: Final = 75
"""A dependency did not answer at the start (EX_TEMPFAIL): starting again later may help."""
EXIT_CONFIGURATION: Final = 78
"""A setting is missing or wrong (EX_CONFIG): starting again does not help."""

_CANCEL_GRACE_S = 5.0
_LEAST_FLUSH_S = 2.0
_START_PAUSE_S = 0.5
_COLLECT_AFTER = 20_000  # new containers
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stage(Enum):
    """When a task is told to stop."""

    WORK = "work"
    """First: consumers, pollers, everything that makes new messages."""
    FLUSH = "flush"
    """After all work has ended: what empties buffers and outboxes."""


@dataclass(frozen=True, slots=True)
class ServiceTask:
    """A background task: ``run(stop)`` works until ``stop`` is set and then ends soon."""

    name: str
    run: Callable[[asyncio.Event], Awaitable[None]]
    stage: Stage = Stage.WORK


class ServiceApp(Protocol):
    """What ``open_app`` yields."""

    @property
    def name(self) -> str:
        """The service's name, e.g. ``loader``."""

    @property
    def http(self) -> ASGIApp | None:
        """The service's own HTTP app; it gets every path but the three health ones."""

    @property
    def checks(self) -> Mapping[str, Check]:
        """Dependencies asked by ``/readyz``."""

    def tasks(self) -> Sequence[ServiceTask]:
        """Return what runs in the background."""


class TaskFailed(BridgeworkError):
    """A background task crashed or ended by itself; its error is the cause and was logged."""

    default_code = "task_failed"


X = TypeVar("X", bound=ServiceSettings)
OpenApp = Callable[[X], AbstractAsyncContextManager[ServiceApp]]
"""A service's composition root: opens everything, yields the app, closes in reverse."""


async def supervise(
    app: ServiceApp,
    *,
    stop: asyncio.Event,
    drain_timeout_s: float,
    host: str | None = None,
    port: int = 0,
    on_started: Callable[[int], None] | None = None,
) -> None:
    """Run an opened app until ``stop`` is set and end it in order.

    Sets ``stop`` itself when a task fails, so that apps sharing it end together.

    Args:
        app: From ``open_app``.
        stop: Shared by all apps of the process.
        drain_timeout_s: After this long, tasks that have not ended are cancelled. What they had in
            flight is delivered again after the next start.
        host: Where to serve health and the app's HTTP; ``None`` serves nothing.
        port: 0 takes a free one.
        on_started: Called with the HTTP port once it accepts connections.

    Raises:
        TaskFailed: a task crashed, or ended before it was told to.
        ConfigurationError: the HTTP port is taken.
    """
    crew = _Crew(stop)
    heartbeat, readiness = Heartbeat(), Readiness()
    http_stop, flush_stop = asyncio.Event(), asyncio.Event()
    with bind_ids(service=app.name):
        async with asyncio.TaskGroup() as group:
            beat = group.create_task(heartbeat.run(), name="heartbeat")
            if host is not None:
                site = health_app(
                    service=app.name,
                    checks=app.checks,
                    heartbeat=heartbeat,
                    readiness=readiness,
                    http=app.http,
                )
                listening = asyncio.Event()

                def announce(real_port: int) -> None:
                    listening.set()
                    log.info("http_started", port=real_port)
                    if on_started is not None:
                        on_started(real_port)

                serving = partial(serve, site, host, port, on_started=announce)
                site_task = crew.start(group, ServiceTask("http", serving), http_stop)
                await _either(listening, site_task)
            plan = app.tasks()
            started = {
                stage: [
                    crew.start(group, task, stop if stage is Stage.WORK else flush_stop)
                    for task in plan
                    if task.stage is stage
                ]
                for stage in Stage
            }
            readiness.open()
            log.info("service_started", tasks=[task.name for task in plan])
            await stop.wait()

            readiness.close()
            log.info("service_stopping", drain_timeout_s=drain_timeout_s)
            drained = await _ended(started[Stage.WORK], drain_timeout_s)
            flush_stop.set()
            flushed = await _ended(started[Stage.FLUSH], max(drain_timeout_s, _LEAST_FLUSH_S))
            http_stop.set()
            beat.cancel()
            log.info("service_stopped", status="drained" if drained and flushed else "abandoned")
    crew.raise_failure()


async def run_service(open_app: OpenApp[X], settings: X) -> int:
    """Open one app, run it until SIGTERM or SIGINT, close it; return the exit code."""
    return await run_services([(open_app, settings)])


async def run_services(services: Sequence[tuple[OpenApp[Any], ServiceSettings]]) -> int:
    """Run several services in this process; the first that fails stops them all.

    They are opened in the given order and closed in reverse. While PostgreSQL or the event log do
    not answer yet, opening is tried again until ``start_timeout_s``.

    Returns:
        ``EXIT_OK``, ``EXIT_CRASHED``, ``EXIT_UNAVAILABLE`` or ``EXIT_CONFIGURATION``.
    """
    stop = asyncio.Event()
    with stopped_by_signals(stop):
        try:
            async with AsyncExitStack() as stack:
                opened = [
                    (await _open_patiently(stack, open_app, settings, stop), settings)
                    for open_app, settings in services
                ]
                _settle_heap()
                async with asyncio.TaskGroup() as group:
                    for app, settings in opened:
                        group.create_task(_supervised(app, settings, stop), name=app.name)
        except _StoppedWhileStarting:
            return EXIT_OK
        except Exception as exc:  # the process's last line: say it, give its code
            code = exit_code(exc)
            log.error("service_failed", exc_info=exc, exit_code=code)  # noqa: TRY400  # ours formats it
            return code
    return EXIT_OK


def main(open_app: OpenApp[X], settings_type: type[X]) -> int:
    """Be a service's ``__main__``: settings → logging → open app → run; return the exit code."""
    try:
        settings = load_settings(settings_type)
    except ConfigurationError as exc:
        sys.stderr.write(f"{exc}\n")
        return EXIT_CONFIGURATION
    configure_logging(
        service=settings.service_name, level=settings.log_level, log_format=settings.log_format
    )
    return uvloop.run(run_service(open_app, settings))


def _settle_heap() -> None:
    """Spare the collector what is alive now: it lives as long as the process.

    A batch of messages makes thousands of containers that all die together; with the interpreter's
    own thresholds the collector walked the whole heap several times per batch (measured: half of
    the time of decoding).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 100)


def exit_code(exc: Exception) -> int:
    """Return the exit code for what ended a process; groups count by all their members."""
    causes = leaves(exc)
    if all(isinstance(cause, ConfigurationError) for cause in causes):
        return EXIT_CONFIGURATION
    if all(isinstance(cause, TransientError) for cause in causes):
        return EXIT_UNAVAILABLE
    return EXIT_CRASHED


@contextmanager
def stopped_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """Set ``stop`` at the first SIGTERM or SIGINT; a second one ends the process as usual."""
    loop = asyncio.get_running_loop()

    def begin(received: signal.Signals) -> None:
        log.info("stop_requested", signal=received.name)
        stop.set()
        for each in _SIGNALS:
            loop.remove_signal_handler(each)

    for each in _SIGNALS:
        loop.add_signal_handler(each, begin, each)
    try:
        yield
    finally:
        for each in _SIGNALS:
            loop.remove_signal_handler(each)


class _StoppedWhileStarting(Exception):  # not an error
    pass


class _Crew:
    """Starts tasks and remembers the first that failed."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self._failure: tuple[str, Exception | None] | None = None

    def start(
        self, group: asyncio.TaskGroup, task: ServiceTask, task_stop: asyncio.Event
    ) -> asyncio.Task[None]:
        return group.create_task(self._guarded(task, task_stop), name=task.name)

    async def _guarded(self, task: ServiceTask, task_stop: asyncio.Event) -> None:
        try:
            await task.run(task_stop)
        except Exception as exc:  # the supervising loop: any crash stops the process
            log.error("task_failed", task=task.name, exc_info=exc)  # noqa: TRY400  # ours formats it
            self._failure = self._failure or (task.name, exc)
            self._stop.set()
        else:
            if not task_stop.is_set():
                log.error("task_ended_early", task=task.name)
                self._failure = self._failure or (task.name, None)
                self._stop.set()

    def raise_failure(self) -> None:
        if self._failure is None:
            return
        name, cause = self._failure
        if isinstance(cause, ConfigurationError):
            raise cause
        how = "ended before it was told to" if cause is None else "crashed"
        raise TaskFailed(f"Task {name} {how}; the process stops.", task=name) from cause


async def _supervised(app: ServiceApp, settings: ServiceSettings, stop: asyncio.Event) -> None:
    await supervise(
        app,
        stop=stop,
        drain_timeout_s=settings.drain_timeout_s,
        host=settings.host,
        port=settings.http_port,
    )


async def _open_patiently(
    stack: AsyncExitStack, open_app: OpenApp[X], settings: X, stop: asyncio.Event
) -> ServiceApp:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + settings.start_timeout_s
    while not stop.is_set():
        try:
            with bind_ids(service=settings.service_name):
                return await stack.enter_async_context(open_app(settings))
        except TransientError as exc:
            if loop.time() >= deadline:
                raise
            log.warning("service_start_waits", service=settings.service_name, code=exc.code)
            with suppress(TimeoutError):
                async with asyncio.timeout(_START_PAUSE_S):
                    await stop.wait()
    raise _StoppedWhileStarting


async def _ended(tasks: Sequence[asyncio.Task[None]], within_s: float) -> bool:
    """Wait for tasks that were told to stop; cancel those that take too long."""
    if not tasks:
        return True
    _, late = await asyncio.wait(tasks, timeout=within_s)
    for task in late:
        log.warning("task_abandoned", task=task.get_name())
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=_CANCEL_GRACE_S)
    return not late


async def _either(event: asyncio.Event, task: asyncio.Task[None]) -> None:
    """Wait until the event is set or the task has ended."""
    waiter = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait([waiter, task], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiter.cancel()
