"""Intentions to change one Zoho record. transformer, reconciler → loader."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from bridgework_contracts.ids import RunId
from bridgework_contracts.records import Change, Problem, Provenance
from bridgework_contracts.runs import Frozen


class Op(StrEnum):
    """What the loader is asked to make true."""

    PUT = "put"
    """The record exists with these fields (insert, upsert or three-way update, loader decides)."""
    FLAG_DELETED = "flag_deleted"
    """The source deleted it: nothing is deleted in Zoho, the outcome is skipped with a reason."""
    UNDO_CREATE = "undo_create"
    """Delete what run ``undo_of`` created, unless a person touched it since."""
    UNDO_UPDATE = "undo_update"
    """Put ``before`` back, field by field, where the current value is still ours."""


class Ref(Frozen):
    """A lookup, resolved by the loader through the crosswalk."""

    field: str = Field(description="Live API name of the lookup field.")
    object: str
    key: str
    required: bool = True
    se_module: str | None = Field(
        default=None, description="Module for a What_Id on Events and Tasks ($se_module)."
    )


class Owner(Frozen):
    """The resolved user; never empty."""

    user_id: str
    review: bool = False


class WriteRecord(Frozen):
    """One record to write. Key of the message = the partition key of the source record."""

    type: Literal["WriteRecord"] = "WriteRecord"
    run_id: RunId
    op: Op = Op.PUT
    change: Change = Change.NEW
    object: str
    module: str = Field(description="Live API name of the module.")
    key: str
    external_id_field: str | None = Field(
        description="Live API name of the unique source-id field; None where the module has none."
    )
    fields: dict[str, Any] = Field(description="Live API name → value as Zoho takes it.")
    refs: tuple[Ref, ...] = ()
    owner: Owner | None = None
    content_hash: str
    parts: dict[str, int] = Field(default_factory=dict)
    provenance: tuple[Provenance, ...] = ()
    problems: tuple[Problem, ...] = ()
    zoho_id: str | None = Field(default=None, description="undo only")
    sent: dict[str, Any] | None = Field(default=None, description="undo only: what we wrote.")
    before: dict[str, Any] | None = Field(default=None, description="undo only: what was there.")
