"""Tenants and jobs: register, migrate, status, gates, undo, report."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from bridgework.api import JobApi
from bridgework.home import DEFAULT_HOME
from bridgework.journey import Journey
from bridgework.report_html import render
from bridgework.tables import gates_table, run_table
from bridgework.terminal import (
    DEFAULT_URL,
    HomeOption,
    KeyOption,
    UrlOption,
    console,
    with_job_api,
)
from bridgework.watching import watching

app = typer.Typer()
job_app = typer.Typer(no_args_is_help=True, help="Jobs: status, gates, undo, report.")
tenant_app = typer.Typer(no_args_is_help=True, help="Practices and their Zoho orgs.")
app.add_typer(job_app, name="job")
app.add_typer(tenant_app, name="tenant")


@tenant_app.command("create")
def tenant_create(
    file: Annotated[Path, typer.Argument(help="JSON as POST /v1/tenants takes it.", exists=True)],
    url: UrlOption = DEFAULT_URL,
    api_key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Register a practice and its Zoho org."""
    body = json.loads(file.read_text(encoding="utf-8"))
    made = with_job_api(lambda api: api.post("/tenants", body), url, api_key, home)
    console.print(f"tenant {made['tenant_id']}")


@app.command()
def migrate(
    export: Annotated[Path, typer.Argument(help="Folder, zip or database file.", exists=True)],
    tenant: Annotated[str, typer.Option(help="Tenant id.")],
    fallback_email: Annotated[str, typer.Option(help="User who gets what nobody can own.")],
    approver: Annotated[str, typer.Option(help="Whose name stands under the gates.")],
    time_zone: str = "America/New_York",
    unit_min: int = 10,
    plans: Annotated[int, typer.Option(help="Plans in the rehearsal.")] = 150,
    full: Annotated[bool, typer.Option(help="Go on to the full run.")] = True,  # noqa: FBT002  # a flag
    url: UrlOption = DEFAULT_URL,
    api_key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Go the whole way: audit, schema, owners, mapping, rehearsal and undo, full run, diff."""

    async def work(api: JobApi) -> str:
        journey = Journey(api, console, approver=approver)
        job_id = await journey.create(
            tenant,
            export.absolute(),
            fallback_email=fallback_email,
            time_zone=time_zone,
            unit_min=unit_min,
        )
        await journey.prepare(job_id)
        await journey.rehearse(job_id, plans)
        if full:
            await journey.full(job_id)
        return job_id

    job_id = with_job_api(work, url, api_key, home)
    console.print(f"job {job_id}")


@job_app.command("status")
def job_status(
    job_id: str,
    watch: Annotated[  # noqa: FBT002  # a flag
        bool, typer.Option("--watch", help="Follow the run that is going.")
    ] = False,
    url: UrlOption = DEFAULT_URL,
    api_key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Show where a job stands; with --watch, live bars until its run ends."""

    async def work(api: JobApi) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        runs = await api.get(f"/jobs/{job_id}/runs")
        if watch and runs and runs[-1]["state"] not in {"finished", "failed", "cancelled"}:
            with watching(console, runs[-1]["kind"]) as view:
                await api.run_ended(runs[-1]["run_id"], view)
        return await api.get(f"/jobs/{job_id}"), await api.get(f"/jobs/{job_id}/runs")

    job, runs = with_job_api(work, url, api_key, home)
    console.print(f"{job['job_id']}  {job['name']}  [bold]{job['state']}[/bold]")
    if job["error"]:
        console.print(f"[red]{job['error']['code']}: {job['error']['sentence']}[/red]")
    for run in runs:
        console.print(run_table(run))


@job_app.command("gates")
def job_gates(
    job_id: str,
    url: UrlOption = DEFAULT_URL,
    api_key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Show every gate, who approved it, and what stands in its way."""
    console.print(
        gates_table(with_job_api(lambda api: api.get(f"/jobs/{job_id}/gates"), url, api_key, home))
    )


@job_app.command("approve")
def job_approve(
    job_id: str,
    gate: str,
    approver: Annotated[str, typer.Option(help="Whose name stands under it.")],
    comment: str = "",
    url: UrlOption = DEFAULT_URL,
    api_key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Approve a gate over its present evidence."""
    body = {"approver": approver, "comment": comment}
    path = f"/jobs/{job_id}/gates/{gate}/approve"
    console.print(gates_table(with_job_api(lambda api: api.post(path, body), url, api_key, home)))


@job_app.command("undo")
def job_undo(
    run_id: Annotated[str, typer.Argument(help="The run to take back.")],
    url: UrlOption = DEFAULT_URL,
    api_key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Take back what a run did; what people touched is kept and listed."""

    async def work(api: JobApi) -> dict[str, Any]:
        undo = await api.post(f"/runs/{run_id}/undo")
        with watching(console, "undo") as view:
            return await api.run_ended(undo["run_id"], view)

    ended = with_job_api(work, url, api_key, home)
    console.print(run_table(ended))
    raise typer.Exit(0 if ended["balanced"] else 1)


@job_app.command("report")
def job_report(
    job_id: str,
    out: Annotated[Path, typer.Option(help="Folder for report.json and report.html.")] = Path(
        "var/report"
    ),
    url: UrlOption = DEFAULT_URL,
    api_key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Write the acceptance report."""
    report = with_job_api(lambda api: api.get(f"/jobs/{job_id}/report"), url, api_key, home)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(report, indent=2), encoding="utf-8")
    (out / "report.html").write_text(render(report), encoding="utf-8")
    console.print(f"{out / 'report.json'}  {out / 'report.html'}")
    raise typer.Exit(0 if report["balanced"] else 1)
