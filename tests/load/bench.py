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
from collections.abc import Mapping
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
from bridgework_contracts.records import RecordExtracted
from bridgework_contracts.runs import SourceSpec
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.export import open_export
from bridgework_dental_exec.snapshot import seal_snapshot
from bridgework_embedded.postgres import running_postgres
from bridgework_mapping.compile import compile_mapping
from bridgework_mapping.document import MappingDocument
from bridgework_synthetic import generate_rows
from bridgework_testkit.service_process import ServiceProcess
from rich.console import Console

END_TO_END_AIM = 1500
MEMORY_AIM_MIB = 300
BASE_PORT = 21_000
SANDBOX_PORT = 21_050


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


async def measure_road(export: Path, work: Path, records: int) -> None:
    """Measure the full run over six processes: end to end, and each service's peak memory."""
    home = Home(work / "home")
    ports = Ports(BASE_PORT)
    sandbox = ["-m", "bridgework_zoho_sandbox", "--port", str(SANDBOX_PORT)]
    async with (
        running("sandbox", sandbox, work / "sandbox.log") as sandbox_pid,
        running_postgres(work / "postgres", durable=True) as server,
        JobApi(f"http://127.0.0.1:{ports.of('control')}", home.secrets().api_key) as api,
    ):
        await answers(f"http://127.0.0.1:{SANDBOX_PORT}/sandbox/health")
        services = [_service(name, home, server.dsn, ports, work) for name, _, _ in SERVICES]
        await asyncio.gather(*(service.start() for service in services))
        pids = {"sandbox": sandbox_pid, "postgresql": server.pid, "bench": os.getpid()}
        pids |= {one.module.removeprefix("bridgework_"): one.pid for one in services}
        try:
            await _one_run(api, export, records, Processors(pids))
            for service in services:
                peak = await _peak_mib(service.url)
                name = service.module.removeprefix("bridgework_")
                print(f"  peak memory {name:<14} {peak:>5} MiB  ratio {peak / MEMORY_AIM_MIB:.2f}")
        finally:
            await asyncio.gather(*(service.stop() for service in services))


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


async def _one_run(api: JobApi, export: Path, records: int, processors: Processors) -> None:
    org = SandboxOrg(f"http://127.0.0.1:{SANDBOX_PORT}")
    users = org_users(export.parent)
    await org.create("bench", users, "America/New_York")
    # Enough credits that no budget hides our own cost.
    await org._call("PATCH", f"/sandbox/orgs/{org.org_id}/settings", {"seats": 2000})
    await api.post(
        "/tenants", {"tenant_id": "bench", "display_name": "bench", "zoho": org.connection}
    )
    journey = Journey(api, Console(quiet=True), approver="bench")
    job_id = await journey.create(
        "bench",
        export,
        fallback_email=fallback_email(users),
        time_zone="America/New_York",
        unit_min=10,
    )
    await journey.prepare(job_id)
    await journey.rehearse(job_id, plans=20)
    began = time.perf_counter()
    moved_s: list[float] = []

    def note(run: dict[str, Any]) -> None:
        if run["state"] != "moving" and run["waves"][0]["state"] == "settled" and not moved_s:
            moved_s.append(time.perf_counter() - began)

    processors.begin()
    started = await api.post(f"/jobs/{job_id}/runs", {"kind": "full"})
    run = await api.run_ended(started["run_id"], note)
    whole_s = time.perf_counter() - began
    processors.report(records)
    report = await api.get(f"/jobs/{job_id}/report")
    landed = report["runs"][-1]
    rate = records / (moved_s[0] if moved_s else whole_s)
    line(
        "end to end, until all have landed",
        rate,
        records=records,
        seconds=round(moved_s[0] if moved_s else whole_s, 1),
        ratio_to_aim=round(rate / END_TO_END_AIM, 2),
        balanced=run["balanced"],
    )
    diff = landed["diff"]
    line("read back and compare", diff["compared_records"] / max(diff["seconds"], 0.001))
    line("end to end, diff included", records / whole_s, seconds=round(whole_s, 1))
    await org.close()


def _service(name: str, home: Home, dsn: str, ports: Ports, work: Path) -> ServiceProcess:
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
        log_path=work / f"{name}.log",
    )


async def _peak_mib(url: str) -> int:
    async with httpx.AsyncClient() as http:
        text = (await http.get(f"{url}/metrics")).text
    peaks = [
        float(row.rsplit(" ", 1)[1])
        for row in text.splitlines()
        if "peak" in row and "bytes" in row and not row.startswith("#")
    ]
    return int(max(peaks, default=0.0) / (1024 * 1024))


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
            asyncio.run(measure_road(export, work, records))
        finally:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
