"""Physical lines of a text file, decoded: whatever its encoding, however long a line is."""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bridgework_dental_exec.dialects import Dialect

MAX_LINE_CHARS = 16 << 20
"""A longer physical line is no text file's line: it is quarantined unread."""

_READ_BYTES = 1 << 20
_CP1252 = "".join(
    bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256)
)  # the codec's own table, with the five gaps filled


def decode_cp1252(raw: bytes) -> str:
    """Decode Windows-1252; the five undefined bytes become the control characters they are."""
    return codecs.charmap_decode(raw, "strict", _CP1252)[0]


def physical_lines(
    path: Path, dialect: Dialect, on_overlong: Callable[[int, str], None]
) -> Iterator[str]:
    r"""Yield the file's physical lines, decoded, each with its line end as ``\n`` or ``\r\n``."""
    number = 0
    for raw in _raw_lines(path, dialect):
        number += 1
        if isinstance(raw, _Overlong):
            on_overlong(number, raw.beginning)
            yield "\n"
            continue
        yield raw


@dataclass(frozen=True, slots=True)
class _Overlong:
    beginning: str


def _raw_lines(path: Path, dialect: Dialect) -> Iterator[str | _Overlong]:
    with path.open("rb") as stream:
        stream.seek(dialect.bom_bytes)
        if dialect.encoding.startswith("utf-16"):
            yield from _utf16_lines(iter(lambda: stream.read(_READ_BYTES), b""), dialect)
            return
        end = b"\r" if dialect.newline == "\r" else b"\n"
        rest = b""
        overlong: bytes | None = None
        while block := stream.read(_READ_BYTES):
            if overlong is not None:
                at = block.find(end)
                if at < 0:
                    continue
                yield _Overlong(decode_cp1252(overlong))
                overlong, block = None, block[at + 1 :]
            pieces = (rest + block).split(end)
            rest = pieces.pop()
            if pieces:
                yield from _decode_lines(pieces, dialect.encoding)
            if len(rest) > MAX_LINE_CHARS:
                overlong, rest = rest[:100], b""
        if overlong is not None:
            yield _Overlong(decode_cp1252(overlong))
        elif rest.rstrip(b"\x1a"):
            yield from (_strip_eof(text) for text in _decode_lines([rest], dialect.encoding))


def _strip_eof(text: str) -> str:
    return text.removesuffix("\n").rstrip("\x1a")


def _decode_lines(pieces: list[bytes], encoding: str) -> Iterator[str]:
    if encoding == "cp1252":
        for piece in pieces:
            yield decode_cp1252(piece) + "\n"
        return
    joined = b"\n".join(pieces)
    try:
        text = joined.decode("utf-8")
    except UnicodeDecodeError:
        for piece in pieces:
            try:
                yield piece.decode("utf-8") + "\n"
            except UnicodeDecodeError:
                yield decode_cp1252(piece) + "\n"
        return
    for line in text.split("\n"):
        yield line + "\n"


def _utf16_lines(blocks: Iterator[bytes], dialect: Dialect) -> Iterator[str | _Overlong]:
    decoder = codecs.getincrementaldecoder(dialect.encoding)("replace")
    rest = ""
    overlong: str | None = None
    for block in blocks:
        pieces = (rest + decoder.decode(block)).split("\n")
        rest = pieces.pop()
        if pieces and overlong is not None:
            yield _Overlong(overlong)
            overlong = None
            pieces.pop(0)
        for piece in pieces:
            yield piece + "\n"
        if len(rest) > MAX_LINE_CHARS:
            overlong = overlong or rest[:100]
            rest = ""
    rest += decoder.decode(b"", final=True)
    if overlong is not None:
        yield _Overlong(overlong)
    elif rest.rstrip("\x1a"):
        yield rest.rstrip("\x1a")
