"""The shared ledger against the local Zoho's own meter, to the credit, roll-over included."""

import contextlib
import random
from datetime import datetime, timedelta

import pytest
from bridgework_store.pool import Pool
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.errors import CreditsExhausted, RequestRefused, WriteOutcomeUnknown
from bridgework_zoho.local import LocalOrg, LocalZoho
from bridgework_zoho.memory import InMemorySlotLimiter, InMemoryTokenStore
from bridgework_zoho.settings import ZohoSettings
from bridgework_zoho.suites import MovableClock
from bridgework_zoho_org import PgCreditLedger

STEPS = 40


async def step(zoho: ZohoClient, org: LocalOrg, kind: str, size: int) -> None:
    """Do one thing; ``size`` decides how much of it."""
    rows = [{"Last_Name": "x"}] * size
    match kind:
        case "insert":
            await zoho.records.insert("Leads", rows)
        case "refused":
            with pytest.raises(RequestRefused):
                await zoho.coql("select nothing from Leads where id is not null")
        case "coql":
            await zoho.coql(f"select id from Leads where id is not null limit {size * 20}")
        case "throttled":
            await org.fault(kind="too_many", times=2)
            await zoho.records.count("Leads")
        case "lost":
            await org.fault(kind="drop", when="after", times=1)
            with pytest.raises(WriteOutcomeUnknown):
                await zoho.records.insert("Leads", rows)
        case _:
            await zoho.records.count("Leads")


@pytest.mark.parametrize(("seed", "allowance"), [(1, 100_000), (2, 100_000), (3, 60), (4, 60)])
async def test_ledger_and_meter_agree_to_the_credit(
    local_zoho: LocalZoho, pool: Pool, seed: int, allowance: int
) -> None:
    """Random mixes; the small allowance runs out, and half of it shows the header."""
    source = random.Random(seed)
    org = await local_zoho.create_org(settings={"credits_override": allowance})
    clock = MovableClock(await org.freeze())
    ledger = PgCreditLedger(
        pool, org.connection.org_id, allowance, resolution=timedelta(seconds=1), clock=clock
    )

    async def pass_time(seconds: int) -> None:
        moment = await org.advance(float(seconds))
        clock.now = datetime.fromtimestamp(moment.timestamp(), tz=moment.tzinfo)

    async with ZohoClient(
        org.connection,
        tokens=InMemoryTokenStore(clock=clock),
        credits=ledger,
        slots=InMemorySlotLimiter(20),
        settings=ZohoSettings(backoff_base_s=0.005),
        clock=clock,
    ) as zoho:
        for _ in range(STEPS):
            kind = source.choice(["insert", "refused", "coql", "throttled", "lost", "count"])
            await pass_time(source.choice([0, 1, 600, 3_600, 20_000]))
            with contextlib.suppress(CreditsExhausted):
                await step(zoho, org, kind, source.randint(1, 100))
            await org.clear_faults()
            used = (await org.meters())["credits"]["used"]
            assert await ledger.spent() == used, f"after {kind}"
        await pass_time(86_400)
        assert (await ledger.spent(), (await org.meters())["credits"]["used"]) == (0, 0)
