"""Where a quarantined place stands, and which move is legal.

::

    open ──fix──► fixed ──a finished run carried it──► released ──that run undone──► fixed
      │             ├──row changed or gone, or the value does not fit──► stale ──fix──► fixed
      │             └──withdraw──► open
      ├──accept──► accepted ──withdraw──► open
      └──the newest export no longer shows it──► gone

A place that is found again although it was released or gone is open again.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from bridgework_contracts.runs import RunKind


class PlaceState(StrEnum):
    """Where a place stands."""

    OPEN = "open"
    FIXED = "fixed"
    STALE = "stale"
    RELEASED = "released"
    ACCEPTED = "accepted"
    GONE = "gone"


MAY_FIX = frozenset(set(PlaceState) - {PlaceState.GONE})
MAY_ACCEPT = frozenset({PlaceState.OPEN, PlaceState.STALE, PlaceState.FIXED})
MAY_WITHDRAW = frozenset({PlaceState.FIXED, PlaceState.STALE, PlaceState.ACCEPTED})

WHOLE = frozenset({RunKind.FULL, RunKind.DELTA})
"""Kinds of runs that read a whole export and so may settle places."""

_NOT_OF_THE_SOURCE = frozenset(
    {"run_cancelled", "object_without_wave", "undo_without_id", "no_before_image",
     "outcome_unknown", "deleted_in_source", "deleted_in_zoho", "parent_missing"}
)  # fmt: skip
"""Reasons that no correction of the row itself removes. Rows whose parent is not in the export are
listed by the extractor; what waits for a parent that was refused follows it by itself."""
_SHAPE_LIMIT = 40


def has_source_cause(line: Mapping[str, Any]) -> bool:
    """Tell whether a report's line is about a row whose values keep it out of Zoho."""
    return (
        line["outcome"] in {"failed", "parked"}
        and line["effect"] == line["outcome"]
        and line["code"] not in _NOT_OF_THE_SOURCE
        and bool(line["file"])
        and line["line"] > 0
    )


def is_fixable(row: Mapping[str, Any]) -> bool:
    """Tell whether one correction can repair a place."""
    return row["row_mark"] is not None or str(row["last_seen"]).startswith("run_")


def shape(value: str) -> str:
    """Return a value's masked shape: digits become 9, letters A or a; at most 40 characters."""
    masked = "".join(
        "9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c
        for c in value[:_SHAPE_LIMIT].replace("\n", " ")
    )
    return masked + ("…" if len(value) > _SHAPE_LIMIT else "")
