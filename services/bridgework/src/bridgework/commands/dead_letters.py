"""Messages that could not be handled: list, show, replay."""

from typing import Annotated

import typer
from rich.table import Table

from bridgework.home import DEFAULT_HOME
from bridgework.tables import add_id_column
from bridgework.terminal import (
    DEFAULT_URL,
    HomeOption,
    KeyOption,
    UrlOption,
    console,
    with_job_api,
)

app = typer.Typer()
dead_app = typer.Typer(no_args_is_help=True, help="Messages that could not be handled.")
app.add_typer(dead_app, name="deadletters")


@dead_app.command("list")
def deadletters_list(
    tenant: str,
    url: UrlOption = DEFAULT_URL,
    api_key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """List what could not be handled, newest first."""
    page = with_job_api(lambda api: api.get(f"/tenants/{tenant}/dead-letters"), url, api_key, home)
    table = Table()
    add_id_column(table, [row["dead_letter_id"] for row in page["data"]])
    for column in ("service", "code", "hint", "replayed"):
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
    console.print_json(data=with_job_api(lambda api: api.get(path), url, api_key, home))


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
    with_job_api(lambda api: api.post(path, {"operator": operator}), url, api_key, home)
    console.print(f"replayed {dead_letter_id}")
