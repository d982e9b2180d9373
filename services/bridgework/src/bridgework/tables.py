"""Runs and gates as tables on a terminal."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

OUTCOMES = ("inserted", "updated", "unchanged", "merged", "skipped", "failed", "parked")


def run_table(run: dict[str, Any]) -> Table:
    """Return a run's counters, from the run as the API shows it."""
    table = _counters(f"{run['kind']} {run['run_id']}  {run['state']}")
    for name, extracted in sorted(run["extracted"].items()):
        counts = run["outcomes"].get(name, {})
        if extracted or any(counts.values()):
            _row(table, name, {"extracted": extracted, **counts})
    return table


def report_table(run: dict[str, Any]) -> Table:
    """Return a run's counters by report object, from its part of the report."""
    good = "balanced" if run["balanced"] else "[red]does not balance[/red]"
    diff = run["diff"]
    title = (
        f"{run['kind']}: {good}, {diff['compared_records']} records and "
        f"{diff['compared_fields']} fields compared, {diff['mismatches']} mismatches, "
        f"{diff['accepted_conflicts']} people's edits kept, {run['credits']} credits, "
        f"{run['seconds']} s"
    )
    table = _counters(title)
    for name, counts in sorted(run["objects"].items()):
        if any(counts.values()):
            _row(table, name, counts)
    return table


def gates_table(gates: list[dict[str, Any]]) -> Table:
    """Return the gates of a job."""
    table = Table()
    for column in ("gate", "meaning", "approved by", "in its way"):
        table.add_column(column)
    for gate in gates:
        table.add_row(
            gate["gate"], gate["meaning"], gate["approved_by"] or "", "\n".join(gate["blockers"])
        )
    return table


def places_table(places: list[dict[str, Any]]) -> Table:
    """Return quarantined places: where, what, what to do."""
    table = Table()
    add_id_column(table, [one["item_id"] for one in places])
    table.add_column("state", no_wrap=True)
    table.add_column("place", no_wrap=True)
    for column in ("column", "code", "shape", "remedy"):
        table.add_column(column, overflow="fold")
    for one in places:
        table.add_row(
            one["item_id"],
            one["state"],
            f"{one['file']}:{one['line']}",
            one["column"],
            one["code"],
            escape(one["shape"]),
            escape(one["note"] or one["remedy"]),
        )
    return table


def _counters(title: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("object", no_wrap=True)
    for column in ("extracted", *OUTCOMES):
        table.add_column(column, justify="right", overflow="fold")
    return table


def add_id_column(table: Table, ids: list[str]) -> None:
    """Add a column of ids, never cut or wrapped: people copy them into the next command."""
    table.add_column("id", no_wrap=True, min_width=max(map(len, ids), default=0))


def _row(table: Table, name: str, counts: dict[str, int]) -> None:
    table.add_row(name, *(str(counts.get(c) or "") for c in ("extracted", *OUTCOMES)))
