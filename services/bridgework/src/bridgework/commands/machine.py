"""One machine: all services, a local Zoho CRM, the demo."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from bridgework.api import ApiProblem
from bridgework.home import DEFAULT_HOME, Home
from bridgework.journey import JourneyFailed
from bridgework.terminal import HomeOption, console

app = typer.Typer()


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
