"""How a clinical note becomes a Zoho note: a header line, the text, a marker that finds it again.

Zoho notes have no custom fields, their times cannot be set and they cannot be upserted; so date,
author and state stand in the first line and ``[src:note:KEY]`` in the last. A text that does not
fit into Note_Content is cut at a line or word, says so, and the whole text travels as a file named
:func:`overflow_file_name` on the same Contact; the extractor emits that file for every note for
which :func:`overflows` is true. Nothing is lost, and one note stays one record.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

NOTE_CONTENT_LIMIT = 65_535
"""Note_Content's length. Source: Zoho v8 notes, read 2026-11."""

_HEADER_ROOM = 1_024
"""Kept free for header, notice and marker."""
TEXT_LIMIT = NOTE_CONTENT_LIMIT - _HEADER_ROOM

NOTE_TEXTS = (
    "key",
    "text",
    "note_date",
    "entered_at",
    "type",
    "author_key",
    "author_initials",
    "author_name_printed",
    "addendum_of",
)
"""Canonical fields of a note that are text or blank; ``signed`` and ``images`` are not."""

_MARKER = re.compile(r"\s*\[src:note:([^\]\r\n]+)\]\s*\Z")
_CUT_WINDOW = 400
_HEADER_PART_LIMIT = 120


class NoteText(NamedTuple):
    """Note_Content, and whether the text had to be cut."""

    content: str
    cut: bool


def marker(key: str) -> str:
    """Return the marker of a note key."""
    return f"[src:note:{key}]"


def key_in(content: str) -> str | None:
    """Return the key in a note's marker, or None: then it is not one of ours."""
    found = _MARKER.search(content)
    return found.group(1) if found else None


def without_marker(content: str) -> str:
    """Return the content as people read it."""
    return _MARKER.sub("", content)


def overflow_file_name(key: str) -> str:
    """Return the name of the file that holds the whole text of a note that did not fit."""
    return f"note-{re.sub(r'[^A-Za-z0-9_-]', '_', key)}-full-text.txt"


def overflows(text: str | None) -> bool:
    """Tell whether a note's text needs the file beside it."""
    return text is not None and zoho_length(text) > TEXT_LIMIT


def zoho_length(text: str) -> int:
    """Return the length as Zoho counts it (UTF-16 units, the larger of the likely counts)."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, limit: int) -> str:
    """Return the longest prefix of at most ``limit`` UTF-16 units, never half a character."""
    if zoho_length(text) <= limit:
        return text
    prefix = text[:limit]
    while zoho_length(prefix) > limit:
        prefix = prefix[: len(prefix) - max(1, (zoho_length(prefix) - limit) // 2)]
    return prefix


def header(fields: Mapping[str, Any]) -> str:
    """Return the first line: day of service, type, author, when it was typed, state."""
    pieces = [fields.get("note_date"), fields.get("type"), _author(fields)]
    entered = fields.get("entered_at")
    if entered:
        pieces.append(f"entered {entered[:16].replace('T', ' ')}")
    if fields.get("signed"):
        pieces.append("signed")
    if fields.get("addendum_of"):
        pieces.append(f"addendum to note {fields['addendum_of']}")
    images = fields.get("images")
    if isinstance(images, list) and images:
        pieces.append(f"{len(images)} image{'s' if len(images) > 1 else ''} attached")
    return " · ".join(cut(str(piece), _HEADER_PART_LIMIT) for piece in pieces if piece)


def note_content(fields: Mapping[str, Any]) -> NoteText:
    """Return what goes into Note_Content for one canonical note."""
    key = str(fields.get("key", ""))
    text = fields.get("text") or ""
    first = header(fields)
    too_long = overflows(text)
    if too_long:
        text = f"{_cut_at_word(text)}\n[continued in the attached file {overflow_file_name(key)}]"
    body = "\n".join(piece for piece in (first, text, marker(key)) if piece)
    return NoteText(body, too_long)


def _author(fields: Mapping[str, Any]) -> str:
    """Return "name (initials)", whichever is known; the provider key where neither is."""
    name = fields.get("author_name_printed")
    initials = fields.get("author_initials")
    if name and initials:
        return f"{name} ({initials})"
    if name or initials:
        return str(name or initials)
    author = fields.get("author_key")
    return f"provider {author}" if author else "author not recorded"


def _cut_at_word(text: str) -> str:
    prefix = cut(text, TEXT_LIMIT)
    window = prefix[-_CUT_WINDOW:]
    gap = max(window.rfind("\n"), window.rfind(" "))
    return prefix[: len(prefix) - len(window) + gap].rstrip() if gap > 0 else prefix
