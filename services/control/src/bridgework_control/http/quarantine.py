"""Routes of the quarantine: list, fix, accept, withdraw, release."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from bridgework_control.domain.quarantine import PlaceState
from bridgework_control.http.auth import CallerDep, ControlDep, RunsDep
from bridgework_control.http.cursors import decode_place_cursor, encode_cursor
from bridgework_control.http.idempotency import Once, OnceDep
from bridgework_control.http.models import (
    PlaceDecision,
    PlaceFix,
    PlacePage,
    PlaceRead,
    PlaceRelease,
    RunRead,
)
from bridgework_control.http.routing import (
    Cursor,
    Identity,
    Limit,
    located,
    new_router,
    own_job,
)
from bridgework_control.quarantine import START

router = new_router("quarantine")
Body = TypeVar("Body", bound=BaseModel)
Decide = Callable[[str, str, Body], Awaitable[dict[str, Any]]]
Text = Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


@router.get("/jobs/{job_id}/quarantine")
async def list_quarantine(
    job_id: Identity,
    caller: CallerDep,
    control: ControlDep,
    state: PlaceState | None = None,
    file: Text = None,
    code: Text = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> PlacePage:
    """Return places of the export that a person should correct or accept, by file and line."""
    await own_job(control, caller, job_id)
    rows = await control.quarantine.page(
        job_id,
        state=state,
        file=file,
        code=code,
        after=decode_place_cursor(cursor) or START,
        limit=limit + 1,
    )
    last = rows[limit - 1] if len(rows) > limit else None
    return PlacePage(
        data=[PlaceRead(**row) for row in rows[:limit]],
        next_cursor=(
            encode_cursor(last["file"], str(last["line"]), last["item_id"]) if last else None
        ),
        counts=await control.quarantine.counts(job_id),
        left_out=(await control.job_row(job_id))["quarantine_left_out"],
    )


@router.get("/jobs/{job_id}/quarantine/{item_id}")
async def get_place(
    job_id: Identity, item_id: Identity, caller: CallerDep, control: ControlDep
) -> PlaceRead:
    """Return one place, with the correction that stands."""
    await own_job(control, caller, job_id)
    return PlaceRead(**await control.quarantine.item(job_id, item_id))


@router.post("/jobs/{job_id}/quarantine/{item_id}/fix", **located(200, PlaceRead))
async def fix_place(
    job_id: Identity,
    item_id: Identity,
    body: PlaceFix,
    caller: CallerDep,
    control: ControlDep,
    once: OnceDep,
) -> JSONResponse:
    """Keep a person's correction, sealed and bound to what the row held; the next run carries it.

    The export itself is never changed. A row that changed meanwhile does not get it: the place
    becomes stale and says so.
    """
    await own_job(control, caller, job_id)
    return await _decided(once, "fix", job_id, item_id, body, control.fix_place)


@router.post("/jobs/{job_id}/quarantine/{item_id}/accept", **located(200, PlaceRead))
async def accept_place(
    job_id: Identity,
    item_id: Identity,
    body: PlaceDecision,
    caller: CallerDep,
    control: ControlDep,
    once: OnceDep,
) -> JSONResponse:
    """Accept a place as it is: what it lost stays behind, with a name under it."""
    await own_job(control, caller, job_id)
    return await _decided(once, "accept", job_id, item_id, body, control.accept_place)


@router.post("/jobs/{job_id}/quarantine/{item_id}/withdraw", **located(200, PlaceRead))
async def withdraw_place(
    job_id: Identity,
    item_id: Identity,
    body: PlaceDecision,
    caller: CallerDep,
    control: ControlDep,
    once: OnceDep,
) -> JSONResponse:
    """Take a correction or an acceptance back before it was released; the place is open again."""
    await own_job(control, caller, job_id)
    return await _decided(once, "withdraw", job_id, item_id, body, control.withdraw_place)


@router.post("/jobs/{job_id}/quarantine/release", **located(202, RunRead))
async def release_quarantine(
    job_id: Identity,
    body: PlaceRelease,
    caller: CallerDep,
    control: ControlDep,
    runs: RunsDep,
    once: OnceDep,
) -> JSONResponse:
    """Move corrected rows: a delta run over the same export with the corrections in it."""
    await own_job(control, caller, job_id)

    async def act() -> tuple[int, dict[str, Any], str]:
        run_id = await runs.release(job_id, body)
        return 202, await runs.run(run_id), f"/v1/runs/{run_id}"

    return await once(f"release:{job_id}", body, act)


async def _decided(
    once: Once, word: str, job_id: str, item_id: str, body: Body, decide: Decide[Body]
) -> JSONResponse:
    """Decide about a place, once; answer with the place."""

    async def act() -> tuple[int, dict[str, Any], str]:
        place = await decide(job_id, item_id, body)
        return 200, place, f"/v1/jobs/{job_id}/quarantine/{item_id}"

    return await once(f"{word}:{job_id}:{item_id}", body, act)
