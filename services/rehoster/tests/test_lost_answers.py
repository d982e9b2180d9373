"""Uploads whose answer was lost, and kills between every two effects: one attachment each."""

from collections.abc import AsyncIterator

import pytest
from bridgework_contracts.outcomes import Effect
from bridgework_testkit.crashing import KILLED

from services.rehoster.tests.conftest import QUICK, QUICK_ZOHO, World, tally

LOST = [
    pytest.param({"kind": "drop", "when": "after"}, id="dropped after commit"),
    pytest.param({"kind": "error", "when": "after", "status": 500}, id="500 after commit"),
    pytest.param({"kind": "html", "when": "after", "status": 502}, id="html after commit"),
    pytest.param({"kind": "drop", "when": "before"}, id="dropped before commit"),
]


@pytest.mark.parametrize("fault", LOST)
async def test_a_lost_answer_makes_no_second_attachment(
    world: World, fault: dict[str, object]
) -> None:
    """It is looked for by name, size and content before it is sent again."""
    await world.org.fault(method="POST", path="Attachments", times=1, **fault)
    await world.begin()
    await world.land("1")
    await world.send(world.file("a", "1"))
    await world.start()
    outcome = (await world.settled(1))["a"]
    assert (outcome.outcome, outcome.effect, outcome.proof) == ("inserted", Effect.CREATED, "hash")
    assert len(await world.attached("1")) == 1


async def test_the_practices_own_file_of_the_same_name_is_not_taken_for_ours(
    world: World,
) -> None:
    """Same name and size, other content: the lost upload is sent again beside it."""
    await world.begin()
    await world.land("1")

    async def content() -> AsyncIterator[bytes]:
        yield b"%PDF-1.4 b scan"

    await world.zoho.attachments.upload(
        "Contacts", world.contacts["1"], "a.pdf", content(), 15, "application/pdf"
    )
    await world.org.fault(kind="drop", when="before", method="POST", path="Attachments", times=1)
    await world.send(world.file("a", "1"))
    await world.start()
    assert tally(await world.settled(1)) == {"inserted": 1}
    assert await world.attached("1") == [
        ("a.pdf", b"%PDF-1.4 a scan"),
        ("a.pdf", b"%PDF-1.4 b scan"),
    ]


async def test_an_upload_that_ends_after_we_gave_up_is_waited_for(world: World) -> None:
    """Asking before Zoho has finished would miss it."""
    world.zoho_settings = QUICK_ZOHO.model_copy(
        update={"transfer_timeout_s": 0.3, "max_attempts": 1}
    )
    world.pacing = QUICK.model_copy(update={"settle_s": 1.5})
    await world.begin()
    await world.land("1")
    await world.org.fault(
        kind="latency", method="POST", path="Attachments", times=1, latency={"mean_s": 1.0}
    )
    await world.send(world.file("a", "1"))
    await world.start()
    assert tally(await world.settled(1)) == {"inserted": 1}
    assert len(await world.attached("1")) == 1


async def test_a_copy_that_is_not_what_was_sent_is_taken_away_and_sent_again(
    world: World,
) -> None:
    """A download that fails is no proof; nothing unproven stays behind."""
    await world.org.fault(
        kind="error",
        method="GET",
        path="Attachments/[0-9]+$",
        times=1,
        status=400,
        code="DOWNLOAD_NOT_ALLOWED",
    )
    await world.begin()
    await world.land("1")
    await world.send(world.file("a", "1"))
    await world.start()
    assert tally(await world.settled(1)) == {"inserted": 1}
    assert len(await world.attached("1")) == 1


@pytest.mark.chaos
@pytest.mark.parametrize("occurrence", [1, 5])
@pytest.mark.parametrize("step", ["intent_opened", "call_answered", "proven", "decision_recorded"])
async def test_a_kill_leaves_one_attachment_per_file(
    world: World, step: str, occurrence: int
) -> None:
    """After the restart every file is there once and every outcome is inserted."""
    await world.begin()
    await world.land("1", "2")
    # Two share name and content: each must find its own.
    await world.send(
        *(world.file(f"f{n}", str(1 + n % 2), name=f"scan{n // 4}.pdf") for n in range(12))
    )
    assert await world.run_crashing(step, occurrence) == KILLED
    await world.start()
    outcomes = await world.settled(12)
    await world.caught_up()
    assert tally(outcomes) == {"inserted": 12}
    assert {one.effect for one in outcomes.values()} == {Effect.CREATED}
    assert len(await world.attached("1")) + len(await world.attached("2")) == 12
    assert len({one.zoho_id for one in outcomes.values()}) == 12
