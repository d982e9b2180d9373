"""A practice moves over real processes, real HTTP and a real log; both logs in turn."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bridgework_eventlog.settings import EventLogSettings
from bridgework_synthetic import generate
from bridgework_testkit.eventually import eventually
from bridgework_testkit.fixtures import embedded_log_settings, kafka_log_settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


async def test_a_practice_moves_and_a_replay_from_offset_0_changes_nothing(
    new_stack: Any, event_log_settings: EventLogSettings, practice: Path, tenant: str
) -> None:
    """Rehearsed, undone, moved, compared; then every topic is read again from its start."""
    stack = await new_stack(event_log_settings)
    org, users = await stack.new_org(tenant, practice)
    journey, job_id = await stack.job(tenant, practice, users)
    await journey.rehearse(job_id, plans=10)
    await journey.full(job_id)
    report = await stack.report(job_id)

    assert report["balanced"]
    assert report["fingerprints"]["equal"]
    assert [run["diff"]["mismatches"] for run in report["runs"]] == [0, 0, 0]
    assert await org.fired() == 0

    before = await org.fingerprint(ids=True)
    await stack.stop()
    await stack.back_to_the_start(tenant)
    await stack.start()

    async def everything_read_again() -> bool:
        assert await stack.lags(tenant) == {}
        return True

    await eventually(everything_read_again, deadline_s=150, poll_s=1.0)
    assert await org.fingerprint(ids=True) == before
    again = await stack.report(job_id)
    assert [run["objects"] for run in again["runs"]] == [run["objects"] for run in report["runs"]]
    await org.close()


@pytest.mark.chaos
async def test_each_service_killed_in_the_middle_ends_as_an_undisturbed_run(
    new_stack: Any, kafka_bootstrap: str, practice: Path, tenant: str
) -> None:
    """SIGKILL of every service once during the full run: the org ends up the same, on Kafka."""
    stack = await new_stack(kafka_log_settings(kafka_bootstrap))
    fingerprints = []
    for name, disturbed in ((f"{tenant}-calm", False), (f"{tenant}-killed", True)):
        org, users = await stack.new_org(name, practice)
        journey, job_id = await stack.job(name, practice, users)
        await journey.rehearse(job_id, plans=5)
        started = await stack.api.post(f"/jobs/{job_id}/runs", {"kind": "full"})
        if disturbed:
            for service in (
                "extractor",
                "transformer",
                "loader",
                "reconciler",
                "control",
                "rehoster",
            ):
                await _something_moved(stack, started["run_id"])
                await stack.services[service].restart()
        run = await stack.api.run_ended(started["run_id"], lambda _run: None, timeout_s=240)
        assert run["state"] == "finished", run["error"]
        assert run["balanced"]
        assert run["diff"]["mismatches"] == 0
        fingerprints.append(await org.fingerprint(ids=False))
        await org.close()
    assert fingerprints[0] == fingerprints[1]


async def test_bad_input_is_named_counted_and_does_not_stop_the_run(
    new_stack: Any, database: str, tmp_path: Path, tenant: str
) -> None:
    """A missing column, a bad date, an unknown carrier, a provider without a user: all reported."""
    practice = tmp_path / "practice"
    generate(practice, patients=20, seed=5, dialect="a", defects=0.0)
    places = _spoil(practice / "export")
    stack = await new_stack(embedded_log_settings(database))
    org, users = await stack.new_org(tenant, practice)
    journey, job_id = await stack.job(tenant, practice, users)
    await journey.rehearse(job_id, plans=5)
    await journey.full(job_id)
    report = await stack.report(job_id)
    assert report["balanced"]
    lines = report["quarantined"]
    for file, row, field in places:
        found = [
            line
            for line in lines
            if (line["file"], line["line"]) == (file, row)
            and field in line["field"] + line.get("sentence", "")
        ]
        assert found, f"{file}, line {row}, {field} is not in the report"
        assert all(line["remedy"] for line in found)
    assert any(owner["review"] and owner["evidence"] == "fallback" for owner in report["owners"])
    await org.close()


async def _something_moved(stack: Any, run_id: str) -> None:
    """Return once the run has more outcomes than when asked, or is over."""

    async def outcomes() -> int:
        run = await stack.api.get(f"/runs/{run_id}")
        if run["state"] in {"finished", "failed"}:
            return -1
        return sum(sum(counts.values()) for counts in run["outcomes"].values())

    before = await outcomes()

    async def more() -> bool:
        now = await outcomes()
        return now == -1 or now > before

    await eventually(more, deadline_s=60)


def _spoil(export: Path) -> list[tuple[str, int, str]]:
    """Break one thing in each of four files; return (file, line, field) that must be reported.

    Line 0 stands for the file as a whole.
    """
    _rewrite(export / "claims.csv", lambda rows: ([row[:-1] for row in rows], 0))
    date = _rewrite(export / "appointments.csv", _cell("date", "99/99/2026"))
    carrier = _rewrite(export / "patients.csv", _cell("ins1_carrier", "No Such Carrier"))
    email = _rewrite(export / "providers.csv", _cell("email", "nobody@nowhere.example"))
    return [
        ("claims.csv", 0, "write_off"),
        ("appointments.csv", date, "date"),
        ("patients.csv", carrier, "ins1_carrier"),
        ("providers.csv", email, "email"),
    ]


Rows = list[list[str]]


def _cell(column: str, value: str) -> Callable[[Rows], tuple[Rows, int]]:
    def change(rows: Rows) -> tuple[Rows, int]:
        at = rows[0].index(column)
        first = next(n for n, row in enumerate(rows) if n and row[at])
        rows[first][at] = value
        return rows, _line_of(rows, first)

    return change


def _line_of(rows: Rows, index: int) -> int:
    """Return the physical line on which a row begins; the header is line 1."""
    return 1 + sum(1 + sum(cell.count("\n") for cell in row) for row in rows[:index])


def _rewrite(file: Path, change: Callable[[Rows], tuple[Rows, int]]) -> int:
    """Change a file's rows; return what the change says."""
    with file.open(newline="", encoding="utf-8") as source:
        rows, said = change(list(csv.reader(source)))
    with file.open("w", newline="", encoding="utf-8") as target:
        csv.writer(target).writerows(rows)
    return said
