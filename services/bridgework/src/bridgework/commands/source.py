"""The source: audit an export, make a practice."""

from pathlib import Path
from typing import Annotated

import typer
from bridgework_contracts.errors import BridgeworkError
from rich.table import Table

from bridgework.terminal import console

app = typer.Typer()


@app.command()
def audit(
    export: Annotated[Path, typer.Argument(help="Folder, zip or database file.", exists=True)],
    out: Annotated[Path, typer.Option(help="Where audit.json and audit.html go.")] = Path(
        "var/audit"
    ),
    time_zone: str = "America/New_York",
    unit_min: int = 10,
) -> None:
    """Say what an export holds and what is wrong with it; reads only, needs no service."""
    from bridgework.local_audit import audit_locally  # noqa: PLC0415  # DuckDB is heavy

    try:
        report = audit_locally(export, out, time_zone=time_zone, unit_min=unit_min)
    except BridgeworkError as exc:
        console.print(
            f"{exc.code}: {exc} {exc.details.get('remedy', '')}", style="red", markup=False
        )
        raise typer.Exit(1) from exc
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
