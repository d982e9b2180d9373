"""Staying inside what an org allows: calls in flight, and credits to the last one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from bridgework_zoho.bulk_files import pack_rows
from bridgework_zoho.bulk_write import BulkColumn
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.composite import SubRequest
from bridgework_zoho.costs import Operation
from bridgework_zoho.errors import CreditsExhausted, RequestRefused, WriteOutcomeUnknown
from bridgework_zoho.local import LocalOrg, LocalZoho
from bridgework_zoho.memory import InMemoryCreditLedger, InMemorySlotLimiter, InMemoryTokenStore
from bridgework_zoho.meta import NewField, NewModule
from bridgework_zoho.notes import NewNote
from bridgework_zoho.settings import ZohoSettings
from bridgework_zoho.suites import MovableClock
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

TASKS, CALLS = 50, 10_000
QUICK = ZohoSettings(backoff_base_s=0.005, bulk_poll_interval_s=0.01)
# Downloads of bulk results are paced by a real clock; these mixes have few of them.


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
        self.made = 0

    async def step(self, kind: str, size: int) -> None:
        """Do one thing; ``size`` decides how much of it."""
        await getattr(self, f"_{kind}")(size)

    async def _insert(self, size: int) -> None:
        results = await self.zoho.records.insert("Leads", self.rows(size))
        self.ids.extend(one.id or "" for one in results)

    async def _upsert(self, size: int) -> None:
        await self.zoho.records.upsert("Leads", self.rows(size), ["Email"])

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

    async def _bring_back(self, size: int) -> None:
        async for page in self.zoho.recycle_bin.list():
            for one in await self.zoho.recycle_bin.restore([row["id"] for row in page.rows[:size]]):
                assert one.ok
            return

    async def _notes(self, size: int) -> None:
        notes = [NewNote("Leads", await self.parent(), "text")] * size
        made = [one.id for one in await self.zoho.notes.create(notes) if one.id]
        changed = [{"id": one, "Note_Content": "other"} for one in made]
        assert all(one.ok for one in await self.zoho.notes.update(changed))
        async for _ in self.zoho.notes.list():
            pass
        assert all(one.ok for one in await self.zoho.notes.delete(made))

    async def _attachment(self, size: int) -> None:
        parent = await self.parent()
        sent = await self.zoho.attachments.upload(
            "Leads", parent, "a.txt", lambda: _content(size), size
        )
        assert sent.listed_size_bytes == size
        found = sent.result.id or ""
        async with self.zoho.attachments.download("Leads", parent, found) as file:
            assert [chunk async for chunk in file.chunks()] == [b"x" * size]
        assert (await self.zoho.attachments.delete("Leads", parent, found)).ok

    async def _file(self, size: int) -> None:
        sent = await self.zoho.files.upload("a.txt", lambda: _content(size), size)
        async with self.zoho.files.download(sent.id or "") as file:
            assert [chunk async for chunk in file.chunks()] == [b"x" * size]

    async def _coql(self, size: int) -> None:
        await self.zoho.coql(f"select id from Leads where id is not null limit {size * 20}")

    async def _read(self, size: int) -> None:
        await self.zoho.records.get("Leads", self.ids[:size] or ["1"], ["Last_Name"])
        await self.zoho.records.get_one("Leads", (self.ids or ["1"])[0])
        await self.zoho.records.count("Leads")
        async for _ in self.zoho.records.deleted("Leads"):
            break

    async def _list(self, size: int) -> None:
        sort_by: Any = "Created_Time" if size % 2 else None
        async for _ in self.zoho.records.list("Leads", ["Last_Name"], sort_by=sort_by):
            pass

    async def _bulk_read(self, size: int) -> None:
        del size
        job = await self.zoho.bulk_read.wait(await self.zoho.bulk_read.create("Leads", ["id"]))
        assert job.state == "COMPLETED"

    async def _bulk_write(self, size: int) -> None:
        packed = await pack_rows(["Last_Name"], [["bulk"]] * size, name="leads")
        file_id = await self.zoho.bulk_write.upload(packed)
        packed.close()
        job_id = await self.zoho.bulk_write.create(
            "Leads",
            file_id,
            [BulkColumn("Last_Name")],
            file_name=packed.file_name,
            operation="insert",
        )
        assert (await self.zoho.bulk_write.wait(job_id)).ended

    async def _composite(self, size: int) -> None:
        body = {"data": [{"Last_Name": "x"} if size % 3 else {"City": "y"}]}
        sub = SubRequest(Operation.RECORDS_INSERT, "POST", "/Leads", "a", body=body)
        await self.zoho.composite([sub], rollback_on_fail=size % 2 == 0)

    async def _people(self, size: int) -> None:
        del size
        [user] = [one async for one in self.zoho.users.list("CurrentUser")]
        assert await self.zoho.users.get(user.id) == user
        assert (await self.zoho.users.update(user.id, {"last_name": "Other"})).ok
        await self.zoho.org.get()

    async def _schema(self, size: int) -> None:
        await self.zoho.meta.fields("Leads")
        await self.zoho.meta.modules()
        await self.zoho.meta.related_lists("Leads")
        (layout,) = await self.zoho.meta.layouts("Deals")
        await self.zoho.meta.pipelines(layout.id)
        assert await self.zoho.meta.price_list()
        if size % 2:
            await self.zoho.meta.module("Deals")

    async def _new_fields(self, size: int) -> None:
        fields = [self.new_field() for _ in range(size % 7 + 1)]
        made = await self.zoho.meta.create_fields("Leads", fields)
        assert all(one.ok for one in made)
        first = made[0].id or ""
        changed = await self.zoho.meta.update_field(
            "Leads", first, {"field_label": f"Changed {self.made}"}
        )
        assert changed.ok
        assert (await self.zoho.meta.delete_field("Leads", first)).ok

    async def _new_module(self, size: int) -> None:
        del size
        self.made += 1
        name = f"Mixed{self.made}"
        profile = (await self.zoho.meta.profiles())[0]["id"]
        new = NewModule(
            api_name=name, singular_label=name, plural_label=f"{name}s", profile_ids=[profile]
        )
        assert (await self.zoho.meta.create_module(new)).ok

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
            await self.zoho.records.insert("Leads", self.rows(size))
        await self.org.clear_faults()

    async def _failed_after(self, size: int) -> None:
        await self.org.fault(kind="error", when="after", status=502, times=1)
        with pytest.raises(WriteOutcomeUnknown):
            await self.zoho.records.insert("Leads", self.rows(size))
        await self.org.clear_faults()

    async def _wait(self, size: int) -> None:
        await self.pass_time(size * 600)

    async def _wait_a_day(self, size: int) -> None:
        await self.pass_time(86_400 - 100 + size)

    async def pass_time(self, seconds: int) -> None:
        """Let both clocks move alike."""
        moment = await self.org.advance(float(seconds))
        self.clock.now = datetime.fromtimestamp(moment.timestamp(), tz=moment.tzinfo)

    async def parent(self) -> str:
        """Return a lead that exists now."""
        (made,) = await self.zoho.records.insert("Leads", [{"Last_Name": "parent"}])
        return made.id or ""

    def new_field(self) -> NewField:
        """Return a field nobody has made yet."""
        self.made += 1
        return NewField(label=f"Mixed {self.made}", data_type="text")

    @staticmethod
    def rows(size: int) -> list[dict[str, Any]]:
        """Return leads with e-mail addresses."""
        return [{"Last_Name": "x", "Email": f"a{at}@b.co"} for at in range(size)]


async def _content(size: int) -> AsyncIterator[bytes]:
    yield b"x" * size


KINDS = sorted(name[1:] for name in vars(Mix) if name.startswith("_") and not name.startswith("__"))
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 100)), min_size=20, max_size=30)
ALLOWANCES = st.sampled_from([100_000, 2_500])


@asynccontextmanager
async def mixing(
    local_zoho: LocalZoho, allowance: int, on_call: Callable[[Any], None] | None = None
) -> AsyncIterator[Mix]:
    """Open a client whose clock and the org's stand still but for ``pass_time``."""
    org = await local_zoho.create_org(
        edition="ultimate",
        settings={"credits_override": allowance, "bulk_start_delay_s": 0},
    )
    clock = MovableClock(await org.freeze())
    ledger = InMemoryCreditLedger(allowance, clock=clock)
    async with ZohoClient(
        org.connection,
        tokens=InMemoryTokenStore(clock=clock),
        credits=ledger,
        slots=InMemorySlotLimiter(20),
        settings=QUICK,
        on_call=on_call,
        clock=clock,
    ) as zoho:
        yield Mix(org, zoho, ledger, clock)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS, allowance=ALLOWANCES)
async def test_ledger_and_meter_agree_to_the_credit(
    local_zoho: LocalZoho, steps: list[tuple[str, int]], allowance: int
) -> None:
    """For any mix of calls, failures and passing time, window roll-over included.

    The small allowance runs out now and then: what is not there is not sent.
    """
    async with mixing(local_zoho, allowance) as mix:
        for kind, size in steps:
            # Ten new tokens in ten minutes are soon used up by a test that kills them.
            await mix.pass_time(120)
            with contextlib.suppress(CreditsExhausted):
                await mix.step(kind, size)
            await mix.org.clear_faults()
            used = (await mix.org.meters())["credits"]["used"]
            assert mix.ledger.spent == used, f"after {kind} of {size}"
        await mix.pass_time(86_400)
        assert (mix.ledger.spent, (await mix.org.meters())["credits"]["used"]) == (0, 0)


async def test_every_operation_works_and_costs_what_the_table_says(local_zoho: LocalZoho) -> None:
    """Each line of the cost table is called once at least; log, meter and ledger tell one price."""
    called: dict[str, int] = {}

    def count(report: Any) -> None:
        called[report.operation] = called.get(report.operation, 0) + report.credits

    async with mixing(local_zoho, 100_000, count) as mix:
        await mix.step("insert", 30)
        for kind in KINDS:
            for size in (5, 6):
                await mix.pass_time(120)
                await mix.step(kind, size)
                used = (await mix.org.meters())["credits"]["used"]
                assert mix.ledger.spent == used, f"after {kind} of {size}"
    # Fetching bulk results is shown in test_against_sandbox: it is paced by a real clock.
    fetched = {Operation.BULK_READ_RESULT, Operation.BULK_WRITE_RESULT}
    assert set(called) == {one.value for one in set(Operation) - fetched}
