"""What became of each record and file. Everyone who decides one → reconciler."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from bridgework_contracts.ids import RunId
from bridgework_contracts.records import ParentRef, Problem, Provenance
from bridgework_contracts.runs import Frozen


class Outcome(StrEnum):
    """The seven ends of a record; every record has exactly one per run."""

    INSERTED = "inserted"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    MERGED = "merged"
    SKIPPED = "skipped"
    FAILED = "failed"
    PARKED = "parked"


LANDED = frozenset({Outcome.INSERTED, Outcome.UPDATED, Outcome.UNCHANGED, Outcome.MERGED})
"""Outcomes after which the record's values are in Zoho; its parts then count as merged."""


class Effect(StrEnum):
    """What really happened in Zoho."""

    NONE = "none"
    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"
    RESTORED = "restored"


class Reason(Frozen):
    """Why an outcome is what it is, in words a practice understands. Never holds a value."""

    code: str
    sentence: str
    remedy: str = ""
    field: str | None = None
    missing_object: str | None = None
    missing_key: str | None = None


class Conflict(Frozen):
    """A field that a person changed in Zoho and the source changed too."""

    field: str
    base: Any = None
    theirs: Any = None
    ours: Any = None
    kept: Literal["theirs", "ours"] = "theirs"


class RecordOutcome(Frozen):
    """The end of one record in one run."""

    type: Literal["RecordOutcome"] = "RecordOutcome"
    run_id: RunId
    object: str
    key: str
    outcome: Outcome
    effect: Effect = Effect.NONE
    module: str | None = None
    zoho_id: str | None = None
    merged_into: str | None = None
    reason: Reason | None = None
    content_hash: str = ""
    sent: dict[str, Any] | None = Field(default=None, description="Fields written, live names.")
    before: dict[str, Any] | None = Field(
        default=None, description="Values of those fields before an update; None after a create."
    )
    conflicts: tuple[Conflict, ...] = ()
    parts: dict[str, int] = Field(default_factory=dict)
    provenance: tuple[Provenance, ...] = ()
    problems: tuple[Problem, ...] = ()
    credits: float = Field(default=0.0, description="This record's share of its calls' credits.")
    decided_by: str = Field(description="The service that decided.")


class FileOutcome(Frozen):
    """The end of one file in one run."""

    type: Literal["FileOutcome"] = "FileOutcome"
    run_id: RunId
    object: str
    key: str
    outcome: Outcome
    effect: Effect = Effect.NONE
    parent: ParentRef
    module: str | None = None
    zoho_parent_id: str | None = None
    zoho_id: str | None = None
    name: str = ""
    size_bytes: int = 0
    sha256: str | None = None
    proof: Literal["none", "size", "hash"] = "none"
    reason: Reason | None = None
    provenance: tuple[Provenance, ...] = ()
    problems: tuple[Problem, ...] = ()
    credits: float = 0.0
    decided_by: str = "rehoster"
