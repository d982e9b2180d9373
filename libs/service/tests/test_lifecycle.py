"""Starting, ending in order, and ending because something failed."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from bridgework_contracts.errors import ConfigurationError, StoreUnavailable
from bridgework_service import lifecycle
from bridgework_service.health import Check
from bridgework_service.lifecycle import (
    EXIT_CONFIGURATION,
    EXIT_CRASHED,
    EXIT_OK,
    EXIT_UNAVAILABLE,
    ServiceApp,
    ServiceTask,
    Stage,
    TaskFailed,
    exit_code,
    main,
    run_services,
    supervise,
)
from bridgework_service.settings import ServiceSettings, load_settings
from starlette.types import ASGIApp

Run = Callable[[asyncio.Event], Awaitable[None]]


@dataclass
class App:
    """A service made of given tasks."""

    plan: list[ServiceTask]
    name: str = "loader"
    http: ASGIApp | None = None
    checks: Mapping[str, Check] = field(default_factory=dict)

    def tasks(self) -> Sequence[ServiceTask]:
        """Return the given tasks."""
        return self.plan


def make_settings(**given: object) -> ServiceSettings:
    """Build settings that reach nothing."""
    return load_settings(
        ServiceSettings,
        **{
            "service_name": "loader",
            "host": "127.0.0.1",
            "http_port": 0,
            "store": {"dsn": "postgresql://x/y"},
            "event_log": {"dsn": "postgresql://x/y"},
            "master_key": "x",
            "drain_timeout_s": 5,
            **given,
        },
    )


def opening(app: App, events: list[str]) -> Callable[..., AbstractAsyncContextManager[ServiceApp]]:
    """Make an ``open_app`` that notes when it opens and closes."""

    @asynccontextmanager
    async def open_app(_: ServiceSettings) -> AsyncIterator[ServiceApp]:
        events.append(f"open {app.name}")
        yield app
        events.append(f"close {app.name}")

    return open_app


async def until_stopped(stop: asyncio.Event) -> None:
    """Work as a well-behaved task does."""
    await stop.wait()


async def test_work_ends_before_flushing_and_flushing_before_closing() -> None:
    """The order of an ordered shutdown, as each part sees it."""
    events: list[str] = []
    stop = asyncio.Event()

    async def consumer(stopped: asyncio.Event) -> None:
        await stopped.wait()
        await asyncio.sleep(0.05)
        events.append("consumer finished its messages")

    async def relay(stopped: asyncio.Event) -> None:
        await stopped.wait()
        events.append("relay emptied the outbox")

    app = App([ServiceTask("relay", relay, Stage.FLUSH), ServiceTask("consumer", consumer)])
    running = asyncio.create_task(supervise(app, stop=stop, drain_timeout_s=5))
    await asyncio.sleep(0.01)
    stop.set()
    await asyncio.wait_for(running, 5)
    assert events == ["consumer finished its messages", "relay emptied the outbox"]


async def test_the_service_is_unready_while_it_drains() -> None:
    """During the drain /readyz says no while /healthz still says yes."""
    stop, may_end = asyncio.Event(), asyncio.Event()

    async def slow(stopped: asyncio.Event) -> None:
        await stopped.wait()
        await may_end.wait()

    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        supervise(
            App([ServiceTask("slow", slow)]),
            stop=stop,
            drain_timeout_s=5,
            host="127.0.0.1",
            on_started=port.set_result,
        )
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await port}") as client:
        await asyncio.sleep(0.01)
        assert (await client.get("/readyz")).status_code == 200
        stop.set()
        await asyncio.sleep(0.01)
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200
    may_end.set()
    await asyncio.wait_for(running, 5)


async def test_a_task_that_does_not_end_is_abandoned_after_the_drain() -> None:
    """The drain has a limit; then the task is cancelled and the shutdown goes on."""
    stop = asyncio.Event()
    cancelled = False

    async def stubborn(_: asyncio.Event) -> None:
        nonlocal cancelled
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled = True
            raise

    app = App([ServiceTask("stubborn", stubborn)])
    running = asyncio.create_task(supervise(app, stop=stop, drain_timeout_s=0.05))
    await asyncio.sleep(0.01)
    stop.set()
    await asyncio.wait_for(running, 5)
    assert cancelled


async def test_a_crashed_task_stops_all_others_in_order() -> None:
    """The error is the cause; the other tasks end as in a normal shutdown."""
    ended: list[str] = []

    async def crash(_: asyncio.Event) -> None:
        await asyncio.sleep(0.01)
        raise KeyError("bug")

    async def other(stop: asyncio.Event) -> None:
        await stop.wait()
        ended.append("other")

    stop = asyncio.Event()
    with pytest.raises(TaskFailed) as caught:
        await supervise(
            App([ServiceTask("crash", crash), ServiceTask("other", other)]),
            stop=stop,
            drain_timeout_s=5,
        )
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.details["task"] == "crash"
    assert stop.is_set()
    assert ended == ["other"]


async def test_a_task_that_ends_by_itself_is_a_failure() -> None:
    """A consumer that silently returned would leave a service that does nothing."""

    async def returns(_: asyncio.Event) -> None:
        return

    with pytest.raises(TaskFailed, match="ended before it was told"):
        await supervise(
            App([ServiceTask("returns", returns)]), stop=asyncio.Event(), drain_timeout_s=5
        )


async def test_cancelling_the_supervisor_leaves_no_task_behind() -> None:
    """Whoever cancels it gets everything cancelled."""
    before = asyncio.all_tasks()
    running = asyncio.create_task(
        supervise(
            App([ServiceTask("w", until_stopped), ServiceTask("f", until_stopped, Stage.FLUSH)]),
            stop=asyncio.Event(),
            drain_timeout_s=5,
            host="127.0.0.1",
        )
    )
    await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("received", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_all_services_of_the_process_with_code_zero(
    received: signal.Signals,
) -> None:
    """Opened in order, closed in reverse, exit code 0."""
    events: list[str] = []
    started = asyncio.Event()

    async def work(stop: asyncio.Event) -> None:
        started.set()
        await stop.wait()

    first = App([ServiceTask("w", until_stopped)], name="extractor")
    second = App([ServiceTask("w", work)], name="loader")
    running = asyncio.create_task(
        run_services(
            [
                (opening(first, events), make_settings()),
                (opening(second, events), make_settings()),
            ]
        )
    )
    await asyncio.wait_for(started.wait(), 5)
    os.kill(os.getpid(), received)
    assert await asyncio.wait_for(running, 5) == EXIT_OK
    assert events == ["open extractor", "open loader", "close loader", "close extractor"]


async def test_one_crashing_service_ends_the_others_and_the_process() -> None:
    """Exit code 1; what was open is closed."""
    events: list[str] = []

    async def crash(_: asyncio.Event) -> None:
        raise KeyError("bug")

    good = App([ServiceTask("w", until_stopped)], name="good")
    bad = App([ServiceTask("c", crash)], name="bad")
    code = await asyncio.wait_for(
        run_services(
            [(opening(good, events), make_settings()), (opening(bad, events), make_settings())]
        ),
        10,
    )
    assert code == EXIT_CRASHED
    assert events == ["open good", "open bad"]


async def test_the_start_waits_for_a_dependency_that_comes_up_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A store that answers at the third attempt is soon enough."""
    monkeypatch.setattr(lifecycle, "_START_PAUSE_S", 0.01)
    attempts = 0
    stopper = App([])

    @asynccontextmanager
    async def open_app(_: ServiceSettings) -> AsyncIterator[ServiceApp]:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise StoreUnavailable("not yet")
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
        yield stopper

    assert await run_services([(open_app, make_settings())]) == EXIT_OK
    assert attempts == 3


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreUnavailable("down"), EXIT_UNAVAILABLE),
        (ConfigurationError("missing"), EXIT_CONFIGURATION),
        (KeyError("bug"), EXIT_CRASHED),
    ],
)
async def test_the_exit_code_says_whether_starting_again_helps(
    monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    """Unavailable, misconfigured and broken are told apart."""
    monkeypatch.setattr(lifecycle, "_START_PAUSE_S", 0.01)

    @asynccontextmanager
    async def open_app(_: ServiceSettings) -> AsyncIterator[ServiceApp]:
        raise error
        yield App([])

    settings = make_settings(start_timeout_s=0.05)
    assert await asyncio.wait_for(run_services([(open_app, settings)]), 5) == code


async def test_a_taken_port_ends_the_start_as_misconfigured() -> None:
    """The HTTP task's configuration error is not dressed as a crash."""
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    app = App([ServiceTask("w", until_stopped)])
    code = await asyncio.wait_for(
        run_services([(opening(app, []), make_settings(http_port=port))]), 5
    )
    server.close()
    assert code == EXIT_CONFIGURATION


def test_main_names_what_is_missing_and_ends_with_the_code_for_configuration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without settings nothing is opened and standard error says what to set."""
    assert main(opening(App([]), []), ServiceSettings) == EXIT_CONFIGURATION
    assert "(MASTER_KEY): missing" in capsys.readouterr().err


PROGRAM = """
import asyncio, sys
from contextlib import asynccontextmanager
from bridgework_service.chassis import App
from bridgework_service.lifecycle import ServiceTask, main
from bridgework_service.settings import ServiceSettings

async def work(stop):
    await stop.wait()

@asynccontextmanager
async def open_app(settings):
    yield App(name="loader", checks={}, background=lambda: [ServiceTask("work", work)])

sys.exit(main(open_app, ServiceSettings))
"""


async def test_a_service_process_ends_well_on_sigterm() -> None:
    """From settings to exit code as Kubernetes sees it, with JSON lines on standard output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        stdout=asyncio.subprocess.PIPE,
        env={
            "SERVICE_NAME": "loader",
            "HOST": "127.0.0.1",
            "HTTP_PORT": "0",
            "STORE__DSN": "postgresql://x/y",
            "EVENT_LOG__DSN": "postgresql://x/y",
            "MASTER_KEY": "x",
        },
    )
    assert process.stdout is not None
    events = []
    async with asyncio.timeout(30):
        async for line in process.stdout:
            events.append(json.loads(line)["event"])
            if events[-1] == "service_started":
                process.terminate()
        code = await process.wait()
    assert code == EXIT_OK
    assert events == [
        "http_started",
        "service_started",
        "stop_requested",
        "service_stopping",
        "service_stopped",
    ]


def test_a_mixed_group_counts_as_a_crash() -> None:
    """Only a group of one kind keeps that kind's code."""
    down, wrong = StoreUnavailable("x"), ConfigurationError("y")
    assert exit_code(ExceptionGroup("", [down, ExceptionGroup("", [down])])) == EXIT_UNAVAILABLE
    assert exit_code(ExceptionGroup("", [wrong])) == EXIT_CONFIGURATION
    assert exit_code(ExceptionGroup("", [down, wrong])) == EXIT_CRASHED
