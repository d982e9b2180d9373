"""Turning a journal around: what a run did becomes the writes that take it back."""

from typing import Any

from bridgework_contracts.ids import RunId
from bridgework_contracts.outcomes import Effect
from bridgework_contracts.records import FileExtracted, ParentRef
from bridgework_contracts.writes import Op, WriteRecord


def undo_write(
    run_id: RunId, row: dict[str, Any], values: dict[str, Any], external_id_field: str | None
) -> WriteRecord:
    """Return the write that takes one journalled record back.

    Args:
        run_id: The undo run.
        row: A row of ``undoable``.
        values: Its opened values: ``sent`` and ``before`` by live field name.
        external_id_field: Live name of the module's source-id field, if it has one.
    """
    created = row["effect"] == Effect.CREATED
    return WriteRecord(
        run_id=run_id,
        op=Op.UNDO_CREATE if created else Op.UNDO_UPDATE,
        object=row["object"],
        module=row["module"],
        key=row["key"],
        external_id_field=external_id_field,
        fields={},
        content_hash=f"undo:{row['content_hash']}",
        zoho_id=row["zoho_id"],
        sent=values.get("sent"),
        before=values.get("before"),
    )


def undo_file(run_id: RunId, row: dict[str, Any]) -> FileExtracted:
    """Return the message that takes one journalled file back."""
    return FileExtracted(
        run_id=run_id,
        op="delete",
        object=row["object"],
        key=row["key"],
        parent=ParentRef(object=row["parent_object"] or "", key=row["parent_key"] or ""),
        name="",
        mime="",
        size_bytes=0,
        sha256=None,
        zoho_module=row["module"],
        zoho_parent_id=row["zoho_parent_id"],
        zoho_id=row["zoho_id"],
    )
