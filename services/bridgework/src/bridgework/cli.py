"""The ``bridgework`` command: the job API from a terminal, and everything on one machine."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from bridgework.api import ApiProblem, JobApi
from bridgework.home import DEFAULT_HOME, Home
from bridgework.journey import Journey, JourneyFailed
from bridgework.report_html import render
from bridgework.tables import gates_table, run_table
from bridgework.watching import watching

T = TypeVar("T")
console = Console()
app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
job_app = typer.Typer(no_args_is_help=True, help="Jobs: status, gates, undo, report.")
dead_app = typer.Typer(no_args_is_help=True, help="Messages that could not be handled.")
tenant_app = typer.Typer(no_args_is_help=True, help="Practices and their Zoho orgs.")
app.add_typer(job_app, name="job")
app.add_typer(dead_app, name="deadletters")
app.add_typer(tenant_app, name="tenant")

HomeOption = Annotated[Path, typer.Option("--home", help="Folder of the installation.")]
UrlOption = Annotated[
    str, typer.Option("--url", envvar="BRIDGEWORK_URL", help="Where the job API answers.")
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--api-key", envvar="BRIDGEWORK_API_KEY", help="Else the one of this installation."
    ),
]
DEFAULT_URL = "http://127.0.0.1:8080"


def _run(work: Callable[[JobApi], Awaitable[T]], url: str, api_key: str | None, home: Path) -> T:
    """Do ``work`` with the job API; print what went wrong and exit 1 instead of a traceback."""

    async def with_api() -> T:
        async with JobApi(url, api_key or Home(home).secrets().api_key) as api:
            return await work(api)

    try:
        return asyncio.run(with_api())
    except (ApiProblem, JourneyFailed) as exc:
        console.print(f"[red]{exc}[/red]")
        raise typer.Exit(1) from exc


# ---- one machine --------------------------------------------------------------------------------


@app.command()
def up(
    home: HomeOption = DEFAULT_HOME,
    port: Annotated[int, typer.Option(help="Of the job API; five more follow.")] = 8080,
    log: Annotated[str, typer.Option(help="embedded or kafka")] = "embedded",
    log_level: str = "info",
    log_format: Annotated[str, typer.Option(help="json or console")] = "json",
    durable: Annotated[bool, typer.Option(help="Commits survive a power cut.")] = True,  # noqa: FBT002  # a flag
) -> None:
    """Run all six services in one process over embedded PostgreSQL, until interrupted."""
    from bridgework.up import run_up  # noqa: PLC0415  # six services; other commands need none

    if log not in {"embedded", "kafka"}:
        raise typer.BadParameter("embedded or kafka", param_hint="--log")
    place = Home(home)
    place.secrets()
    console.print(f"Job API: http://127.0.0.1:{port}/docs   key: {place.path / 'secrets.json'}")
    import uvloop  # noqa: PLC0415  # as the services' own processes do

    sys.exit(
        uvloop.run(
            run_up(
                place,
                port=port,
                log=log,  # type: ignore[arg-type]  # checked above
                log_level=log_level,
                log_format=log_format,
                durable=durable,
            )
        )
    )


@app.command()
def sandbox(port: int = 8085, data: Path | None = None) -> None:
    """Run a local Zoho CRM, as a process of its own."""
    command = [sys.executable, "-m", "bridgework_zoho_sandbox", "--port", str(port)]
    if data is not None:
        command += ["--data", str(data)]
    os.execv(sys.executable, command)  # noqa: S606  # our own module, no shell


@app.command()
def demo(
    export: Annotated[Path | None, typer.Option(help="Export folder; else one is made.")] = None,
    second: Annotated[
        Path | None, typer.Option(help="A later export of the same practice, for the delta.")
    ] = None,
    log: Annotated[str, typer.Option(help="embedded or kafka")] = "embedded",
    patients: Annotated[int, typer.Option(help="Of the practice that is made.")] = 150,
    out: Annotated[Path, typer.Option(help="Report and working files.")] = Path("var/demo"),
) -> None:
    """Move a practice end to end and prove it; exit 1 if anything does not balance."""
    from bridgework.demo.scenario import Demo  # noqa: PLC0415  # needs every package

    if log not in {"embedded", "kafka"}:
        raise typer.BadParameter("embedded or kafka", param_hint="--log")
    scenario = Demo(console, export=export, second=second, log=log, patients=patients, out=out)
    try:
        good = asyncio.run(scenario.run())
    except (ApiProblem, JourneyFailed) as exc:
        console.print(f"[red]{exc}[/red]")
        raise typer.Exit(1) from exc
    raise typer.Exit(0 if good else 1)


# ---- the source ---------------------------------------------------------------------------------


@app.command()
def audit(
    export: Annotated[Path, typer.Argument(help="Export folder or zip.", exists=True)],
    out: Annotated[Path, typer.Option(help="Where audit.json and audit.html go.")] = Path(
        "var/audit"
    ),
    time_zone: str = "America/New_York",
    unit_min: int = 10,
) -> None:
    """Say what an export holds and what is wrong with it; reads only, needs no service."""
    from bridgework.local_audit import audit_locally  # noqa: PLC0415  # DuckDB is heavy

    report = audit_locally(export, out, time_zone=time_zone, unit_min=unit_min)
    table = Table(title=f"Grade {report['grade']}")
    table.add_column("object")
    table.add_column("rows", justify="right")
    for name, count in sorted(report["objects"].items()):
        table.add_row(name, str(count))
    console.print(table)
    for blocker in report["blockers"]:
        console.print(f"[red]blocker: {blocker}[/red]")
    console.print(f"{out / 'audit.json'}  {out / 'audit.html'}")
    raise typer.Exit(1 if report["blockers"] else 0)


@app.command()
def generate(
    out: Path,
    patients: int = 150,
    seed: int = 1,
    dialect: Annotated[str, typer.Option(help="a, b, c or d")] = "a",
    defects: Annotated[float, typer.Option(help="1.0 = the table's rates")] = 1.0,
) -> None:
    """Write a synthetic practice's export with its answer key."""
    from bridgework_synthetic import generate as make  # noqa: PLC0415

    if dialect not in {"a", "b", "c", "d"}:
        raise typer.BadParameter("a, b, c or d", param_hint="--dialect")
    make(out, patients=patients, seed=seed, dialect=dialect, defects=defects)  # type: ignore[arg-type]  # checked above
    console.print(f"{out / 'export'}")


@app.command()
def evolve(previous: Path, out: Path, seed: int = 2) -> None:
    """Write the second export of a generated practice, two days later."""
    from bridgework_synthetic import evolve as make  # noqa: PLC0415

    make(previous, out, seed=seed)
    console.print(f"{out / 'export'}")


# ---- tenants and jobs ---------------------------------------------------------------------------


@tenant_app.command("create")
def tenant_create(
    file: Annotated[Path, typer.Argument(help="JSON as POST /v1/tenants takes it.", exists=True)],
    url: UrlOption = DEFAULT_URL,
    api_key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Register a practice and its Zoho org."""
    body = json.loads(file.read_text(encoding="utf-8"))
    made = _run(lambda api: api.post("/tenants", body), url, api_key, home)
    console.print(f"tenant {made['tenant_id']}")


@app.command()
def migrate(
    export: Annotated[Path, typer.Argument(help="Export folder or zip.", exists=True)],
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

    job_id = _run(work, url, api_key, home)
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

    job, runs = _run(work, url, api_key, home)
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
        gates_table(_run(lambda api: api.get(f"/jobs/{job_id}/gates"), url, api_key, home))
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
    console.print(gates_table(_run(lambda api: api.post(path, body), url, api_key, home)))


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

    ended = _run(work, url, api_key, home)
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
    report = _run(lambda api: api.get(f"/jobs/{job_id}/report"), url, api_key, home)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(report, indent=2), encoding="utf-8")
    (out / "report.html").write_text(render(report), encoding="utf-8")
    console.print(f"{out / 'report.json'}  {out / 'report.html'}")
    raise typer.Exit(0 if report["balanced"] else 1)


# ---- dead letters -------------------------------------------------------------------------------


@dead_app.command("list")
def deadletters_list(
    tenant: str,
    url: UrlOption = DEFAULT_URL,
    api_key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """List what could not be handled, newest first."""
    page = _run(lambda api: api.get(f"/tenants/{tenant}/dead-letters"), url, api_key, home)
    table = Table()
    for column in ("id", "service", "code", "hint", "replayed"):
        table.add_column(column)
    for row in page["data"]:
        table.add_row(
            row["dead_letter_id"],
            row["service"],
            row["code"],
            row["hint"],
            row["replayed_at"] or "",
        )
    console.print(table)


@dead_app.command("show")
def deadletters_show(
    tenant: str,
    dead_letter_id: str,
    url: UrlOption = DEFAULT_URL,
    api_key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Show one dead letter without its content."""
    path = f"/tenants/{tenant}/dead-letters/{dead_letter_id}"
    console.print_json(data=_run(lambda api: api.get(path), url, api_key, home))


@dead_app.command("replay")
def deadletters_replay(
    tenant: str,
    dead_letter_id: str,
    operator: Annotated[str, typer.Option(help="Who asks.")] = "cli",
    url: UrlOption = DEFAULT_URL,
    api_key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Put the message back on its topic."""
    path = f"/tenants/{tenant}/dead-letters/{dead_letter_id}/replay"
    _run(lambda api: api.post(path, {"operator": operator}), url, api_key, home)
    console.print(f"replayed {dead_letter_id}")


def main() -> None:
    """Run the command."""
    app()
