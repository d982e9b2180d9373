"""How fast the local Zoho is: its own process, real HTTP, Contacts of 15 fields, 100 per write.

    python tests/load/bench_sandbox.py [--records 60000] [--connections 8]

The first line is the insert rate: records/s, p95 of a call in ms, peak RSS of the sandbox, the
ratio to 15,000 records/s, and records per second of processor time of the sandbox. Then a line
for each other way a run writes and reads back: update, upsert, pages of 200, COQL pages of 2,000,
reads by id, bulk read. Processor time is the sandbox's own, whoever shares the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import random
import statistics
import subprocess
import sys
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import orjson

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

T = TypeVar("T")
TARGET_RECORDS_PER_S = 15_000
PER_CALL = 100
PER_PAGE = 200
PER_QUERY = 2_000
IDS_PER_CALL = 50
FIELDS = (
    {"field_label": "Source Patient ID", "data_type": "text", "unique": {"case_sensitive": False}},
    {"field_label": "Subscriber ID", "data_type": "text"},
    {"field_label": "Group Number", "data_type": "text"},
    {
        "field_label": "Patient Status",
        "data_type": "picklist",
        "pick_list_values": [{"display_value": "Active"}, {"display_value": "Inactive"}],
    },
    {"field_label": "Source Created At", "data_type": "datetime"},
)
FIRST = ("Ada", "Ben", "Chloë", "Dev", "Eve", "Finn", "Gus", "Hana")
LAST = ("Okafor", "Nguyen", "Smith", "García", "Novak", "Ito", "Rossi", "Khan")


def contact(number: int, source: random.Random) -> dict[str, Any]:
    """Return one made-up patient of 15 fields."""
    first, last = source.choice(FIRST), source.choice(LAST)
    day = f"{source.randint(1, 28):02d}"
    return {
        "First_Name": first,
        "Last_Name": last,
        "Email": f"patient{number}@example.com",
        "Phone": f"(555) 01{number % 100:02d}-{number % 10_000:04d}",
        "Mobile": f"+1 555-01{number % 100:02d}-{number % 10_000:04d}",
        "Date_of_Birth": f"{source.randint(1930, 2020)}-{source.randint(1, 12):02d}-{day}",
        "Mailing_Street": f"{source.randint(1, 9999)} Main Street",
        "Mailing_City": "Springfield",
        "Mailing_State": "OH",
        "Mailing_Zip": f"{source.randint(10000, 99999)}",
        "Source_Patient_ID": f"P{number:08d}",
        "Subscriber_ID": f"S{source.randint(10**8, 10**9)}",
        "Group_Number": f"G{source.randint(1000, 9999)}",
        "Patient_Status": "Active",
        "Source_Created_At": f"2021-03-{day}T09:30:00-05:00",
    }


NAMES = tuple(contact(0, random.Random(0)))


def body(rows: list[dict[str, Any]], **more: Any) -> bytes:
    """Return the body of a silent write."""
    return orjson.dumps(
        {"data": rows, "trigger": [], "skip_feature_execution": [{"name": "cadences"}], **more}
    )


@contextmanager
def sandbox(folder: Path) -> Iterator[tuple[str, int]]:
    """Run a sandbox process with its data in ``folder``; yield (base URL, process id)."""
    command = [sys.executable, "-m", "bridgework_zoho_sandbox", "--port", "0"]
    with subprocess.Popen(
        [*command, "--data", str(folder), "--announce"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            yield json.loads(line)["url"], process.pid
        finally:
            process.terminate()


def peak_rss_mib(pid: int) -> float:
    """Return a process's peak resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")


def cpu_s(pid: int) -> float:
    """Return the processor time a process has used: what it costs, whoever shares the machine."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def prepare(client: httpx.AsyncClient) -> None:
    """Create an org with room for the run and put a token into the client."""
    wanted = {"edition": "ultimate", "seats": 100, "settings": {"credits_override": 10**9}}
    org = (await client.post("/sandbox/orgs", json=wanted)).json()
    form = {"grant_type": "refresh_token"} | {
        key: org[key] for key in ("client_id", "client_secret", "refresh_token")
    }
    token = (await client.post("/oauth/v2/token", data=form)).json()["access_token"]
    client.headers["Authorization"] = f"Zoho-oauthtoken {token}"
    client.headers["Content-Type"] = "application/json"
    answer = await client.post(
        "/crm/v8/settings/fields", params={"module": "Contacts"}, json={"fields": FIELDS}
    )
    answer.raise_for_status()


@dataclass
class Load:
    """A client, its sandbox and what has been written so far."""

    client: httpx.AsyncClient
    pid: int
    connections: int
    rows: list[dict[str, Any]]
    ids: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one call that must succeed; remember how long it took, in milliseconds."""
        began = time.perf_counter()
        answer = await self.client.request(method, path, **options)
        self.times.append((time.perf_counter() - began) * 1000)
        if answer.status_code not in {200, 201}:
            raise RuntimeError(f"{answer.status_code}: {answer.text[:200]}")
        return answer

    async def share(self, jobs: list[Callable[[], Awaitable[None]]]) -> None:
        """Run jobs, as many at a time as there are connections."""

        async def worker() -> None:
            while jobs:
                await jobs.pop()()

        await asyncio.gather(*(worker() for _ in range(self.connections)))

    async def measure(self, what: str, work: Awaitable[int]) -> dict[str, Any]:
        """Return one line of figures about ``work``, which says how many records it moved."""
        self.times.clear()
        cpu, began = cpu_s(self.pid), time.perf_counter()
        records = await work
        seconds = time.perf_counter() - began
        spent = cpu_s(self.pid) - cpu
        return {
            "what": what,
            "records": records,
            "seconds": round(seconds, 2),
            "records_per_s": round(records / seconds),
            "p95_ms": round(statistics.quantiles([*self.times, *self.times], n=20)[-1], 1),
            "records_per_sandbox_cpu_s": round(records / max(spent, 0.01)),
        }

    def _writes(
        self, method: str, path: str, bodies: list[bytes]
    ) -> list[Callable[[], Awaitable[None]]]:
        async def send(content: bytes) -> None:
            await self.call(method, path, content=content)

        return [partial(send, content) for content in bodies]

    async def insert(self) -> int:
        """Insert every row."""
        bodies = [body(some) for some in batches(self.rows, PER_CALL)]
        await self.share(self._writes("POST", "/crm/v8/Contacts", bodies))
        return len(self.rows)

    async def update(self) -> int:
        """Change two fields of every record."""
        rows = [{"id": one, "Mailing_City": "Dayton", "Group_Number": "G1"} for one in self.ids]
        bodies = [body(some) for some in batches(rows, PER_CALL)]
        await self.share(self._writes("PUT", "/crm/v8/Contacts", bodies))
        return len(rows)

    async def upsert(self) -> int:
        """Send every row again, found by its unique field."""
        bodies = [
            body(some, duplicate_check_fields=["Source_Patient_ID"])
            for some in batches(self.rows, PER_CALL)
        ]
        await self.share(self._writes("POST", "/crm/v8/Contacts/upsert", bodies))
        return len(self.rows)

    async def pages(self) -> int:
        """Walk the list by page tokens."""
        params = {"fields": ",".join(NAMES), "per_page": str(PER_PAGE)}
        found = 0
        for _ in range(len(self.rows) // PER_PAGE + 1):
            answer = (await self.call("GET", "/crm/v8/Contacts", params=params)).json()
            found += len(answer["data"])
            if not answer["info"]["more_records"]:
                break
            params["page_token"] = answer["info"]["next_page_token"]
        return found

    async def coql(self) -> int:
        """Walk the module by id and keep the ids."""
        last = "0"
        for _ in range(len(self.rows) // PER_QUERY + 1):
            query = f"select {','.join(NAMES)} from Contacts where id > {last} order by id asc"
            sent = orjson.dumps({"select_query": f"{query} limit {PER_QUERY}"})
            answer = await self.call("POST", "/crm/v8/coql", content=sent)
            if answer.status_code != httpx.codes.OK:
                break
            found = orjson.loads(answer.content)
            self.ids.extend(row["id"] for row in found["data"])
            last = self.ids[-1]
            if not found["info"]["more_records"]:
                break
        return len(self.ids)

    async def by_id(self) -> int:
        """Read every record by its id, 50 a call."""

        async def read(some: list[str]) -> None:
            params = {"ids": ",".join(some), "fields": ",".join(NAMES)}
            await self.call("GET", "/crm/v8/Contacts", params=params)

        await self.share([partial(read, some) for some in batches(self.ids, IDS_PER_CALL)])
        return len(self.ids)

    async def bulk_read(self) -> int:
        """Export the module as one bulk read."""
        query = {"module": {"api_name": "Contacts"}, "fields": ["id", *NAMES], "page": 1}
        made = await self.call("POST", "/crm/bulk/v8/read", json={"query": query})
        job = made.json()["data"][0]["details"]["id"]
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            shown = (await self.call("GET", f"/crm/bulk/v8/read/{job}")).json()["data"][0]
            if shown["state"] == "COMPLETED":
                break
            await asyncio.sleep(0.05)
        answer = await self.call("GET", f"/crm/bulk/v8/read/{job}/result")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            [name] = archive.namelist()
            return archive.read(name).count(b"\n") - 1


def batches(items: list[T], size: int) -> list[list[T]]:
    """Cut a list into pieces of at most ``size``."""
    return [items[at : at + size] for at in range(0, len(items), size)]


def show(figures: dict[str, Any]) -> None:
    """Print one line of figures."""
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


async def drive(url: str, pid: int, records: int, connections: int) -> None:
    """Run every phase and print its figures."""
    source = random.Random(7)
    rows = [contact(number, source) for number in range(records)]
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx.AsyncClient(base_url=url, timeout=60.0, limits=limits) as client:
        await prepare(client)
        load = Load(client, pid, connections, rows)
        inserted = await load.measure("insert", load.insert())
        ratio = inserted["records_per_s"] / TARGET_RECORDS_PER_S
        mib = round(peak_rss_mib(pid), 1)
        show({**inserted, "ratio_to_target": round(ratio, 2), "peak_rss_mib": mib})
        show(await load.measure("coql pages of 2,000", load.coql()))
        show(await load.measure("list pages of 200", load.pages()))
        show(await load.measure("read by id", load.by_id()))
        show(await load.measure("update", load.update()))
        show(await load.measure("upsert", load.upsert()))
        show(await load.measure("bulk read", load.bulk_read()))


def main() -> None:
    """Run and print the figures, a line for each phase."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=60_000)
    parser.add_argument("--connections", type=int, default=8)
    args = parser.parse_args()
    with TemporaryDirectory() as folder, sandbox(Path(folder)) as (url, pid):
        asyncio.run(drive(url, pid, args.records, args.connections))


if __name__ == "__main__":
    main()
