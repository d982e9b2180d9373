"""Parked records and files: released when they can be, given back when they cannot."""

import asyncio
from dataclasses import dataclass, field

import pytest
from bridgework_contracts.errors import TransientError
from bridgework_eventlog.loop import Hold
from bridgework_service.releasing import Releaser
from bridgework_testkit.eventually import eventually


@dataclass
class Waiting:
    """Numbers that wait; writing them fails as often as there are ``failures``."""

    numbers: list[int]
    failures: list[Exception] = field(default_factory=list)
    written: list[int] = field(default_factory=list)
    given_back: list[list[int]] = field(default_factory=list)

    async def claim(self) -> list[int]:
        """Take two."""
        claimed, self.numbers = self.numbers[:2], self.numbers[2:]
        return claimed

    async def write(self, claimed: list[int]) -> None:
        """Write, or fail."""
        if self.failures:
            raise self.failures.pop(0)
        self.written += claimed

    async def give_back(self, claimed: list[int]) -> None:
        """Let them be claimed again."""
        self.given_back.append(claimed)
        self.numbers = [*claimed, *self.numbers]


@pytest.mark.parametrize("failure", [None, Hold(0, "paused"), TransientError("away")])
async def test_everything_is_written_in_the_end_and_nothing_twice(
    failure: Exception | None,
) -> None:
    """What a paused run or an absent Zoho stopped is given back and claimed again."""
    waiting = Waiting([1, 2, 3, 4, 5], [failure] if failure else [])
    stop = asyncio.Event()
    running = asyncio.create_task(Releaser(waiting, interval_s=0.01).run(stop))
    await eventually(lambda: len(waiting.written) == 5)
    stop.set()
    await running
    assert waiting.written == [1, 2, 3, 4, 5]
    assert waiting.given_back == ([[1, 2]] if failure else [])


async def test_a_destination_that_names_a_time_is_left_alone_until_then() -> None:
    """The pause is what was asked for, a minute at most."""
    for asked_s, pause_s in ((5.0, 5.0), (3600.0, 60.0), (None, 0.5)):
        away = TransientError("away", retry_after_s=asked_s)
        releaser = Releaser(Waiting([1], [away]), interval_s=0.5)
        assert await releaser._release_some() == pause_s


async def test_a_claim_that_cannot_be_given_back_runs_out_by_itself() -> None:
    """PostgreSQL may be what is away: the releaser goes on."""

    class Gone(Waiting):
        async def give_back(self, claimed: list[int]) -> None:
            raise TransientError("away")

    assert await Releaser(Gone([1], [Hold(0, "paused")]), interval_s=0.5)._release_some() == 0.5
