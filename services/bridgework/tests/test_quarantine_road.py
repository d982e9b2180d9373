"""Bad input goes the whole way: quarantined, listed, fixed, released, in Zoho; and back by undo."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bridgework.demo.sandbox import SandboxOrg
from bridgework_mapping.notes import overflow_file_name
from bridgework_synthetic import generate
from bridgework_testkit.eventually import eventually

from services.bridgework.tests.conftest import Installation

pytestmark = pytest.mark.timeout(400)

Rows = list[list[str]]
WHO = ("--by", "front desk", "--why", "asked the patient")
LONG = "Long text. " * 7_000


def rewrite(file: Path, change: Callable[[Rows], None]) -> None:
    """Change the rows of a file, header first."""
    with file.open(newline="", encoding="utf-8") as source:
        rows = list(csv.reader(source))
    change(rows)
    with file.open("w", newline="", encoding="utf-8") as target:
        csv.writer(target).writerows(rows)


class Spoilt:
    """A practice without defects, and then some; what the broken things were before."""

    def __init__(self, folder: Path) -> None:
        generate(folder, patients=15, seed=5, dialect="a", defects=0.0)
        self.folder = folder
        self.export = folder / "export"
        self.note = ""
        self.dates: list[str] = []
        self._patients()
        self._appointments()
        self._others()

    def _patients(self) -> None:
        """Cut one patient's line short: the last column is gone, and the comma before it."""
        file = self.export / "patients.csv"
        with file.open(newline="", encoding="utf-8") as source:
            header, *rows = list(csv.reader(source))
        lines = file.read_text(encoding="utf-8").splitlines()
        with (self.export / "treatment_plans.csv").open(newline="", encoding="utf-8") as source:
            owners = {row["pat_id"] for row in csv.DictReader(source)}
        at = next(n for n, row in enumerate(rows, start=1) if row[0] in owners)
        self.patient, self.patient_line, self.patient_text = rows[at - 1][0], at + 1, lines[at]
        lines[at] = lines[at].rpartition(",")[0]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        assert len(header) > 1

    def _appointments(self) -> None:
        def spoil(rows: Rows) -> None:
            at, mine = rows[0].index("date"), rows[0].index("pat_id")
            for row in [r for r in rows[1:] if r[at] and r[mine] != self.patient][:3]:
                self.dates.append(row[0])
                row[at] = "99/99/2026"

        rewrite(self.export / "appointments.csv", spoil)

    def _others(self) -> None:
        def spoil_tasks(rows: Rows) -> None:
            rows[1][0] = ""

        def spoil_claims(rows: Rows) -> None:
            self.claim = rows[1][0]
            self.claim_owner = rows[1][rows[0].index("pat_id")]
            rows[1][rows[0].index("pat_id")] = "987654"

        def lengthen(rows: Rows) -> None:
            owner = rows[0].index("pat_id")
            row = next(r for r in rows[1:] if r[owner] != self.patient)
            self.note, self.note_owner = row[0], row[owner]
            row[rows[0].index("format")] = "text"
            row[rows[0].index("body")] = LONG

        rewrite(self.export / "tasks.csv", spoil_tasks)
        rewrite(self.export / "claims.csv", spoil_claims)
        rewrite(self.export / "notes.csv", lengthen)


class Contents:
    """What an org holds."""

    def __init__(self, org: SandboxOrg) -> None:
        self._org = org

    async def by(self, module: str, field: str, value: str) -> list[dict[str, Any]]:
        """Return the rows of a module with a value in a field."""
        return [row for row in await self._org.rows(module) if row.get(field) == value]


class Road:
    """One job on its way, and its quarantine as the command shows it."""

    def __init__(
        self, installation: Installation, spoilt: Spoilt, org: SandboxOrg, job_id: str
    ) -> None:
        self.installation = installation
        self.spoilt = spoilt
        self.org = org
        self.zoho = Contents(org)
        self.job_id = job_id
        self.places: list[dict[str, Any]] = []

    async def listed(self, *options: str) -> list[dict[str, Any]]:
        """Return places as ``quarantine list --json`` prints them."""
        said = await self.installation.command(
            "quarantine", "list", self.job_id, "--json", *options
        )
        found: list[dict[str, Any]] = said.json()
        return found

    def place(self, file: str, code: str, **more: Any) -> dict[str, Any]:
        """Return the one place of a file with a code."""
        wanted = {"file": file, "code": code, **more}
        (found,) = (p for p in self.places if all(p[k] == v for k, v in wanted.items()))
        return found

    async def fix(self, one: dict[str, Any], value: str) -> None:
        """Correct a place; the value goes through standard input."""
        arguments = ("quarantine", "fix", self.job_id, one["item_id"], *WHO)
        said = await self.installation.command(*arguments, stdin=value)
        assert "fixed" in said.good()

    async def release(self) -> str:
        """Release what was fixed; return what was printed last."""
        arguments = ("quarantine", "release", self.job_id, "--by", "lead")
        said = await self.installation.command(*arguments)
        return said.good().strip().splitlines()[-1]

    def exported(self) -> dict[str, bytes]:
        """Return every file of the export."""
        return {p.name: p.read_bytes() for p in self.spoilt.export.glob("*.csv")}


async def test_bad_input_is_quarantined_listed_fixed_released_and_in_zoho(
    installation: Installation, tmp_path: Path
) -> None:
    """Over real services, PostgreSQL and HTTP; every run balances, and nothing differs."""
    spoilt = Spoilt(tmp_path / "practice")
    org, users = await installation.practice("quarantine", spoilt.folder)
    journey, job_id = await installation.job("quarantine", spoilt.folder, users)
    road = Road(installation, spoilt, org, job_id)
    audited = {one["item_id"] for one in await road.listed()}
    await journey.rehearse(job_id, plans=5)
    await journey.full(job_id)
    road.places = await road.listed()
    # The audit and the run name the same places, and nothing is listed twice.
    assert {one["item_id"] for one in road.places} == audited
    dates = await _is_listed(road)
    await _is_fixed(road, dates)
    assert (await road.release()).startswith("4 released, 1 stale")
    delta = await _is_in_zoho(road, dates)
    await _the_long_note_is_whole(road.zoho, org, spoilt)

    # Undo takes the release back; the corrections wait, and may be released again.
    (await installation.command("job", "undo", delta)).good()
    report = await installation.api.get(f"/jobs/{job_id}/report")
    assert report["balanced"]
    assert report["fingerprints"]["before"] == report["fingerprints"]["after_undo"]
    assert not await road.zoho.by("Contacts", "Source_Patient_ID", spoilt.patient)
    page = await installation.api.get(f"/jobs/{job_id}/quarantine")
    assert (page["counts"]["released"], page["counts"]["fixed"]) == (0, 4)
    assert (await road.release()).startswith("4 released, 1 stale")
    assert len(await road.zoho.by("Contacts", "Source_Patient_ID", spoilt.patient)) == 1
    await org.close()


async def _is_listed(road: Road) -> list[dict[str, Any]]:
    """Every place has file, line, column, code, masked shape, remedy; return the bad dates."""
    spoilt, places = road.spoilt, road.places
    assert not await road.zoho.by("Contacts", "Source_Patient_ID", spoilt.patient)
    assert len({(p["file"], p["line"], p["column"], p["code"]) for p in places}) == len(places)
    assert all(p["state"] == "open" and p["remedy"] and p["line"] for p in places)
    line = road.place("patients.csv", "cells_missing", line=spoilt.patient_line)
    assert line["shape"].startswith("9")
    assert spoilt.patient_text[:20] not in repr(places)
    dates = [
        road.place("appointments.csv", "date_impossible", key=key, shape="99/99/9999")
        for key in spoilt.dates
    ]
    shown = (await road.installation.command("quarantine", "list", road.job_id)).good()
    assert f"appointments.csv:{dates[0]['line']}" in shown
    return dates


async def _is_fixed(road: Road, dates: list[dict[str, Any]]) -> None:
    """A line, a cell, a key, a reference; one place accepted; one row changes meanwhile."""
    spoilt, before = road.spoilt, road.exported()
    await road.fix(road.place("patients.csv", "cells_missing"), spoilt.patient_text)
    await road.fix(dates[0], "03/04/2027")
    await road.fix(dates[1], "03/05/2027")
    await road.fix(road.place("tasks.csv", "key_missing", column="task_id"), "990001")
    orphan = road.place("claims.csv", "parent_missing", column="pat_id", key=spoilt.claim)
    await road.fix(orphan, spoilt.claim_owner)
    accept = ("quarantine", "accept", road.job_id, dates[2]["item_id"], *WHO)
    assert "accepted" in (await road.installation.command(*accept)).good()
    assert road.exported() == before

    # The practice writes on: one of the corrected rows is another row now.
    def write_on(rows: Rows) -> None:
        row = next(r for r in rows[1:] if r[0] == spoilt.dates[1])
        row[rows[0].index("note")] = "Patient called."

    rewrite(spoilt.export / "appointments.csv", write_on)


async def _is_in_zoho(road: Road, dates: list[dict[str, Any]]) -> str:
    """Each corrected row, and only those; the books balance. Returns the run."""
    spoilt, zoho = road.spoilt, road.zoho
    (contact,) = await zoho.by("Contacts", "Source_Patient_ID", spoilt.patient)

    # What had waited for the patient follows by itself.
    async def followed() -> bool:
        plans = await zoho.by("Treatment_Plans", "Source_Patient_ID", spoilt.patient)
        assert plans
        return all(plan["Contact"]["id"] == contact["id"] for plan in plans)

    assert await eventually(followed, deadline_s=60)
    (event,) = await zoho.by("Events", "Source_Appointment_ID", spoilt.dates[0])
    assert event["Start_DateTime"].startswith("2027-03-04")
    assert len(await zoho.by("Tasks", "Source_Task_ID", "990001")) == 1
    assert len(await zoho.by("Claims", "Source_Claim_ID", spoilt.claim)) == 1
    assert not await zoho.by("Events", "Source_Appointment_ID", spoilt.dates[1])

    report = await road.installation.api.get(f"/jobs/{road.job_id}/report")
    assert report["balanced"]
    assert [run["diff"]["mismatches"] for run in report["runs"]] == [0] * len(report["runs"])
    delta = report["runs"][-1]
    counted = delta["objects"]["Contacts"]
    assert (delta["kind"], counted["extracted"], counted["failed"]) == ("delta", 15, 0)
    assert counted["inserted"] == 1
    lines = {(one["file"], one["code"]) for one in report["quarantined"]}
    assert ("patients.csv", "cells_missing") not in lines
    assert ("tasks.csv", "key_missing") not in lines
    assert ("appointments.csv", "date_impossible") in lines
    assert report["quarantine"]["counts"]["released"] == 4
    now = {p["item_id"]: p for p in await road.listed("--state", "all")}
    assert now[dates[1]["item_id"]]["state"] == "stale"
    assert "changed" in now[dates[1]["item_id"]]["note"]
    assert now[dates[2]["item_id"]]["state"] == "accepted"
    # Children of the patient whose line was broken are orphans no more; nothing new is open.
    assert {p["code"] for p in now.values() if p["state"] == "open"} <= {"image_missing"}
    assert any(p["state"] == "gone" for p in now.values() if p["code"] == "parent_missing")
    run_id = str(delta["run_id"])
    assert now[road.place("patients.csv", "cells_missing")["item_id"]]["released_in"] == run_id
    return run_id


async def _the_long_note_is_whole(zoho: Contents, org: SandboxOrg, spoilt: Spoilt) -> None:
    """What Zoho's note cannot hold hangs beside it as a file."""
    (owner,) = await zoho.by("Contacts", "Source_Patient_ID", spoilt.note_owner)
    notes = [
        note
        for note in await org.rows("Notes")
        if f"[src:note:{spoilt.note}]" in note["Note_Content"]
    ]
    assert len(notes) == 1
    name = overflow_file_name(spoilt.note)
    assert name in notes[0]["Note_Content"]
    files = [one for one in await org.rows("Attachments") if one["File_Name"] == name]
    assert [one["Parent_Id"]["id"] for one in files] == [owner["id"]]
    assert int(files[0]["Size"]) == len(LONG.strip().encode())
