"""The ``bridgework`` command: the job API from a terminal, and everything on one machine."""

import typer

from bridgework.commands import dead_letters, jobs, machine, quarantine, source

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # they hold secrets and values of records
    help=__doc__,
)
for part in (machine, source, jobs, quarantine, dead_letters):
    app.add_typer(part.app)


def main() -> None:
    """Run the command."""
    app()
