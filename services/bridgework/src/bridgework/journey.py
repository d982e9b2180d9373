"""The way a migration goes, step by step over the job API; used by ``migrate`` and the demo."""

from pathlib import Path
from typing import Any

from rich.console import Console

from bridgework.api import JobApi
from bridgework.watching import waiting_words, watching

Json = dict[str, Any]


class JourneyFailed(Exception):
    """A step ended badly; the message says which and why."""


class Journey:
    """Walks one job through its steps.

    Args:
        api: The job API.
        console: Progress is printed here.
        approver: Whose name stands under the gates.
    """

    def __init__(self, api: JobApi, console: Console, *, approver: str) -> None:
        self._api = api
        self._console = console
        self._approver = approver

    async def create(
        self,
        tenant: str,
        export: Path,
        *,
        fallback_email: str,
        time_zone: str,
        unit_min: int,
        name: str = "",
    ) -> str:
        """Create the job and wait for the audit of its export; return the job id."""
        self._say(f"audit {export}")
        job = await self._api.post(
            "/jobs",
            {
                "tenant_id": tenant,
                "name": name or f"{tenant} to Zoho",
                "export_path": str(export),
                "practice_timezone": time_zone,
                "appointment_unit_min": unit_min,
                "fallback_email": fallback_email,
            },
        )
        job_id = str(job["job_id"])
        job = await self._settled(job_id)
        audit = job["audit"] or {}
        self._say(f"grade {audit.get('grade')}, {sum((audit.get('objects') or {}).values())} rows")
        return job_id

    async def prepare(self, job_id: str) -> None:
        """Approve the audit, apply the schema, resolve owners, confirm the mapping."""
        await self.approve(job_id, "G1")
        self._say("schema plan: apply and read back, resolve owners")
        await self._api.post(f"/jobs/{job_id}/schema-plan/apply")
        await self._settled(job_id)
        plan = (await self._api.get(f"/jobs/{job_id}/schema-plan"))["applied"]
        self._say(
            f"{plan['modules_to_create']} modules, {plan['fields_to_create']} fields, "
            f"{plan['credits']} credits planned"
        )
        await self.approve(job_id, "G2")
        owners = (await self._api.get(f"/jobs/{job_id}/mapping"))["owners"]
        review = sum(1 for owner in owners if owner["review"])
        self._say(f"{len(owners)} providers resolved, {review} to review; mapping confirmed")
        await self._api.post(
            f"/jobs/{job_id}/mapping/confirm",
            {"approver": self._approver, "accept_auto_merges": True},
        )

    async def rehearse(self, job_id: str, plans: int) -> None:
        """Load a closed-world sample, diff it, take it back, prove that it is gone."""
        self._say("rehearsal: a closed-world sample")
        run = await self.run(job_id, {"kind": "rehearsal", "sample": {"plans": plans, "seed": 1}})
        self._say("undo of the rehearsal")
        await self.run(job_id, {"kind": "undo", "undo_of": run["run_id"]})
        await self.approve(job_id, "G4")

    async def full(self, job_id: str) -> Json:
        """Move everything and compare everything."""
        self._say("full run")
        run = await self.run(job_id, {"kind": "full"})
        await self.approve(job_id, "G5")
        return run

    async def delta(self, job_id: str, export: Path) -> Json:
        """Move what a newer export changed."""
        self._say(f"delta {export}")
        run = await self.run(job_id, {"kind": "delta", "export_path": str(export)})
        await self.approve(job_id, "G6")
        return run

    async def run(self, job_id: str, body: Json) -> Json:
        """Start a run and follow it to its end.

        Raises:
            JourneyFailed: it did not finish, or does not balance.
        """
        started = await self._api.post(f"/jobs/{job_id}/runs", body)
        with watching(self._console, body["kind"]) as view:
            run = await self._api.run_ended(started["run_id"], view)
        if run["state"] != "finished":
            error = run["error"] or {"code": run["state"], "sentence": ""}
            raise JourneyFailed(f"{body['kind']}: {error['code']} {error['sentence']}")
        if not run["balanced"]:
            report = await self._api.get(f"/jobs/{job_id}/report")
            raise JourneyFailed(
                f"{body['kind']} does not balance: {report['runs'][-1]['unbalanced']}"
            )
        return run

    async def approve(self, job_id: str, gate: str) -> None:
        """Approve a gate; refused while something stands in its way."""
        await self._api.post(f"/jobs/{job_id}/gates/{gate}/approve", {"approver": self._approver})
        self._say(f"{gate} approved by {self._approver}")

    async def _settled(self, job_id: str) -> Json:
        said: set[str] = set()

        def look(job: Json) -> None:
            words = waiting_words(job["waiting"]) if job["waiting"] else ""
            if words and words not in said:
                said.add(words)
                self._say(words)

        job = await self._api.job_settled(job_id, look)
        if job["state"] == "failed":
            error = job["error"] or {}
            raise JourneyFailed(f"{error.get('code')}: {error.get('sentence')}")
        return job

    def _say(self, text: str) -> None:
        self._console.print(f"[bold]•[/bold] {text}")
