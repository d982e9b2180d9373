"""Types of files: by their first bytes, by their names, and whether a picture is whole."""

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"%PDF-", "application/pdf"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"{\\rtf", "application/rtf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\xd7\xcd\xc6\x9a", "image/x-wmf"),
)
_BY_SUFFIX = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif",
    "bmp": "image/bmp", "tif": "image/tiff", "tiff": "image/tiff", "pdf": "application/pdf",
    "dcm": "application/dicom", "webp": "image/webp", "txt": "text/plain", "rtf": "application/rtf",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}  # fmt: skip
_DICOM_AT = 128


def mime_by_bytes(content: bytes) -> str | None:
    """Return the type a file's first bytes tell, ``None`` where they tell none."""
    for magic, mime in _MAGIC:
        if content.startswith(magic):
            return mime
    if content[_DICOM_AT : _DICOM_AT + 4] == b"DICM":
        return "application/dicom"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return None


def mime_by_name(name: str) -> str:
    """Return the type a file name's ending tells."""
    suffix = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    return _BY_SUFFIX.get(suffix, "application/octet-stream")


def is_complete(content: bytes, mime: str) -> bool:
    """True where a picture's end is there; formats without an end mark count as complete."""
    if mime == "image/png":
        return b"IEND" in content[-16:]
    if mime == "image/jpeg":
        return content.rstrip(b"\0").endswith(b"\xff\xd9")
    return True
