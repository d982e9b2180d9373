"""Staying inside what an org allows: calls in flight, and credits to the last one."""

import asyncio
from datetime import datetime
from typing import Any

import pytest
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.errors import RequestRefused, WriteOutcomeUnknown
from bridgework_zoho.local import LocalOrg, LocalZoho
from bridgework_zoho.memory import InMemoryCreditLedger, InMemorySlotLimiter, InMemoryTokenStore
from bridgework_zoho.notes import NewNote
from bridgework_zoho.settings import ZohoSettings
from bridgework_zoho.suites import MovableClock
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

TASKS, CALLS = 50, 10_000
QUICK = ZohoSettings(backoff_base_s=0.005, attachment_verify_size=False)


@pytest.mark.timeout(300)
async def test_fifty_tasks_and_ten_thousand_calls_meet_no_429(local_zoho: LocalZoho) -> None:
    """Never more in flight than Enterprise allows, heavy calls apart, and nothing refused."""
    org = await local_zoho.create_org(settings={"credits_override": 1_000_000})
    # Latency makes calls overlap as they do over a real network.
    await org.fault(kind="latency", latency={"distribution": "exponential", "mean_s": 0.04})
    statuses: dict[int | None, int] = {}

    def count(report: Any) -> None:
        statuses[report.http_status] = statuses.get(report.http_status, 0) + 1

    async with ZohoClient(
        org.connection,
        tokens=InMemoryTokenStore(),
        credits=InMemoryCreditLedger(1_000_000),
        slots=InMemorySlotLimiter(20, 10),
        settings=QUICK,
        on_call=count,
    ) as zoho:

        async def work(at: int) -> None:
            for number in range(CALLS // TASKS):
                if (at + number) % 3 == 0:
                    await zoho.records.insert("Leads", [{"Last_Name": "x"}] * 11)  # heavy
                elif (at + number) % 3 == 1:
                    await zoho.records.insert("Leads", [{"Last_Name": "x"}])
                else:
                    await zoho.records.count("Leads")

        async with asyncio.TaskGroup() as tasks:
            for at in range(TASKS):
                tasks.create_task(work(at))
    gate = (await org.meters())["concurrency"][org.connection.client_id]
    assert set(statuses) == {200, 201}
    assert sum(statuses.values()) == CALLS
    assert gate["refused"] == 0
    assert 15 <= gate["highest"] <= 20, "the allowed concurrency was not used"
    assert gate["highest_heavy"] == 10


class Mix:
    """A client whose ledger and clock are compared with the org's after every step."""

    def __init__(self, org: LocalOrg, zoho: ZohoClient, ledger: Any, clock: MovableClock) -> None:
        self.org = org
        self.zoho = zoho
        self.ledger = ledger
        self.clock = clock
        self.ids: list[str] = []

    async def step(self, kind: str, size: int) -> None:
        """Do one thing; ``size`` decides how much of it."""
        await getattr(self, f"_{kind}")(size)

    async def _insert(self, size: int) -> None:
        results = await self.zoho.records.insert("Leads", self._rows(size))
        self.ids.extend(one.id or "" for one in results)

    async def _upsert(self, size: int) -> None:
        await self.zoho.records.upsert("Leads", self._rows(size), ["Email"])

    async def _all_bad(self, size: int) -> None:
        results = await self.zoho.records.insert("Leads", [{"Email": "x"}] * size)
        assert not any(one.ok for one in results)

    async def _update(self, size: int) -> None:
        some = self.ids[:size] or ["1"]
        await self.zoho.records.update("Leads", [{"id": one, "City": "y"} for one in some])

    async def _delete(self, size: int) -> None:
        some, self.ids = self.ids[:size], self.ids[size:]
        await self.zoho.records.delete("Leads", some or ["1"])

    async def _mass_delete(self, size: int) -> None:
        some, self.ids = self.ids[: size * 3], self.ids[size * 3 :]
        await self.zoho.records.mass_delete("Leads", some or ["1"])

    async def _notes(self, size: int) -> None:
        parent = (self.ids or ["1"])[0]
        await self.zoho.notes.create([NewNote("Leads", parent, "text")] * size)

    async def _coql(self, size: int) -> None:
        await self.zoho.coql(f"select id from Leads where id is not null limit {size * 20}")

    async def _read(self, size: int) -> None:
        await self.zoho.records.get("Leads", self.ids[:size] or ["1"], ["Last_Name"])
        await self.zoho.records.count("Leads")
        async for _ in self.zoho.records.deleted("Leads"):
            break

    async def _schema(self, size: int) -> None:
        await self.zoho.meta.fields("Leads")
        await self.zoho.meta.layouts("Leads") if size % 2 else await self.zoho.meta.modules()

    async def _refused(self, size: int) -> None:
        with pytest.raises(RequestRefused):
            await self.zoho.coql(f"select nothing from Leads where id is not null limit {size}")

    async def _expired_token(self, size: int) -> None:
        del size
        await self.org.expire_tokens()
        await self.zoho.records.count("Leads")

    async def _throttled(self, size: int) -> None:
        await self.org.fault(kind="too_many", times=1 + size % 2)
        await self.zoho.records.count("Leads")
        await self.org.clear_faults()

    async def _lost_answer(self, size: int) -> None:
        await self.org.fault(kind="drop", when="after", times=1)
        with pytest.raises(WriteOutcomeUnknown):
            await self.zoho.records.insert("Leads", self._rows(size))
        await self.org.clear_faults()

    async def _wait(self, size: int) -> None:
        await self.pass_time(size * 600)

    async def _wait_a_day(self, size: int) -> None:
        await self.pass_time(86_400 - 100 + size)

    async def pass_time(self, seconds: int) -> None:
        """Let both clocks move alike."""
        moment = await self.org.advance(float(seconds))
        self.clock.now = datetime.fromtimestamp(moment.timestamp(), tz=moment.tzinfo)

    @staticmethod
    def _rows(size: int) -> list[dict[str, Any]]:
        return [{"Last_Name": "x", "Email": f"a{at}@b.co"} for at in range(size)]


KINDS = sorted(name[1:] for name in vars(Mix) if name.startswith("_") and not name.startswith("__"))
KINDS.remove("rows")
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 100)), min_size=20, max_size=30)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
async def test_ledger_and_meter_agree_to_the_credit(
    local_zoho: LocalZoho, steps: list[tuple[str, int]]
) -> None:
    """For any mix of calls, failures and passing time, window roll-over included."""
    org = await local_zoho.create_org(settings={"credits_override": 100_000})
    clock = MovableClock(await org.freeze())
    ledger = InMemoryCreditLedger(100_000, clock=clock)
    async with ZohoClient(
        org.connection,
        tokens=InMemoryTokenStore(clock=clock),
        credits=ledger,
        slots=InMemorySlotLimiter(20),
        settings=QUICK,
        clock=clock,
    ) as zoho:
        mix = Mix(org, zoho, ledger, clock)
        for kind, size in steps:
            # Ten new tokens in ten minutes are soon used up by a test that kills them.
            await mix.pass_time(120)
            await mix.step(kind, size)
            used = (await org.meters())["credits"]["used"]
            assert ledger.spent == used, f"after {kind} of {size}"
        await mix.pass_time(86_400)
        assert (ledger.spent, (await org.meters())["credits"]["used"]) == (0, 0)
