"""What leaves the source: canonical records, files and counts.

``fields`` hold JSON values only: strings, integers, booleans, null, lists, objects. Money is a
decimal string with two places, a date is ``YYYY-MM-DD``, a moment is practice wall-clock
``YYYY-MM-DDTHH:MM:SS`` without a zone. See ``docs/canonical.md`` for every object's fields.
"""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from bridgework_contracts.ids import RunId
from bridgework_contracts.runs import Frozen


class Provenance(Frozen):
    """Where a record (or one part of it) stands in the export."""

    file: str
    line: int = Field(description="Physical line of the row's first character; header is line 1.")


class Problem(Frozen):
    """Something about a value that a person may want to know; the record travels all the same."""

    file: str
    line: int
    field: str = Field(description="Column in the file, or spec name after mapping.")
    code: str
    shape: str = Field(default="", description="The value's masked shape, e.g. 99/99/9999.")
    effect: str = Field(description="What was done: left_out, normalised, kept_raw, truncated …")
    remedy: str


class Change(StrEnum):
    """How a record differs from the run's base snapshot."""

    NEW = "new"
    CHANGED = "changed"
    DELETED = "deleted"


class RecordExtracted(Frozen):
    """One canonical record. extractor → transformer, reconciler."""

    type: Literal["RecordExtracted"] = "RecordExtracted"
    run_id: RunId
    object: str = Field(description="Source object, e.g. patient (docs/canonical.md).")
    key: str
    change: Change = Change.NEW
    content_hash: str
    fields: dict[str, Any]
    parts: dict[str, int] = Field(
        default_factory=dict,
        description="Rows of other files folded into this record: part object → rows.",
    )
    provenance: tuple[Provenance, ...] = ()
    problems: tuple[Problem, ...] = ()


class ObjectExtracted(Frozen):
    """The count that outcomes must add up to. extractor → reconciler, once per object and run.

    ``extracted`` = emitted records + outcomes the extractor decided itself + ``unchanged``.
    For a part object ``extracted`` counts its rows wherever they went.
    """

    type: Literal["ObjectExtracted"] = "ObjectExtracted"
    run_id: RunId
    object: str
    extracted: int
    unchanged: int = Field(
        default=0, description="delta: equal to the base snapshot, counted without travelling."
    )


class ParentRef(Frozen):
    """The record a file hangs on."""

    object: str
    key: str


def sealed_file_context(sha256: str) -> bytes:
    """Return what a sealed file is bound to, by the SHA-256 of its plaintext."""
    return f"file:{sha256}".encode()


class FileExtracted(Frozen):
    """One file to re-host. extractor → rehoster (``op`` upload), reconciler → rehoster (delete)."""

    type: Literal["FileExtracted"] = "FileExtracted"
    run_id: RunId
    op: Literal["upload", "delete"] = "upload"
    object: str = Field(description="document or note_image")
    key: str
    change: Change = Change.NEW
    parent: ParentRef
    name: str
    mime: str
    size_bytes: int
    sha256: str | None = Field(description="None where the source file is missing.")
    path: str | None = Field(default=None, description="Path the rehoster can open, or None.")
    sealed: bool = Field(
        default=False, description="The file at path is sealed with the tenant's key."
    )
    content_b64: str | None = Field(default=None, description="The bytes themselves when small.")
    missing_reason: str | None = None
    zoho_parent_id: str | None = Field(default=None, description="delete: where it hangs.")
    zoho_module: str | None = None
    zoho_id: str | None = Field(default=None, description="delete: the attachment's id.")
    provenance: tuple[Provenance, ...] = ()
    problems: tuple[Problem, ...] = ()
