"""The quarantine: what could not be read or understood, and what people decide about it."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bridgework.api import JobApi
from bridgework.home import DEFAULT_HOME
from bridgework.tables import places_table, run_table
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
quarantine_app = typer.Typer(
    no_args_is_help=True, help="Bad input: list it, fix or accept it, release what was fixed."
)
app.add_typer(quarantine_app, name="quarantine")

ByOption = Annotated[str, typer.Option(help="Who decides.")]
WhyOption = Annotated[str, typer.Option(help="Why; it stands in the report.")]
_PAGE = "500"


@quarantine_app.command("list")
def quarantine_list(
    job_id: str,
    state: Annotated[
        str, typer.Option(help="open, fixed, stale, released, accepted, gone or all.")
    ] = "open",
    file: Annotated[str | None, typer.Option(help="Only this file of the export.")] = None,
    code: Annotated[str | None, typer.Option(help="Only this code.")] = None,
    as_json: Annotated[  # noqa: FBT002  # a flag
        bool, typer.Option("--json", help="Everything, as JSON.")
    ] = False,
    url: UrlOption = DEFAULT_URL,
    api_key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """List what a person should correct or accept: file, line, column, masked shape, remedy."""
    asked = {"file": file, "code": code, "state": None if state == "all" else state}
    wanted = {name: value for name, value in asked.items() if value is not None}

    async def work(api: JobApi) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        places: list[dict[str, Any]] = []
        more: dict[str, str] = {}
        while True:
            page = await api.get(f"/jobs/{job_id}/quarantine", limit=_PAGE, **wanted, **more)
            places += page["data"]
            if page["next_cursor"] is None:
                return places, page
            more = {"cursor": page["next_cursor"]}

    places, page = with_job_api(work, url, api_key, home)
    if as_json:
        console.print_json(data=places)
        return
    console.print(places_table(places))
    counts = ", ".join(f"{number} {name}" for name, number in page["counts"].items() if number)
    console.print(counts or "The quarantine is empty.")
    if page["left_out"]:
        console.print(f"[yellow]{page['left_out']} more were found: repair the export.[/yellow]")


@quarantine_app.command("fix")
def quarantine_fix(
    job_id: str,
    item_id: str,
    by: ByOption,
    why: WhyOption,
    value_file: Annotated[
        Path | None,
        typer.Option(help="Read the value from a file instead of asking for it.", exists=True),
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="Another column of the row than the place's.")
    ] = None,
    url: UrlOption = DEFAULT_URL,
    api_key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Correct a cell (or a whole broken line); the value is asked for, never an argument.

    An argument would stand in the shell's history and in the list of processes. On a pipe the
    value is read from standard input.
    """
    value = _value(value_file)
    body = {"value": value, "by": by, "why": why} | ({"column": column} if column else {})
    path = f"/jobs/{job_id}/quarantine/{item_id}/fix"
    _print_place(with_job_api(lambda api: api.post(path, body), url, api_key, home))


@quarantine_app.command("accept")
def quarantine_accept(
    job_id: str,
    item_id: str,
    by: ByOption,
    why: WhyOption,
    url: UrlOption = DEFAULT_URL,
    api_key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Accept a place as it is: what it lost stays behind, with a name under it."""
    path = f"/jobs/{job_id}/quarantine/{item_id}/accept"
    body = {"by": by, "why": why}
    _print_place(with_job_api(lambda api: api.post(path, body), url, api_key, home))


@quarantine_app.command("withdraw")
def quarantine_withdraw(
    job_id: str,
    item_id: str,
    by: ByOption,
    why: WhyOption,
    url: UrlOption = DEFAULT_URL,
    api_key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Take a correction or an acceptance back before it was released."""
    path = f"/jobs/{job_id}/quarantine/{item_id}/withdraw"
    body = {"by": by, "why": why}
    _print_place(with_job_api(lambda api: api.post(path, body), url, api_key, home))


@quarantine_app.command("release")
def quarantine_release(
    job_id: str,
    by: ByOption,
    url: UrlOption = DEFAULT_URL,
    api_key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Move corrected rows: a delta over the same export; exit 1 unless it ends and balances."""

    async def work(api: JobApi) -> tuple[dict[str, Any], dict[str, Any]]:
        run = await api.post(f"/jobs/{job_id}/quarantine/release", {"by": by})
        with watching(console, "release") as view:
            ended = await api.run_ended(run["run_id"], view)
        return ended, await api.get(f"/jobs/{job_id}/quarantine", limit="1")

    ended, page = with_job_api(work, url, api_key, home)
    console.print(run_table(ended))
    counts = page["counts"]
    console.print(f"{counts['released']} released, {counts['stale']} stale, {counts['open']} open")
    raise typer.Exit(0 if ended["balanced"] and ended["state"] == "finished" else 1)


def _value(value_file: Path | None) -> str:
    if value_file is not None:
        return value_file.read_text(encoding="utf-8").rstrip("\r\n")
    if not sys.stdin.isatty():
        return sys.stdin.read().rstrip("\r\n")
    return str(typer.prompt("Value", hide_input=True, confirmation_prompt=True, default=""))


def _print_place(place: dict[str, Any]) -> None:
    console.print(
        f"{place['item_id']}  {place['file']}:{place['line']} {place['column']}  "
        f"[bold]{place['state']}[/bold]"
    )
