"""Dead letters: kept sealed and whole, shown without content, replayed as they were."""

import base64
from typing import Any

import pytest
from bridgework_contracts.deadletters import DeadLetter
from bridgework_contracts.topics import Subject, topic_name
from bridgework_eventlog.sealed import associated_data

from services.control.tests.conftest import World

SECRET = "Ottoline Quimby"


def letter(tenant_id: str, letter_id: str = "dl_1", **more: Any) -> DeadLetter:
    """A record that nobody could handle."""
    told: dict[str, Any] = {
        "topic": topic_name(tenant_id, Subject.RECORDS),  # type: ignore[arg-type] # a test's id
        "partition": 1,
        "offset": 42,
        "key": "1201",
        "group": "transformer.harbor.records",
        "service": "transformer",
        "error_class": "ContractViolation",
        "code": "undecodable_message",
        "hint": "Message does not follow its contract.",
        "attempts": 3,
        "headers": {"type": "RecordExtracted", "message_id": "m-1"},
        "value_b64": base64.b64encode(f'{{"last_name": "{SECRET}"}}'.encode()).decode(),
        "at": "2026-11-23T10:00:00+00:00",
        **more,
    }
    return DeadLetter(dead_letter_id=letter_id, **told)


async def test_a_letter_is_shown_with_its_place_and_cause_and_without_its_content(
    world: World,
) -> None:
    """In the list and alone; the table holds no readable value either."""
    tenant_id = await world.tenant()
    await world.bury(tenant_id, letter(tenant_id))
    shown = {
        "dead_letter_id": "dl_1",
        "topic": f"bridgework.{tenant_id}.records.v1",
        "partition": 1,
        "log_offset": 42,
        "service": "transformer",
        "error_class": "ContractViolation",
        "code": "undecodable_message",
        "hint": "Message does not follow its contract.",
        "attempts": 3,
        "dead_at": "2026-11-23T10:00:00Z",
        "replayed_at": None,
        "replayed_by": None,
    }
    page = await world.api.get(f"/tenants/{tenant_id}/dead-letters")
    assert page == {"data": [shown], "next_cursor": None}
    alone = await world.api.get(f"/tenants/{tenant_id}/dead-letters/dl_1")
    assert alone == {**shown, "tenant_id": tenant_id}
    (row,) = await world.pool.fetch("select * from control.dead_letters")
    assert SECRET not in repr(row)
    assert letter(tenant_id).value_b64 not in repr(row)


async def test_the_same_letter_again_is_kept_once(world: World) -> None:
    """A replayed dead-letter topic does not open what was replayed by a person."""
    tenant_id = await world.tenant()
    await world.bury(tenant_id, letter(tenant_id), letter(tenant_id))
    path = f"/tenants/{tenant_id}/dead-letters/dl_1/replay"
    await world.api.post(path, {"operator": "ops"})
    await world.bury(tenant_id, letter(tenant_id, attempts=9))
    (shown,) = (await world.api.get(f"/tenants/{tenant_id}/dead-letters"))["data"]
    assert (shown["attempts"], shown["replayed_by"]) == (3, "ops")


@pytest.mark.parametrize("key", ["1201", None])
async def test_a_replayed_message_is_the_same_message_on_the_same_topic(
    world: World, key: str | None
) -> None:
    """Key, headers, id and value; sealed for its topic; and who did it is noted."""
    tenant_id = await world.tenant()
    buried = letter(tenant_id, key=key)
    await world.bury(tenant_id, buried)
    path = f"/tenants/{tenant_id}/dead-letters/dl_1/replay"
    shown = await world.api.post(path, {"operator": "ops on call"})
    assert shown["replayed_by"] == "ops on call"
    assert shown["replayed_at"] is not None
    (row,) = await world.pool.fetch("select * from control.outbox")
    raw_key = None if key is None else key.encode()
    assert (row["topic"], row["key"], row["headers"]) == (buried.topic, raw_key, buried.headers)
    sealer = await world.control.directory.sealer(tenant_id)  # type: ignore[arg-type] # a test's id
    opened = sealer.open(row["value"], associated_data(row["topic"], raw_key))
    assert opened == base64.b64decode(buried.value_b64)


async def test_a_replay_needs_a_name_and_a_letter(world: World) -> None:
    """422 and 404; nothing is sent."""
    tenant_id = await world.tenant()
    await world.bury(tenant_id, letter(tenant_id))
    path = f"/tenants/{tenant_id}/dead-letters"
    (await world.api.ask("POST", f"{path}/dl_1/replay", {})).problem(422, "invalid_request")
    answer = await world.api.ask("POST", f"{path}/dl_2/replay", {"operator": "ops"})
    answer.problem(404, "not_found")
    (await world.api.ask("GET", f"{path}/dl_2")).problem(404, "not_found")
    assert await world.pool.fetch("select * from control.outbox") == []


async def test_letters_are_paged_without_gaps_or_repeats(world: World) -> None:
    """Five letters, two a page."""
    tenant_id = await world.tenant()
    await world.bury(tenant_id, *(letter(tenant_id, f"dl_{n}") for n in range(5)))
    page = await world.api.get(f"/tenants/{tenant_id}/dead-letters?limit=2")
    seen = [one["dead_letter_id"] for one in page["data"]]
    while page["next_cursor"]:
        path = f"/tenants/{tenant_id}/dead-letters?limit=2&cursor={page['next_cursor']}"
        page = await world.api.get(path)
        seen += [one["dead_letter_id"] for one in page["data"]]
    assert sorted(seen) == [f"dl_{n}" for n in range(5)]


async def test_letters_are_listed_newest_first(world: World) -> None:
    """The one that just came in stands on top, whatever its id."""
    tenant_id = await world.tenant()
    for day, letter_id in enumerate(("dl_b", "dl_c", "dl_a"), 1):
        at = f"2026-11-0{day}T00:00:00+00:00"
        await world.bury(tenant_id, letter(tenant_id, letter_id, at=at))
    page = await world.api.get(f"/tenants/{tenant_id}/dead-letters")
    assert [one["dead_letter_id"] for one in page["data"]] == ["dl_a", "dl_c", "dl_b"]
