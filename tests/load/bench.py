"""``make bench``: records/s, p95, peak memory and the ratio to the stated limits, stage by stage.

The whole road runs as six processes over the embedded log and a sandbox without latency; every
figure is printed with what it was measured on. Nothing here asserts: speed is a claim, not a test.
"""

import argparse
import asyncio
import json
import os
import platform
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from bridgework.api import JobApi
from bridgework.demo.processes import answers, running
from bridgework.demo.sandbox import SandboxOrg, fallback_email, org_users
from bridgework.home import Home
from bridgework.journey import Journey
from bridgework.up import SERVICES, Ports, service_settings
from bridgework_contracts.ids import TenantId
from bridgework_contracts.records import RecordExtracted
from bridgework_contracts.runs import SourceSpec
from bridgework_contracts.topics import Subject, topic_name
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_embedded.postgres import running_postgres
from bridgework_eventlog.opening import open_event_log
from bridgework_eventlog.settings import EventLogSettings
from bridgework_mapping.compile import compile_mapping
from bridgework_mapping.document import MappingDocument
from bridgework_synthetic import generate_rows
from bridgework_testkit.service_process import ServiceProcess
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from rich.console import Console

END_TO_END_AIM = 1500
MEMORY_AIM_MIB = 300
BASE_PORT = 21_000
SANDBOX_PORT = 21_050
TENANT = "bench"


def line(stage: str, rate: float, **more: object) -> None:
    """Print one figure."""
    told = "  ".join(f"{name}={value}" for name, value in more.items())
    print(f"{stage:<34} {rate:>10,.0f} records/s  {told}", flush=True)


def measure_source(export: Path, work: Path) -> int:
    """Measure sealing, canonicalising and mapping; return the number of records."""
    spec = SourceSpec(export_path=str(export))
    began = time.perf_counter()
    opened = open_export(export, work / "work", {})
    snapshot = seal_snapshot(opened, work / "snapshot", seal=secrets.token_bytes(32))
    source = CanonicalSource(snapshot, spec, export=opened)
    rows = sum(snapshot.rows(name) for name in snapshot.tables)
    line("seal (rows)", rows / (time.perf_counter() - began))
    mapper = compile_mapping(
        MappingDocument.default(),
        live_names={},
        owners=(),
        fallback_user_id="1",
        practice_timezone="America/New_York",
    )
    records = 0
    extracting = mapping = 0.0
    for name in source.objects():
        began = time.perf_counter()
        batch = [
            RecordExtracted(
                run_id="run_bench",
                object=record.object,
                key=record.key,
                content_hash=record.content_hash,
                fields=record.fields,
            )
            for record in source.records(name)
        ]
        extracting += time.perf_counter() - began
        began = time.perf_counter()
        for message in batch:
            mapper.write_for(message)
        mapping += time.perf_counter() - began
        records += len(batch)
    line("extract (canonical records)", records / extracting)
    line("transform (mapping)", records / mapping)
    return records


class Processors:
    """Processor seconds per process, children included, between two looks."""

    def __init__(self, pids: Mapping[str, int | None]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items() if pid}
        self._before: dict[str, float] = {}

    def begin(self) -> None:
        """Count from now."""
        self._before = self._now()

    def report(self, records: int) -> None:
        """Print where the time went, the most first."""
        now = self._now()
        spent = {name: now[name] - self._before[name] for name in now}
        for name, seconds in sorted(spent.items(), key=lambda pair: -pair[1]):
            each = 1_000_000 * seconds / records
            print(f"  processor time {name:<12} {seconds:>7.1f} s  {each:>6.0f} us/record")
        print(f"  processor time {'in all':<12} {sum(spent.values()):>7.1f} s", flush=True)

    def _now(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, process in self._processes.items():
            family = [process]
            if process.pid != os.getpid():  # our own children are the other names here
                family += process.children(recursive=True)
            found[name] = sum(sum(one.cpu_times()[:2]) for one in family)
        return found


class Road:
    """Six service processes over embedded PostgreSQL, a sandbox without latency, and one job."""

    def __init__(self, work: Path, dsn: str, api: JobApi) -> None:
        self.api = api
        self.dsn = dsn
        self.org = SandboxOrg(f"http://127.0.0.1:{SANDBOX_PORT}")
        home, ports = Home(work / "home"), Ports(BASE_PORT)
        self.services = {
            name: _service(name, home, dsn, ports, work / f"{name}.log") for name, _, _ in SERVICES
        }

    async def job(self, export: Path) -> str:
        """Walk a job through everything before its full run; return its id."""
        users = org_users(export.parent)
        await self.org.create("bench", users, "America/New_York")
        # Enough credits that no budget hides our own cost.
        await self.org.change_settings({"seats": 2000})
        tenant = {"tenant_id": TENANT, "display_name": "bench", "zoho": self.org.connection}
        await self.api.post("/tenants", tenant)
        journey = Journey(self.api, Console(quiet=True), approver="bench")
        job_id = await journey.create(
            TENANT,
            export,
            fallback_email=fallback_email(users),
            time_zone="America/New_York",
            unit_min=10,
        )
        await journey.prepare(job_id)
        await journey.rehearse(job_id, plans=20)
        return job_id

    async def start(self, job_id: str) -> str:
        """Start the full run; return its id."""
        return str((await self.api.post(f"/jobs/{job_id}/runs", {"kind": "full"}))["run_id"])

    async def end(self, run_id: str) -> tuple[dict[str, Any], float, float]:
        """Follow a run; return it, seconds until all have landed, seconds until it was over."""
        began = time.perf_counter()
        landed_s = 0.0

        def note(run: dict[str, Any]) -> None:
            nonlocal landed_s
            if not landed_s and run["waves"][-1]["state"] == "settled":
                landed_s = time.perf_counter() - began

        run = await self.api.run_ended(run_id, note)
        whole_s = time.perf_counter() - began
        return run, landed_s or whole_s, whole_s

    async def transformed(self, records: int) -> None:
        """Wait until every record has become a write."""
        topic = topic_name(TenantId(TENANT), Subject.WRITES)
        settings = EventLogSettings(kind="embedded", dsn=SecretStr(self.dsn))
        async with open_event_log(settings) as log:
            before = sum((await log.end_offsets([topic])).values())
            wanted = before + records * 0.999
            while sum((await log.end_offsets([topic])).values()) < wanted:  # noqa: ASYNC110 - a log of other processes
                await asyncio.sleep(0.1)
            await asyncio.sleep(1.0)  # the last batch; what could not be mapped is no write


@asynccontextmanager
async def road(work: Path) -> AsyncIterator[tuple[Road, Processors]]:
    """Start everything and stop it again."""
    ports = Ports(BASE_PORT)
    sandbox = ["-m", "bridgework_zoho_sandbox", "--port", str(SANDBOX_PORT)]
    async with (
        running("sandbox", sandbox, work / "sandbox.log") as sandbox_pid,
        running_postgres(work / "postgres", durable=True) as server,
        JobApi(
            f"http://127.0.0.1:{ports.of('control')}", Home(work / "home").secrets().api_key
        ) as api,
    ):
        await answers(f"http://127.0.0.1:{SANDBOX_PORT}/sandbox/health")
        here = Road(work, server.dsn, api)
        await asyncio.gather(*(service.start() for service in here.services.values()))
        pids = {"sandbox": sandbox_pid, "postgresql": server.pid, "bench": os.getpid()}
        pids |= {name: service.pid for name, service in here.services.items()}
        try:
            yield here, Processors(pids)
        finally:
            await here.org.close()
            going = [one for one in here.services.values() if one.pid is not None]
            await asyncio.gather(*(service.stop() for service in going))


async def measure_load(export: Path, work: Path, records: int) -> None:
    """Measure the loader: everything is extracted and mapped before it starts."""
    async with road(work) as (here, _):
        job_id = await here.job(export)
        await here.services["loader"].stop()
        writes = asyncio.create_task(here.transformed(records))
        await asyncio.sleep(0.5)
        run_id = await here.start(job_id)
        await writes
        await here.services["loader"].start()
        run, landed_s, _ = await here.end(run_id)
        line("load (counted, not compared)", records / landed_s, balanced=run["balanced"])


async def measure_road(export: Path, work: Path, records: int) -> None:
    """Measure the full run: end to end, where the time goes, and each service's peak memory."""
    async with road(work) as (here, processors):
        job_id = await here.job(export)
        processors.begin()
        run, landed_s, whole_s = await here.end(await here.start(job_id))
        report = await here.api.get(f"/jobs/{job_id}/report")
        diff = report["runs"][-1]["diff"]
        line(
            "end to end, until all have landed",
            records / landed_s,
            records=records,
            seconds=round(landed_s, 1),
            ratio_to_aim=round(records / landed_s / END_TO_END_AIM, 2),
            balanced=run["balanced"],
        )
        line("read back and compare", diff["compared_records"] / max(diff["seconds"], 0.001))
        line("end to end, diff included", records / whole_s, seconds=round(whole_s, 1))
        processors.report(records)
        for name, service in here.services.items():
            await _report_service(name, service.url)


def _service(name: str, home: Home, dsn: str, ports: Ports, log_path: Path) -> ServiceProcess:
    told = service_settings(
        name,
        home=home,
        dsn=dsn,
        event_log={"kind": "embedded", "dsn": dsn},
        ports=ports,
        log_level="warning",
    )
    env: dict[str, str] = {}
    for key, value in told.items():
        variable = f"{name}_{key}".upper()
        env[variable] = json.dumps(value) if isinstance(value, dict) else str(value)
    return ServiceProcess(
        f"bridgework_{name}",
        env=env,
        url=f"http://127.0.0.1:{ports.of(name)}",
        log_path=log_path,
    )


async def _report_service(name: str, url: str) -> None:
    """Print a service's peak memory, and how long its batches took."""
    async with httpx.AsyncClient() as http:
        text = (await http.get(f"{url}/metrics")).text
    peak = 0.0
    buckets: dict[str, list[tuple[float, float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if "peak" in sample.name and sample.name.endswith("_bytes"):
                peak = max(peak, sample.value / (1024 * 1024))
            elif sample.name == "bridgework_batch_seconds_bucket":
                limit = float(sample.labels["le"])
                buckets.setdefault(sample.labels["subject"], []).append((limit, sample.value))
    told = "  ".join(
        f"{subject} p95 <= {_p95(found):g} s" for subject, found in sorted(buckets.items())
    )
    print(f"  {name:<12} peak {peak:>4.0f} MiB  ratio {peak / MEMORY_AIM_MIB:.2f}  batches: {told}")


def _p95(buckets: list[tuple[float, float]]) -> float:
    """Return the limit of the bucket that the 95th percentile falls into."""
    total = max(count for _, count in buckets)
    return min(limit for limit, count in buckets if count >= 0.95 * total)


def part(script: str, *arguments: str) -> None:
    """Run one of the stage benchmarks beside this file."""
    print(f"\n== {script} {' '.join(arguments)}", flush=True)
    subprocess.run([sys.executable, str(Path(__file__).parent / script), *arguments], check=False)


def main() -> None:
    """Measure everything for each number of rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="*", default=[20_000, 200_000])
    parser.add_argument("--road-only", action="store_true")
    wanted = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    if not wanted.road_only:
        part("bench_eventlog.py")
        part("bench_sandbox.py")
    for rows in wanted.rows:
        print(f"\n== the road, {rows} rows", flush=True)
        work = Path(tempfile.mkdtemp(prefix="bridgework-bench-"))
        work.chmod(0o755)
        try:
            generate_rows(work / "practice", rows=rows, seed=3)
            export = work / "practice" / "export"
            records = measure_source(export, work / "source")
            for measure in (measure_load, measure_road):
                folder = work / measure.__name__
                folder.mkdir(mode=0o755)
                asyncio.run(measure(export, folder, records))
        finally:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
