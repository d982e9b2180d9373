"""Routes of dead letters."""

from typing import Any

from bridgework_control.dead_letters import DeadLetters
from bridgework_control.http.auth import CallerDep, ControlDep
from bridgework_control.http.cursors import decode_moment_cursor, encode_cursor
from bridgework_control.http.models import Page, Replay
from bridgework_control.http.routing import Cursor, Identity, Limit, new_router, own_tenant

router = new_router("dead letters")


@router.get("/tenants/{tenant_id}/dead-letters")
async def list_dead_letters(
    tenant_id: Identity,
    caller: CallerDep,
    control: ControlDep,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page:
    """Return messages that could not be handled, newest first, without their content."""
    await own_tenant(control, caller, tenant_id)
    letters: DeadLetters = control.dead_letters
    rows = await letters.page(tenant_id, decode_moment_cursor(cursor), limit + 1)
    more = rows[limit - 1] if len(rows) > limit else None
    return Page(
        data=rows[:limit],
        next_cursor=(
            encode_cursor(more["dead_at"].isoformat(), more["dead_letter_id"]) if more else None
        ),
    )


@router.get("/tenants/{tenant_id}/dead-letters/{dead_letter_id}")
async def get_dead_letter(
    tenant_id: Identity, dead_letter_id: Identity, caller: CallerDep, control: ControlDep
) -> dict[str, Any]:
    """Return one dead letter: where it stood, why it failed, what to do."""
    await own_tenant(control, caller, tenant_id)
    return await control.dead_letters.show(tenant_id, dead_letter_id)


@router.post("/tenants/{tenant_id}/dead-letters/{dead_letter_id}/replay")
async def replay_dead_letter(
    tenant_id: Identity,
    dead_letter_id: Identity,
    body: Replay,
    caller: CallerDep,
    control: ControlDep,
) -> dict[str, Any]:
    """Put the message back on its topic; its id is unchanged, so a second effect is impossible."""
    tenant = await own_tenant(control, caller, tenant_id)
    await control.dead_letters.replay(tenant, dead_letter_id, body.operator)
    return await control.dead_letters.show(tenant_id, dead_letter_id)
