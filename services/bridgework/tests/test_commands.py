"""Every command a person types, as a process, against a running installation."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bridgework.api import ApiProblem, JobApi
from bridgework.demo.sandbox import SandboxOrg
from bridgework.home import Home
from bridgework_contracts.ids import TenantId
from bridgework_contracts.topics import Subject, topic_name
from bridgework_eventlog.opening import open_event_log
from bridgework_eventlog.port import NewRecord
from bridgework_synthetic import generate
from bridgework_testkit.eventually import eventually
from bridgework_testkit.fixtures import embedded_log_settings
from bridgework_testkit.ports import free_port_block

from services.bridgework.tests.conftest import Installation

pytestmark = pytest.mark.timeout(400)
LEAD = ("--approver", "lead")


@dataclass
class Moved:
    """A practice that ``migrate`` took the whole way."""

    tenant: str
    job_id: str
    printed: str
    folder: Path
    org: SandboxOrg


@pytest.fixture(scope="module")
async def moved(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Moved]:
    """One practice, moved by the command."""
    folder = tmp_path_factory.mktemp("practice") / "p"
    made = await installation.command("generate", str(folder), "--patients", "8", "--seed", "3")
    assert str(folder / "export") in made.good()
    org, users = await installation.practice("moved", folder)
    fallback = next(u["email"] for u in users if "fallback" in u["full_name"].lower())
    said = await installation.command(
        "migrate", str(folder / "export"), "--tenant", "moved", "--fallback-email", fallback,
        "--plans", "3", *LEAD,
    )  # fmt: skip
    printed = said.good()
    job_id = printed.strip().rpartition("job ")[2]
    yield Moved("moved", job_id, printed, folder, org)
    await org.close()


async def test_migrate_goes_the_whole_way_and_says_what_it_does(moved: Moved) -> None:
    """Audit, gates, rehearsal and its undo, the full run; with the states of each run."""
    for words in ("audit", "G1 approved by lead", "rehearsal: a closed-world sample",
                  "undo of the rehearsal", "full run", "G5 approved by lead"):  # fmt: skip
        assert words in moved.printed
    assert re.search(r"full: finished", moved.printed)
    assert re.fullmatch(r"job_[0-9a-f]+", moved.job_id)


async def test_status_gates_and_report_show_what_the_api_knows(
    installation: Installation, moved: Moved, tmp_path: Path
) -> None:
    """Counters by object, approvals, and a report that balances, as JSON and as a page."""
    shown = (await installation.command("job", "status", moved.job_id)).good()
    run = (await installation.api.get(f"/jobs/{moved.job_id}/runs"))[-1]
    assert "loaded" in shown
    patients = [line for line in shown.splitlines() if re.search(r"\bpatient\b", line)][-1]
    numbers = [int(n) for n in re.findall(r"\d+", patients)]
    assert numbers[0] == run["extracted"]["patient"] >= 8
    assert sum(numbers[1:]) == numbers[0]
    gates = (await installation.command("job", "gates", moved.job_id)).good()
    assert len(re.findall(r"\blead\b", gates)) == 5
    said = await installation.command("job", "report", moved.job_id, "--out", str(tmp_path))
    said.good()
    text = await asyncio.to_thread((tmp_path / "report.json").read_text, encoding="utf-8")
    report = json.loads(text)
    assert report == await installation.api.get(f"/jobs/{moved.job_id}/report")
    assert (report["balanced"], report["fingerprints"]["equal"]) == (True, True)
    page = await asyncio.to_thread((tmp_path / "report.html").read_text, encoding="utf-8")
    assert moved.job_id in page


async def test_a_run_is_watched_until_it_ends_then_taken_back(
    installation: Installation, moved: Moved
) -> None:
    """``--watch`` follows it; ``undo`` takes it back and exits 0 because it balances."""
    run = await installation.api.post(
        f"/jobs/{moved.job_id}/runs", {"kind": "delta", "export_path": str(moved.folder / "export")}
    )
    watched = (await installation.command("job", "status", moved.job_id, "--watch")).good()
    assert "delta_loaded" in watched
    ended = await installation.api.get(f"/runs/{run['run_id']}")
    assert (ended["state"], ended["balanced"]) == ("finished", True)
    undone = (await installation.command("job", "undo", run["run_id"])).good()
    assert "undo" in undone
    after = await installation.api.get(f"/jobs/{moved.job_id}/runs")
    assert after[-1]["kind"] == "undo"


async def test_a_gate_that_is_not_ready_is_refused_in_words(
    installation: Installation, moved: Moved
) -> None:
    """Exit 1, the reason, no traceback."""
    said = await installation.command("job", "approve", moved.job_id, "G7", *LEAD)
    assert said.code == 1
    assert "gate_not_ready" in said.out
    assert "Traceback" not in said.err


async def test_dead_letters_are_listed_shown_and_replayed(
    installation: Installation, moved: Moved
) -> None:
    """A message nobody can open ends there, without its content; replayed, it comes again."""
    topic = topic_name(TenantId(moved.tenant), Subject.RECORDS)
    junk = NewRecord(b"k", b"not sealed: Quimby", {"type": "RecordExtracted"})
    async with open_event_log(embedded_log_settings(installation.dsn)) as log:
        await log.producer().append(topic, [junk])

    async def letters() -> list[dict[str, Any]]:
        page = await installation.api.get(f"/tenants/{moved.tenant}/dead-letters")
        found: list[dict[str, Any]] = page["data"]
        return found

    listed = await eventually(letters, deadline_s=60)
    assert listed
    letter = listed[0]["dead_letter_id"]
    table = (await installation.command("deadletters", "list", moved.tenant)).good()
    assert letter in table
    shown = (await installation.command("deadletters", "show", moved.tenant, letter)).good()
    assert json.loads(shown)["topic"] == topic
    assert "Quimby" not in table + shown
    again = await installation.command(
        "deadletters", "replay", moved.tenant, letter, "--operator", "ops"
    )
    assert f"replayed {letter}" in again.good()
    path = f"/tenants/{moved.tenant}/dead-letters/{letter}"
    assert (await installation.api.get(path))["replayed_by"] == "ops"


async def test_what_cannot_be_done_exits_1_with_the_problem(
    installation: Installation, moved: Moved
) -> None:
    """Unknown job, wrong key, nobody listening, a state nobody knows."""
    missing = await installation.command("job", "status", "job_none")
    assert (missing.code, "not_found" in missing.out) == (1, True)
    wrong = await installation.command("job", "status", moved.job_id, api_key="bw_wrong")
    assert (wrong.code, "unauthorised" in wrong.out) == (1, True)
    away = await installation.command("job", "status", "j", "--url", "http://127.0.0.1:9")
    assert (away.code, "bridgework up" in away.out) == (1, True)
    state = await installation.command("quarantine", "list", moved.job_id, "--state", "wrong")
    assert (state.code, "invalid_request" in state.out) == (1, True)
    for said in (missing, wrong, away, state):
        assert "Traceback" not in said.err + said.out


async def test_a_tenants_key_sees_its_own_practice_only(
    installation: Installation, moved: Moved
) -> None:
    """As if the other's job did not exist."""
    key = (await installation.api.post("/api-keys", {"name": "own", "tenant_id": moved.tenant}))[
        "api_key"
    ]
    own = await installation.command("job", "status", moved.job_id, api_key=key)
    assert moved.job_id in own.good()
    org = SandboxOrg(installation.zoho_url)
    await org.create("stranger", [{"full_name": "A", "email": "a@example.com"}], "UTC")
    await installation.api.post(
        "/tenants", {"tenant_id": "stranger", "display_name": "S", "zoho": org.connection}
    )
    other = (await installation.api.post("/api-keys", {"name": "o", "tenant_id": "stranger"}))[
        "api_key"
    ]
    refused = await installation.command("job", "status", moved.job_id, api_key=other)
    assert (refused.code, "not_found" in refused.out) == (1, True)
    await org.close()


async def test_an_export_is_audited_without_any_service(
    installation: Installation, tmp_path: Path
) -> None:
    """Twice the same bytes; what blocks is named and makes the exit code 1."""
    await asyncio.to_thread(generate, tmp_path / "p", patients=10, seed=4, dialect="b", defects=1.0)
    export = tmp_path / "p" / "export"
    for name in ("1", "2"):
        said = await installation.command("audit", str(export), "--out", str(tmp_path / name))
        assert "Grade" in said.good()
    for file in ("audit.json", "audit.html"):
        first, second = [(tmp_path / name / file) for name in ("1", "2")]
        assert await asyncio.to_thread(first.read_bytes) == await asyncio.to_thread(
            second.read_bytes
        )

    def block() -> None:
        (export / "x_rays.csv").write_text("film_id,who\n1,2\n", encoding="utf-8")

    await asyncio.to_thread(block)
    blocked = await installation.command("audit", str(export), "--out", str(tmp_path / "3"))
    assert blocked.code == 1
    assert "x_rays.csv" in blocked.out


async def test_evolve_writes_the_second_export(installation: Installation, tmp_path: Path) -> None:
    """Of the same practice, beside an answer key."""
    first, second = tmp_path / "1", tmp_path / "2"
    (await installation.command("generate", str(first), "--patients", "5", "--dialect", "c")).good()
    (await installation.command("evolve", str(first), str(second))).good()
    names = [sorted(p.name for p in (f / "export").glob("*.csv")) for f in (first, second)]
    assert names[0] == names[1] != []
    wrong = await installation.command("generate", str(tmp_path / "3"), "--dialect", "z")
    assert wrong.code == 2


async def test_up_starts_everything_answers_and_stops_when_told(tmp_path: Path) -> None:
    """Embedded PostgreSQL, six services, one process; SIGTERM ends it with code 0."""
    port = free_port_block()
    home = tmp_path / "home"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridgework", "up", "--home", str(home), "--port", str(port),
        "--log-level", "warning", "--no-durable",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        key = Home(home).secrets().api_key
        async with JobApi(f"http://127.0.0.1:{port}", key) as api:
            await api.ready(timeout_s=120)
            assert await api.get("/tenants") == []
        async with JobApi(f"http://127.0.0.1:{port}", "bw_wrong") as stranger:
            with pytest.raises(ApiProblem) as refused:
                await stranger.get("/tenants")
        assert refused.value.code == "unauthorised"
        child.send_signal(signal.SIGTERM)
        out, _ = await asyncio.wait_for(child.communicate(), 60)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert child.returncode == 0, out.decode()[-2000:]
    assert key not in out.decode()
    mode = await asyncio.to_thread((home / "secrets.json").stat)
    assert mode.st_mode & 0o077 == 0
