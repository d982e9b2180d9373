"""Text cells: control characters out, decoding accidents repaired only when they round-trip."""

import re

Parsed = tuple[str | None, str | None]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b\ufeff]")
_LOST = "\ufffd"


def _cp1252_bytes() -> dict[str, int]:
    table = {}
    for byte in range(0x80, 0x100):
        try:
            table[bytes([byte]).decode("cp1252")] = byte
        except UnicodeDecodeError:
            table[chr(byte)] = byte
    return table


_BYTE_OF = _cp1252_bytes()
_UTF8_LEAD, _UTF8_TAIL = range(0xC2, 0xF5), range(0x80, 0xC0)
_LATIN_BYTE_OF = {chr(b): b for b in range(0x80, 0xA0)}
_LEAD = "".join(c for c, b in _BYTE_OF.items() if b in _UTF8_LEAD)
_TAIL = "".join(c for c, b in {**_BYTE_OF, **_LATIN_BYTE_OF}.items() if b in _UTF8_TAIL)
_MOJIBAKE = re.compile(f"[{re.escape(_LEAD)}][{re.escape(_TAIL)}]{{1,3}}")


def repair_mojibake(text: str) -> str:
    """Return text in which stretches that were UTF-8 read as Windows-1252 are what they were.

    A stretch is only replaced when its bytes decode as UTF-8 and encode back to the same bytes.
    """

    def once(match: re.Match[str]) -> str:
        stretch = match[0]
        raw = bytes(_BYTE_OF.get(c) or _LATIN_BYTE_OF[c] for c in stretch)
        for end in range(len(raw), 1, -1):
            try:
                return raw[:end].decode("utf-8") + stretch[end:]
            except UnicodeDecodeError:
                continue
        return stretch

    return _MOJIBAKE.sub(once, text)


def clean_text(text: str, *, multiline: bool = True) -> Parsed:
    r"""Clean a text cell.

    Control characters are removed (never replaced by a blank: they stand inside words), line
    ends become ``\n``, mojibake is repaired where that is certain. Typographic quotes stay.

    Args:
        text: The cell.
        multiline: False joins the lines by a blank.
    """
    if text.isascii() and text.isprintable():
        return text.strip() or None, None
    code = None
    value = text.replace("\r\n", "\n")
    if not multiline:
        value = " ".join(part.strip() for part in value.split("\n") if part.strip())
    cleaned = _CONTROL.sub("", value)
    if cleaned != value:
        code = "text_control"
    if not cleaned.isascii():
        repaired = repair_mojibake(cleaned)
        if repaired != cleaned:
            cleaned, code = repaired, "text_mojibake"
        cleaned = cleaned.replace("\u00a0", " ")
        if _LOST in cleaned:
            code = "text_mojibake_lost"
    return cleaned.strip() or None, code


def parse_flag(text: str) -> tuple[bool | None, str | None]:
    """Read yes/no: blank and ``U`` mean that nobody asked (``None``), never ``False``."""
    word = text.strip().lower()
    if word in {"y", "yes", "true", "t", "1", "x", "-1"}:
        return True, None
    if word in {"n", "no", "false", "f", "0"}:
        return False, None
    if word in {"", "u", "unknown", "?", "unk"}:
        return None, None
    return None, "flag_unreadable"


def parse_key(text: str) -> Parsed:
    """Read a source key: blanks and a spreadsheet's ``.0`` go, a destroyed long id is refused."""
    bare = text.strip()
    if bare.isdigit():
        return bare, None
    if re.fullmatch(r"-?\d+\.0+", bare):
        return bare.split(".")[0], None
    match = re.fullmatch(r"(\d)[.,]?(\d*)[eE]\+?(\d{1,2})", bare)
    if match:
        digits, power = match[1] + match[2], int(match[3])
        if len(digits) - 1 >= power:
            return digits[: power + 1], None
        return bare, "number_destroyed"
    return bare or None, None
