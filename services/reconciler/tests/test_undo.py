"""Turning a journal row around."""

from typing import Any

from bridgework_contracts.codec import decode, encode
from bridgework_contracts.ids import RunId
from bridgework_contracts.writes import Op
from bridgework_reconciler.domain.undo import undo_file, undo_write

UNDO = RunId("run_undo")
ROW: dict[str, Any] = {
    "object": "patient",
    "key": "1201",
    "is_file": False,
    "effect": "created",
    "module": "Contacts",
    "zoho_id": "500",
    "zoho_parent_id": None,
    "parent_object": None,
    "parent_key": None,
    "content_hash": "h1",
}
VALUES = {"sent": {"Last_Name": "A"}, "before": {"Last_Name": "B"}, "conflicts": []}


def test_what_was_created_is_asked_to_be_deleted_by_id_with_what_we_wrote() -> None:
    """The loader needs what was sent to see whether a person touched it since."""
    write = undo_write(UNDO, ROW, {**VALUES, "before": None}, "Source_Patient_ID")
    assert write.op is Op.UNDO_CREATE
    assert (write.run_id, write.object, write.key, write.module, write.zoho_id) == (
        "run_undo",
        "patient",
        "1201",
        "Contacts",
        "500",
    )
    assert write.sent == {"Last_Name": "A"}
    assert write.before is None
    assert write.external_id_field == "Source_Patient_ID"


def test_what_was_changed_is_asked_to_be_put_back() -> None:
    """With the values that stood there before."""
    write = undo_write(UNDO, {**ROW, "effect": "changed"}, VALUES, None)
    assert write.op is Op.UNDO_UPDATE
    assert write.before == {"Last_Name": "B"}
    assert write.sent == {"Last_Name": "A"}


def test_an_undo_writes_no_fields_and_its_hash_is_not_the_writes_own() -> None:
    """Equal hashes would let the loader call it unchanged."""
    write = undo_write(UNDO, ROW, VALUES, None)
    assert write.fields == {}
    assert write.refs == ()
    assert write.owner is None
    assert write.content_hash == "undo:h1"


def test_a_row_without_values_can_still_be_taken_back() -> None:
    """A creation whose values were not kept is deleted by its id."""
    write = undo_write(UNDO, ROW, {}, None)
    assert (write.op, write.zoho_id, write.sent, write.before) == (
        Op.UNDO_CREATE,
        "500",
        None,
        None,
    )


def test_a_file_is_asked_to_be_deleted_from_where_it_hangs() -> None:
    """Module, parent and attachment id; no bytes travel."""
    row = {
        **ROW,
        "object": "document",
        "key": "d-1",
        "is_file": True,
        "zoho_parent_id": "500",
        "zoho_id": "900",
        "parent_object": "patient",
        "parent_key": "1201",
    }
    file = undo_file(UNDO, row)
    assert (file.op, file.zoho_module, file.zoho_parent_id, file.zoho_id) == (
        "delete",
        "Contacts",
        "500",
        "900",
    )
    assert (file.parent.object, file.parent.key) == ("patient", "1201")
    assert (file.path, file.content_b64, file.sha256) == (None, None, None)
    assert decode(encode(file)) == file
