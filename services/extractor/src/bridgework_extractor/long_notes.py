"""The file that travels beside a note whose text is longer than a Zoho note may be.

The mapping cuts such a text and names the file in the note; the file holds the whole of it.
"""

import hashlib

from bridgework_dental_exec.records import CanonicalFile, CanonicalRecord, content_hash
from bridgework_mapping.notes import overflow_file_name, overflows

NOTE = "note"
FILE_OBJECT = "note_image"
"""Everything that hangs on a note travels under this object."""

_MIME = "text/plain"


def is_long(record: CanonicalRecord) -> bool:
    """Tell whether a record is a note that needs the file."""
    return record.object == NOTE and overflows(record.fields.get("text"))


def full_text(record: CanonicalRecord) -> CanonicalFile:
    """Return the file of a long note, to hang on the note's patient; key ``<note>#full-text``."""
    content = str(record.fields["text"]).encode("utf-8", "surrogatepass")
    name = overflow_file_name(record.key)
    parent = record.fields.get("patient_key")
    digest = hashlib.sha256(content).hexdigest()
    return CanonicalFile(
        object=FILE_OBJECT,
        key=f"{record.key}#full-text",
        parent_object="patient",
        parent_key=parent,
        partition_key=record.partition_key,
        name=name,
        mime=_MIME,
        size_bytes=len(content),
        sha256=digest,
        state="present",
        # The note's own hash is keyed: that of its file tells as little about the text.
        content_hash=content_hash({"parent": parent, "name": name, "note": record.content_hash}),
        content=content,
        category="Full text of a note",
        taken_at=record.fields.get("entered_at"),
        provenance=record.provenance[:1],
    )
