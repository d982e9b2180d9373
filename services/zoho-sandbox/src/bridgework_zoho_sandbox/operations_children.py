"""Notes, attachments, files: routes, prices, weights, scopes, answers."""

from __future__ import annotations

from . import attachments, notes, prices
from .operation import Operation, Param, one_credit
from .operation_parts import (
    API,
    FIELDS,
    FIELDS_OPTIONAL,
    IDS,
    PAGING,
    READ,
    TEXT,
    UPDATE,
    notes_scope,
)

_NOTE_STATUSES = (200, 207, 400)
_ONE_NOTE = (200, 400)
_NOTE_ROWS = (
    ("list", "GET", "", notes.list_notes, "READ", (200, 204, 400, 403)),
    ("create", "POST", "", notes.create_notes, "CREATE", (201, 207, 400)),
    ("update", "PUT", "", notes.update_notes, "UPDATE", _NOTE_STATUSES),
    ("delete", "DELETE", "", notes.delete_notes, "DELETE", _NOTE_STATUSES),
    ("get", "GET", "/{note}", notes.get_note, "READ", (200, 204, 400)),
    ("update_one", "PUT", "/{note}", notes.update_note, "UPDATE", _ONE_NOTE),
    ("delete_one", "DELETE", "/{note}", notes.delete_note, "DELETE", _ONE_NOTE),
)
_RELATED_NOTE_ROWS = (
    ("list", "GET", "", notes.list_related_notes, "READ", (200, 204, 400)),
    ("create", "POST", "", notes.create_related_notes, "CREATE", (201, 207, 400)),
    ("update", "PUT", "", notes.update_related_notes, "UPDATE", _NOTE_STATUSES),
    ("delete", "DELETE", "", notes.delete_related_notes, "DELETE", _NOTE_STATUSES),
    ("get", "GET", "/{note}", notes.get_related_note, "READ", (200, 204, 400)),
    ("update_one", "PUT", "/{note}", notes.update_related_note, "UPDATE", _ONE_NOTE),
    ("delete_one", "DELETE", "/{note}", notes.delete_related_note, "DELETE", _ONE_NOTE),
)


def _note_query(name: str) -> tuple[Param, ...]:
    return {
        "list": (FIELDS, IDS, *PAGING),
        "get": (FIELDS_OPTIONAL,),
        "delete": (Param("ids", dict(IDS.schema), required=True),),
    }.get(name, ())


NOTES = tuple(
    Operation(
        f"{prefix}.{name}",
        method,
        f"{base}{tail}",
        handler,
        notes_scope(related=related, operation=scope),
        statuses,
        prices.notes_price if method in {"POST", "PUT"} else one_credit,
        query=_note_query(name),
        body="json" if method in {"POST", "PUT"} else "none",
        listed_credits=(1, 10) if method in {"POST", "PUT"} else (1, 1),
    )
    for prefix, base, rows, related in (
        ("notes", f"{API}/Notes", _NOTE_ROWS, False),
        ("related_notes", f"{API}/{{module}}/{{id}}/Notes", _RELATED_NOTE_ROWS, True),
    )
    for name, method, tail, handler, scope, statuses in rows
)

_ATTACHED = f"{API}/{{module}}/{{id}}/Attachments"
FILES = (
    Operation(
        "attachments.list",
        "GET",
        _ATTACHED,
        attachments.list_attachments,
        (*READ, "ZohoCRM.modules.attachments.READ"),
        (200, 204, 400),
        query=(FIELDS, *PAGING),
    ),
    Operation(
        "attachments.upload",
        "POST",
        _ATTACHED,
        attachments.upload_attachment,
        (*UPDATE, "ZohoCRM.modules.attachments.CREATE"),
        (200, 400, 413),
        body="multipart",
    ),
    Operation(
        "attachments.delete_many",
        "DELETE",
        _ATTACHED,
        attachments.delete_attachments,
        (*UPDATE, "ZohoCRM.modules.attachments.DELETE"),
        (200, 207, 400),
        query=(Param("ids", dict(IDS.schema), required=True),),
    ),
    Operation(
        "attachments.download",
        "GET",
        f"{_ATTACHED}/{{attachment}}",
        attachments.download_attachment,
        (*READ, "ZohoCRM.modules.attachments.READ"),
        (200, 204, 400),
        binary=True,
    ),
    Operation(
        "attachments.delete",
        "DELETE",
        f"{_ATTACHED}/{{attachment}}",
        attachments.delete_attachment,
        (*UPDATE, "ZohoCRM.modules.attachments.DELETE"),
        (200, 400),
    ),
    Operation(
        "files.upload",
        "POST",
        f"{API}/files",
        attachments.upload_files,
        ("ZohoCRM.Files.CREATE",),
        (200, 400, 413, 415),
        body="multipart",
    ),
    Operation(
        "files.download",
        "GET",
        f"{API}/files",
        attachments.download_file,
        ("ZohoCRM.Files.READ",),
        (200, 204, 400),
        query=(Param("id", TEXT, required=True),),
        binary=True,
    ),
)
