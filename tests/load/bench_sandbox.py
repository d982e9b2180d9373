"""How fast the local Zoho takes inserts: its own process, real HTTP, 100 Contacts per call.

    python tests/load/bench_sandbox.py [--records 60000] [--connections 8]

Prints records/s, p95 of a call in ms, peak RSS of the sandbox, the ratio to 15,000 records/s, and
records per second of processor time of the sandbox (start included).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import httpx
import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET_RECORDS_PER_S = 15_000
PER_CALL = 100
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


def bodies(records: int) -> list[bytes]:
    """Return the request bodies, made before the clock starts."""
    source = random.Random(7)
    return [
        orjson.dumps(
            {
                "data": [contact(n, source) for n in range(start, start + PER_CALL)],
                "trigger": [],
                "skip_feature_execution": [{"name": "cadences"}],
            }
        )
        for start in range(0, records, PER_CALL)
    ]


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
    answer = await client.post(
        "/crm/v8/settings/fields", params={"module": "Contacts"}, json={"fields": FIELDS}
    )
    answer.raise_for_status()


async def drive(url: str, records: int, connections: int) -> tuple[float, list[float]]:
    """Send every body over several connections; return seconds and each call's milliseconds."""
    waiting = bodies(records)
    times: list[float] = []

    async def worker(client: httpx.AsyncClient) -> None:
        while waiting:
            body = waiting.pop()
            began = time.perf_counter()
            answer = await client.post(
                "/crm/v8/Contacts", content=body, headers={"content-type": "application/json"}
            )
            times.append((time.perf_counter() - began) * 1000)
            if answer.status_code != httpx.codes.CREATED:
                raise RuntimeError(f"{answer.status_code}: {answer.text[:200]}")

    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx.AsyncClient(base_url=url, timeout=60.0, limits=limits) as client:
        await prepare(client)
        began = time.perf_counter()
        await asyncio.gather(*(worker(client) for _ in range(connections)))
        return time.perf_counter() - began, times


def main() -> None:
    """Run and print one line of figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=60_000)
    parser.add_argument("--connections", type=int, default=8)
    args = parser.parse_args()
    with TemporaryDirectory() as folder, sandbox(Path(folder)) as (url, pid):
        seconds, times = asyncio.run(drive(url, args.records, args.connections))
        rate = args.records / seconds
        figures = {
            "records": args.records,
            "connections": args.connections,
            "seconds": round(seconds, 2),
            "records_per_s": round(rate),
            "p95_ms": round(statistics.quantiles(times, n=20)[-1], 1),
            "peak_rss_mib": round(peak_rss_mib(pid), 1),
            "ratio_to_target": round(rate / TARGET_RECORDS_PER_S, 2),
            "records_per_sandbox_cpu_s": round(args.records / cpu_s(pid)),
        }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
