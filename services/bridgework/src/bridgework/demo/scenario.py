"""The whole way in one command, over real processes and real HTTP."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from bridgework.api import JobApi
from bridgework.demo.processes import answers, running
from bridgework.demo.sandbox import SandboxOrg, fallback_email, org_users
from bridgework.home import Home
from bridgework.journey import Journey, JourneyFailed
from bridgework.memory import Memory
from bridgework.report_html import render
from bridgework.tables import report_table

Json = dict[str, Any]
TENANT = "demo"
API_PORT = 18080
SANDBOX_PORT = 18095
_SEED = 7
_EVERY = 5  # contacts, one of them edited
_TYPED = {"Description": "Edited at the front desk", "Mailing_City": "Edited City"}


class Demo:
    """One demo run.

    Args:
        console: Progress is printed here.
        export: An export (or the folder that holds ``export/``); ``None`` makes a practice.
        second: A later export of the same practice; ``None`` evolves the one that was made, or
            changes a few rows of a copy of the one that was given, or, where that is a zip or a
            database, reads it again.
        log: ``embedded`` or ``kafka``.
        patients: Of the practice that is made.
        out: Report and working files.
    """

    def __init__(
        self,
        console: Console,
        *,
        export: Path | None,
        second: Path | None,
        log: str,
        patients: int,
        out: Path,
    ) -> None:
        self._console = console
        self._given = export
        self._second = second
        self._log = log
        self._patients = patients
        self._out = out.absolute()

    async def run(self) -> bool:
        """Go the whole way; return whether everything balances and nothing differs."""
        began = time.monotonic()
        shutil.rmtree(self._out, ignore_errors=True)
        self._out.mkdir(parents=True)
        practice, export, second = self._sources()
        facts = _facts(practice)
        home = Home(self._out / "home")
        sandbox = ["-m", "bridgework_zoho_sandbox", "--port", str(SANDBOX_PORT)]
        services = [
            "-m", "bridgework", "up", "--home", str(home.path), "--port", str(API_PORT),
            "--log", self._log, "--log-level", "warning", "--no-durable",
        ]  # fmt: skip
        home.secrets()
        async with (
            running("sandbox", sandbox, self._out / "sandbox.log") as sandbox_pid,
            running("services", services, self._out / "services.log") as services_pid,
            JobApi(f"http://127.0.0.1:{API_PORT}", home.secrets().api_key) as api,
        ):
            memory = Memory({"demo": os.getpid(), "sandbox": sandbox_pid, "services": services_pid})
            async with memory.watching():
                await answers(f"http://127.0.0.1:{SANDBOX_PORT}/sandbox/health")
                await api.ready()
                org = SandboxOrg(f"http://127.0.0.1:{SANDBOX_PORT}")
                try:
                    report = await self._journey(api, org, practice, export, second, facts)
                    fired = await org.fired()
                finally:
                    await org.close()
            report["demo"] = {
                "log": self._log,
                "seconds": round(time.monotonic() - began, 1),
                "peak_memory_mib": memory.peak_mib,
                "peaks_mib": memory.peaks_mib,
                "workflows_fired": fired,
            }
        return self._conclude(report)

    async def _journey(
        self, api: JobApi, org: SandboxOrg, practice: Path, export: Path, second: Path, facts: Json
    ) -> Json:
        users = org_users(practice)
        time_zone = facts.get("time_zone") or "America/New_York"
        await org.create(facts.get("practice") or "Demo Dental", users, time_zone)
        await api.post(
            "/tenants",
            {
                "tenant_id": TENANT,
                "display_name": facts.get("practice") or "Demo Dental",
                "time_zone": time_zone,
                "zoho": org.connection,
            },
        )
        journey = Journey(api, self._console, approver="demo operator")
        job_id = await journey.create(
            TENANT,
            export,
            fallback_email=fallback_email(users),
            time_zone=time_zone,
            unit_min=facts.get("appointment_book_unit_min") or 10,
            name=facts.get("practice") or "Demo Dental",
        )
        await journey.prepare(job_id)
        await journey.rehearse(job_id, plans=150)
        await journey.full(job_id)
        edited = await self._people_edit(org, users)
        await journey.delta(job_id, second)
        kept = await self._still_edited(org)
        report: Json = await api.get(f"/jobs/{job_id}/report")
        report["sandbox"] = await org.meters()
        report["people"] = {"edited": len(edited), "kept": len(edited & kept)}
        return report

    async def _people_edit(self, org: SandboxOrg, users: list[Json]) -> set[str]:
        """Let a person change every fifth contact in Zoho; the delta must keep what they typed.

        Returns:
            Zoho ids of the contacts.
        """
        contacts = [row for row in await org.rows("Contacts") if row.get("Source_Patient_ID")]
        contacts.sort(key=lambda row: (len(row["Source_Patient_ID"]), row["Source_Patient_ID"]))
        editor = str(users[-1]["email"])
        some = contacts[::_EVERY]
        for row in some:
            await org.edit(editor, "Contacts", str(row["id"]), _TYPED)
        self._console.print(f"[bold]•[/bold] people edit {len(some)} contacts in Zoho")
        return {str(row["id"]) for row in some}

    async def _still_edited(self, org: SandboxOrg) -> set[str]:
        """Return the Zoho ids of contacts that hold what the person typed."""
        return {
            str(row["id"])
            for row in await org.rows("Contacts")
            if all(row.get(field) == typed for field, typed in _TYPED.items())
        }

    def _sources(self) -> tuple[Path, Path, Path]:
        """Return (practice folder, export, later export)."""
        if self._given is None:
            return self._made()
        given = self._given.absolute()
        inside = given / "export"
        practice, export = (given, inside) if inside.is_dir() else (given.parent, given)
        if self._second is not None:
            later = self._second.absolute()
            return practice, export, later / "export" if (later / "export").is_dir() else later
        if not (export / "patients.csv").is_file():
            self._console.print(
                "The delta reads the same export again; --second gives a later one."
            )
            return practice, export, export
        later = self._out / "later"
        shutil.copytree(export, later)
        _change_a_few_rows(later)
        return practice, export, later

    def _made(self) -> tuple[Path, Path, Path]:
        from bridgework_synthetic import evolve, generate  # noqa: PLC0415  # only where needed

        practice, later = self._out / "practice", self._out / "practice-later"
        generate(practice, patients=self._patients, seed=_SEED, dialect="a", defects=1.0)
        evolve(practice, later, seed=_SEED + 1)
        return practice, practice / "export", later / "export"

    def _conclude(self, report: Json) -> bool:
        (self._out / "report.json").write_text(json.dumps(report, indent=2), encoding="utf-8")
        (self._out / "report.html").write_text(render(report), encoding="utf-8")
        for run in report["runs"]:
            self._console.print(report_table(run))
        facts, people = report["demo"], report["people"]
        checks = {
            "every run balances": report["balanced"],
            "fingerprint after undo equals before": report["fingerprints"]["equal"],
            "no mismatch": all(run["diff"]["mismatches"] == 0 for run in report["runs"]),
            "no workflow fired by us": facts["workflows_fired"] == 0,
            "people's edits were kept": 0 < people["edited"] == people["kept"],
        }
        for what, good in checks.items():
            self._console.print(f"  {'[green]yes[/green]' if good else '[red]NO [/red]'} {what}")
        self._console.print(
            f"{facts['seconds']} s, {facts['peak_memory_mib']} MiB at most in all processes; "
            f"{self._out / 'report.json'}"
        )
        return all(checks.values())


def _facts(practice: Path) -> Json:
    file = practice / "practice_facts.json"
    if not file.exists():
        return {}
    facts: Json = json.loads(file.read_text(encoding="utf-8"))
    return facts


def _change_a_few_rows(export: Path) -> None:
    """Stand in for the practice working on: three patients get another street.

    Raises:
        JourneyFailed: the export has no readable ``patients.csv`` with ``address1``; give --second.
    """
    file = export / "patients.csv"
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
        column = lines[0].rstrip("\r").split(",").index("address2")
    except (OSError, UnicodeDecodeError, ValueError) as exc:
        raise JourneyFailed("Give the later export with --second.") from exc
    changed = 0
    for at in range(1, len(lines)):
        cells = lines[at].split(",")
        if changed < 3 and len(cells) > column and '"' not in lines[at] and not cells[column]:  # noqa: PLR2004  # three
            cells[column] = "Rear door"
            lines[at] = ",".join(cells)
            changed += 1
    file.write_text("\n".join(lines), encoding="utf-8")
