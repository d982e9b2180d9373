"""What every command shares: the console, the options of the job API, and how errors end."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from bridgework.api import ApiProblem, JobApi
from bridgework.home import Home
from bridgework.journey import JourneyFailed

T = TypeVar("T")
_FILE_WIDTH = 120  # a log or a pipe says nothing of its width; tables need this much
console = Console()
if not console.is_terminal:
    console = Console(width=_FILE_WIDTH)

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


def with_job_api(
    work: Callable[[JobApi], Awaitable[T]], url: str, api_key: str | None, home: Path
) -> T:
    """Do ``work`` with the job API; print what went wrong and exit 1 instead of a traceback."""

    async def with_api() -> T:
        async with JobApi(url, api_key or Home(home).secrets().api_key) as api:
            return await work(api)

    try:
        return asyncio.run(with_api())
    except (ApiProblem, JourneyFailed) as exc:
        console.print(f"[red]{exc}[/red]")
        raise typer.Exit(1) from exc
