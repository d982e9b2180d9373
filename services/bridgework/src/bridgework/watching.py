"""Live progress of a run on a terminal: a bar per object, credits, and what it waits for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

Json = dict[str, Any]


class RunView:
    """Shows states of one run."""

    def __init__(self, progress: Progress, console: Console, title: str) -> None:
        self._progress = progress
        self._console = console
        self._title = title
        self._bars: dict[str, TaskID] = {}
        self._said: set[str] = set()
        self._quiet_at = 0.0

    def __call__(self, run: Json) -> None:
        """Show this state."""
        for name, total in run["extracted"].items():
            if total == 0:
                continue
            done = sum(run["outcomes"].get(name, {}).values())
            if name not in self._bars:
                self._bars[name] = self._progress.add_task(name, total=total)
            self._progress.update(self._bars[name], completed=min(done, total), total=total)
        self._say(f"{self._title}: {run['state']}")
        if run["waiting"]:
            self._say(waiting_words(run["waiting"]))
        if run["error"]:
            self._say(f"[red]{run['error']['code']}: {run['error']['sentence']}[/red]")

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._console.print(f"  {text}")


def waiting_words(waiting: Json) -> str:
    """Say what a run or an audit waits for."""
    until = waiting.get("until") or "somebody acts"
    return f"waits for {waiting['code']} until {until}: {waiting['sentence']}"


@contextmanager
def watching(console: Console, title: str) -> Iterator[RunView]:
    """Show bars for the length of a block; on a pipe only the states are printed."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<24}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    started = time.monotonic()
    with Progress(*columns, console=console, transient=True) as progress:
        yield RunView(progress, console, title)
    console.print(f"  {title}: {time.monotonic() - started:.1f} s")
