"""The outcome of every record: pages of the reconciler behind the job API's own cursor."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from bridgework_service.health import serve
from fastapi import FastAPI, HTTPException, Request

from services.control.tests.conftest import World, opened, settings_for


@dataclass
class FakeReconciler:
    """The reconciler's internal port, over five outcomes in order."""

    asked: list[dict[str, str]] = field(default_factory=list)
    broken: bool = False
    port: int = 0

    def app(self) -> FastAPI:
        """Return the port's app."""
        app = FastAPI()

        @app.get("/internal/runs/{run_id}/records")
        async def records(run_id: str, request: Request) -> list[dict[str, Any]]:
            if self.broken:
                raise HTTPException(500)
            query = dict(request.query_params)
            self.asked.append({"run_id": run_id, **query})
            rows = [{"object": "patient", "key": str(n), "outcome": "inserted"} for n in range(5)]
            after = (query["after_object"], query["after_key"])
            return [row for row in rows if (row["object"], row["key"]) > after][
                : int(query["limit"])
            ]

        return app


@pytest.fixture
async def reconciler() -> AsyncIterator[FakeReconciler]:
    """A reconciler's port that answers."""
    made, stop, listening = FakeReconciler(), asyncio.Event(), asyncio.Event()

    def started(port: int) -> None:
        made.port = port
        listening.set()

    task = asyncio.create_task(serve(made.app(), "127.0.0.1", 0, stop, on_started=started))
    await listening.wait()
    yield made
    stop.set()
    await task


@pytest.fixture
async def beside(prepared: str, tmp_path: Path, reconciler: FakeReconciler) -> AsyncIterator[World]:
    """A control that reaches that reconciler."""
    url = f"http://127.0.0.1:{reconciler.port}/"
    async with opened(settings_for(prepared, tmp_path, url)) as made:
        yield made


async def test_outcomes_are_paged_without_gaps_or_repeats(beside: World) -> None:
    """Five outcomes, two a page; the last page has no next one."""
    run_id = await beside.start(await beside.ready())
    path = f"/runs/{run_id}/records?limit=2"
    page = await beside.api.get(path)
    seen = [row["key"] for row in page["data"]]
    while page["next_cursor"]:
        page = await beside.api.get(f"{path}&cursor={page['next_cursor']}")
        seen += [row["key"] for row in page["data"]]
    assert seen == list("01234")


async def test_filters_and_place_are_handed_on(beside: World, reconciler: FakeReconciler) -> None:
    """The reconciler filters; control only knows whose run it is."""
    run_id = await beside.start(await beside.ready())
    await beside.api.get(f"/runs/{run_id}/records?object=patient&outcome=parked")
    await beside.api.get(f"/runs/{run_id}/records")
    start = {"run_id": run_id, "after_object": "", "after_key": "", "limit": "100"}
    assert reconciler.asked == [{**start, "object": "patient", "outcome": "parked"}, start]


@pytest.mark.parametrize(
    "query", ["outcome=vanished", "object=Patient;", "limit=0", "limit=501", "cursor=x"]
)
async def test_a_malformed_filter_never_reaches_the_reconciler(
    beside: World, reconciler: FakeReconciler, query: str
) -> None:
    """422 from control itself."""
    run_id = await beside.start(await beside.ready())
    answer = await beside.api.ask("GET", f"/runs/{run_id}/records?{query}")
    answer.problem(422, "invalid_request")
    assert reconciler.asked == []


async def test_a_reconciler_that_fails_is_told_as_503(
    beside: World, reconciler: FakeReconciler
) -> None:
    """Its own error does not come through; trying again may help."""
    run_id = await beside.start(await beside.ready())
    reconciler.broken = True
    answer = await beside.api.ask("GET", f"/runs/{run_id}/records")
    answer.problem(503, "reconciler_unavailable")


async def test_a_reconciler_that_is_away_is_told_as_503(world: World) -> None:
    """Nobody listens on its port."""
    run_id = await world.start(await world.ready())
    answer = await world.api.ask("GET", f"/runs/{run_id}/records")
    answer.problem(503, "reconciler_unavailable")
