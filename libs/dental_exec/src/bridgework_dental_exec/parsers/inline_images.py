"""Pictures inside notes: held there, pointed at, or damaged. None of them is forgotten."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, unquote_to_bytes

from bridgework_dental_exec.parsers.media import is_complete, mime_by_bytes, mime_by_name

ImageKind = Literal["data", "rtf-pict", "path", "unc", "cid", "url"]


@dataclass(frozen=True, slots=True)
class InlineImage:
    """One picture inside a note.

    Attributes:
        kind: Where it points: inside the note (``data``, ``rtf-pict``), a file of the office
            computer (``path``), a share (``unc``), an e-mail part (``cid``), a web address.
        mime: Type by its bytes or its name.
        content: The bytes where the note holds them; ``None`` for a pointer or damaged data.
        target: What the note points at; empty for pictures inside the note.
        broken: True where the note holds data that is no picture.
    """

    kind: ImageKind
    mime: str
    content: bytes | None = None
    target: str = ""
    broken: bool = False

    @property
    def sha256(self) -> str | None:
        """SHA-256 of the content, ``None`` without content."""
        return hashlib.sha256(self.content).hexdigest() if self.content is not None else None

    @property
    def file_name(self) -> str:
        """Last part of the target, without a mail part's host; empty without target."""
        tail = re.split(r"[\\/]", self.target.removeprefix("cid:"))[-1]
        return tail.split("@")[0].split("?")[0]


def image_at(source: str) -> InlineImage:
    """Return the picture an HTML ``src`` holds or points at."""
    bare = source.strip()
    lowered = bare.lower()
    if lowered.startswith("data:"):
        return _data_image(bare)
    if lowered.startswith("cid:"):
        return InlineImage("cid", mime_by_name(bare.split("@")[0]), target=bare)
    if bare.startswith(("\\\\", "//")) or re.match(r"file:/{4,5}[^/]", lowered):
        return InlineImage("unc", mime_by_name(bare), target=bare)
    if lowered.startswith("file:") or re.match(r"[a-z]:[\\/]", lowered):
        return InlineImage("path", mime_by_name(bare), target=unquote(bare))
    if lowered.startswith(("http:", "https:")):
        return InlineImage("url", mime_by_name(bare), target=bare)
    return InlineImage("path", mime_by_name(bare), target=unquote(bare))


def _data_image(source: str) -> InlineImage:
    head, _, payload = source[5:].partition(",")
    printed = head.split(";")[0].strip().lower() or "application/octet-stream"
    try:
        if ";base64" in head.lower():
            packed = re.sub(r"\s+", "", unquote(payload))
            content = base64.b64decode(packed, validate=True)
        else:
            content = unquote_to_bytes(payload)
    except (binascii.Error, ValueError):
        return InlineImage("data", printed, broken=True)
    return checked_image("data", content, printed)


def checked_image(kind: ImageKind, content: bytes, printed: str) -> InlineImage:
    """Return a picture by its bytes; its printed type counts where they tell none."""
    mime = mime_by_bytes(content)
    if not content or (mime is None and printed.startswith("image/") and printed != "image/x-wmf"):
        return InlineImage(kind, printed, content or None, broken=True)
    if mime is not None and not is_complete(content, mime):
        return InlineImage(kind, mime, content, broken=True)
    return InlineImage(kind, mime or printed, content)
