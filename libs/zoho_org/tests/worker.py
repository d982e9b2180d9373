"""One client process of a test: opens the shared client and calls as fast as it may."""

import asyncio
import sys
from typing import Any

import orjson
from bridgework_store.pool import StoreSettings, open_pool
from bridgework_store.sealing import TenantKey, TenantSealer
from bridgework_zoho.settings import ZohoSettings
from bridgework_zoho_org import open_zoho
from pydantic import SecretStr


async def main(job: dict[str, Any]) -> None:
    """Do the calls of one process and print how they were answered."""
    statuses: dict[str, int] = {}

    def count(report: Any) -> None:
        statuses[str(report.http_status)] = statuses.get(str(report.http_status), 0) + 1

    sealer = TenantSealer(TenantKey(bytes.fromhex(job["key"])))
    pool_settings = StoreSettings(dsn=SecretStr(job["dsn"]), max_size=5)
    settings = ZohoSettings(backoff_base_s=0.01, daily_credits=job["daily_credits"])
    async with (
        open_pool(pool_settings) as pool,
        open_zoho(pool, job["zoho"], sealer, settings=settings, on_call=count) as zoho,
    ):

        async def work(at: int) -> None:
            for number in range(job["calls"] // job["tasks"]):
                if (at + number) % 3 == 0:
                    await zoho.records.insert("Leads", [{"Last_Name": "x"}] * 11)  # heavy
                elif (at + number) % 3 == 1:
                    await zoho.records.insert("Leads", [{"Last_Name": "x"}])
                else:
                    await zoho.records.count("Leads")

        async with asyncio.TaskGroup() as tasks:
            for at in range(job["tasks"]):
                tasks.create_task(work(at))
    sys.stdout.write(orjson.dumps(statuses).decode())


if __name__ == "__main__":
    asyncio.run(main(orjson.loads(sys.stdin.read())))
