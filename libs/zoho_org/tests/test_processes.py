"""Real processes against the local Zoho, sharing one org through one PostgreSQL."""

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from bridgework_store.pool import Pool
from bridgework_store.sealing import TenantSealer
from bridgework_zoho.local import LocalOrg, LocalZoho
from bridgework_zoho.settings import ZohoSettings
from bridgework_zoho_org import PgCreditLedger, open_zoho

PROCESSES, CALLS = 4, 10_000
ALLOWANCE = 1_000_000


def connection_of(org: LocalOrg) -> dict[str, Any]:
    """The connection as a tenant's record holds it, secrets in the clear."""
    found = org.connection.model_dump(mode="json")
    found["client_secret"] = org.connection.client_secret.get_secret_value()
    found["refresh_token"] = org.connection.refresh_token.get_secret_value()
    return found


async def run_worker(job: dict[str, Any]) -> Counter[str]:
    """Run one process to its end; returns its HTTP statuses."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("worker.py")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(orjson.dumps(job))
    assert process.returncode == 0, err.decode()[-3000:]
    return Counter(orjson.loads(out))


@pytest.mark.timeout(300)
async def test_four_processes_share_one_org_without_a_429(
    local_zoho: LocalZoho, pool: Pool, database: str
) -> None:
    """10,000 calls: the limits hold, one token serves all, and the ledger equals the meter."""
    org = await local_zoho.create_org(settings={"credits_override": ALLOWANCE})
    await org.fault(kind="latency", latency={"distribution": "exponential", "mean_s": 0.03})
    job = {
        "dsn": database,
        "key": os.urandom(32).hex(),
        "zoho": connection_of(org),
        "daily_credits": ALLOWANCE,
        "calls": CALLS // PROCESSES,
        "tasks": 25,
    }
    counts = await asyncio.gather(*(run_worker(job) for _ in range(PROCESSES)))
    statuses = sum(counts, Counter())
    meters = await org.meters()
    gate = meters["concurrency"][org.connection.client_id]
    assert set(statuses) == {"200", "201"}
    assert sum(statuses.values()) == CALLS + 1, "one process asks for the org, once"
    assert gate["refused"] == 0
    assert 15 <= gate["highest"] <= 20, "the allowed concurrency was not used"
    assert gate["highest_heavy"] <= 10
    ledger = PgCreditLedger(pool, org.connection.org_id, ALLOWANCE)
    assert await ledger.spent() == meters["credits"]["used"]
    minted = await pool.fetchval("select cardinality(minted_at) from zoho_org.grant_token")
    assert minted == 1


async def test_the_org_is_asked_once_a_day_and_sizes_the_budget(
    local_zoho: LocalZoho, pool: Pool, sealer: TenantSealer
) -> None:
    """Twelve openings at once, one question; after a day it is asked again."""
    org = await local_zoho.create_org(edition="professional", seats=3)

    async def open_one() -> None:
        async with open_zoho(pool, connection_of(org), sealer, settings=ZohoSettings()) as zoho:
            assert await zoho.records.count("Leads") == 0

    await asyncio.gather(*(open_one() for _ in range(12)))
    asked = [one["path"] for one in await org.requests()]
    assert sum(path.endswith("/org") for path in asked) == 1
    row = await pool.fetchrow("select edition, licences from zoho_org.org_profile")
    assert row is not None
    assert dict(row) == {"edition": "professional", "licences": 3}
    await pool.execute("update zoho_org.org_profile set read_at = read_at - interval '25 hours'")
    await open_one()
    asked = [one["path"] for one in await org.requests()]
    assert sum(path.endswith("/org") for path in asked) == 2
