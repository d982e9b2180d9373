"""Is a file what its media type says? Told by its first bytes, for the kinds a practice has."""

from bridgework_contracts.records import FileExtracted, Problem

HEAD_BYTES = 132
"""How much of a file the question needs (DICOM says so at byte 128)."""

_SIGNATURES: tuple[tuple[int, bytes, frozenset[str]], ...] = (
    (0, b"%PDF-", frozenset({"application/pdf"})),
    (0, b"\xff\xd8\xff", frozenset({"image/jpeg", "image/jpg", "image/pjpeg"})),
    (0, b"\x89PNG\r\n\x1a\n", frozenset({"image/png"})),
    (0, b"GIF8", frozenset({"image/gif"})),
    (0, b"BM", frozenset({"image/bmp", "image/x-ms-bmp"})),
    (0, b"II*\x00", frozenset({"image/tiff"})),
    (0, b"MM\x00*", frozenset({"image/tiff"})),
    (8, b"WEBP", frozenset({"image/webp"})),
    (128, b"DICM", frozenset({"application/dicom"})),
)
_SURE = frozenset(mime for _, _, mimes in _SIGNATURES for mime in mimes)


def mime_of(head: bytes) -> frozenset[str]:
    """Return the media types that a file beginning like this has; empty where we cannot tell."""
    for at, signature, mimes in _SIGNATURES:
        if head[at : at + len(signature)] == signature:
            return mimes
    return frozenset()


def mime_problem(file: FileExtracted, head: bytes) -> Problem | None:
    """Note a file that is not what it is called; it is moved all the same."""
    told = file.mime.lower().partition(";")[0].strip()
    found = mime_of(head)
    wrong = (bool(found) and told not in found) or (not found and told in _SURE)
    if not wrong or not head:
        return None
    where = file.provenance[0] if file.provenance else None
    return Problem(
        file=where.file if where else "",
        line=where.line if where else 0,
        field="mime",
        code="mime_mismatch",
        shape=told,
        effect="kept_raw",
        remedy="Open it once in Zoho; if it does not show, rename the file by its true kind.",
    )
