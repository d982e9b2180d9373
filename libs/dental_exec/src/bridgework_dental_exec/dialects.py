"""How one delimited file is written: detected from the bytes, with the evidence, or pinned.

Encoding is decided on the whole file (a single byte at the end can rule UTF-8 out), delimiter and
quote on its beginning, the trailer line on its end.
"""

import codecs
import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bridgework_contracts.errors import ConfigurationError

_HEAD_BYTES = 256 << 10
_TAIL_BYTES = 64 << 10
_BLOCK = 4 << 20
_DELIMITERS = ",;\t|"
_QUOTES = '"~'
_SAMPLE_RECORDS = 200
_NUL_SHARE = 0.2
_FEW_UTF8 = 0.25
"""Fewer lines of UTF-8 per line of Windows-1252 are mojibake of the program, not another encoding:
their cells are repaired, and named, when they are read."""

ENCODINGS = ("utf-8", "cp1252", "utf-16-le", "utf-16-be", "mixed")
"""``mixed``: UTF-8 with stretches of Windows-1252, decided line by line."""

_TRAILER = re.compile(
    r"^\W*(\d+\W+(rows?|records?|lines?)\b|end\b|eof\b|trailer|total|records?\b|rows?\b"
    r"|count\b|\*{2,}|-{3,}|={3,})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FileScan:
    """What one pass over the bytes tells: identity and encoding facts."""

    size_bytes: int
    sha256: str
    line_feeds: int
    carriage_returns: int
    crlf: int
    nul_bytes: int
    quotes: bool
    """True where a double quote or a tilde occurs at all."""
    tabs: bool
    ends_open: bool
    """True where the last line has no line end."""
    utf8: str
    """``ascii``, ``valid``, ``invalid`` (hardly a line fits) or ``mixed``."""


@dataclass(frozen=True, slots=True)
class Dialect:
    r"""How a delimited file is written.

    Attributes:
        encoding: One of :data:`ENCODINGS`.
        bom_bytes: Length of the byte order mark to skip.
        delimiter: One character.
        quote: One character; doubled inside a quoted cell.
        newline: ``\r\n``, ``\n`` or ``\r`` (the usual one in the file).
        header_line: Physical line of the header.
        trailer: True where the last line is no record.
        evidence: Why, in short sentences without values.
        pinned: Names of the answers that were given instead of detected.
    """

    encoding: str = "utf-8"
    bom_bytes: int = 0
    delimiter: str = ","
    quote: str = '"'
    newline: str = "\n"
    header_line: int = 1
    trailer: bool = False
    evidence: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()


def scan_file(path: Path) -> FileScan:
    """Read a file once, in blocks: SHA-256, line ends, and whether it can be UTF-8."""
    digest = hashlib.sha256()
    size = lf = cr = crlf = nul = 0
    quotes = tabs = False
    invalid = False
    good = bad = 0
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    previous = b""
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            size += len(block)
            lf += block.count(b"\n")
            if b"\r" in block:
                cr += block.count(b"\r")
                crlf += block.count(b"\r\n")
            if previous.endswith(b"\r") and block.startswith(b"\n"):
                crlf += 1
            previous = block[-1:]
            nul += block.count(b"\0") if b"\0" in block else 0
            quotes = quotes or b'"' in block or b"~" in block
            tabs = tabs or b"\t" in block
            if block.isascii() and not decoder.getstate()[0]:
                continue
            try:
                decoder.decode(block)
                good += block.count(b"\xc3") + 1
            except UnicodeDecodeError:
                invalid = True
                decoder.reset()
                in_block = _accented_lines(block)
                good, bad = good + in_block[0], bad + in_block[1]
    if decoder.getstate()[0]:
        invalid = True
    utf8 = (
        ("mixed" if good > bad * _FEW_UTF8 else "invalid")
        if invalid
        else ("valid" if good else "ascii")
    )
    ends_open = previous not in {b"", b"\n", b"\r", b"\0"}
    return FileScan(size, digest.hexdigest(), lf, cr, crlf, nul, quotes, tabs, ends_open, utf8)


def _accented_lines(block: bytes) -> tuple[int, int]:
    """Count lines with characters beyond ASCII: well-formed UTF-8, and not."""
    good = bad = 0
    for line in block.split(b"\n"):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            bad += 1
        else:
            good += 1
    return good, bad


def detect(
    path: Path, pins: Mapping[str, str] | None = None, *, scan: FileScan | None = None
) -> Dialect:
    """Detect how a delimited file is written.

    Args:
        path: The file.
        pins: Answers that outrank detection: ``encoding``, ``delimiter``, ``quote``,
            ``trailer`` (``yes``/``no``), each for all files or for one as ``patients.encoding``.
        scan: Facts of :func:`scan_file` where they are already known.

    Raises:
        ConfigurationError: A pin is not one of the possible answers.
    """
    facts = scan or scan_file(path)
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
        stream.seek(max(0, facts.size_bytes - _TAIL_BYTES))
        tail = stream.read(_TAIL_BYTES)
    given = _pins_for(path.stem.lower(), pins or {})
    encoding, bom, why = _encoding(head, facts)
    if "encoding" in given:
        encoding, why = given["encoding"], "The encoding was pinned."
    evidence = [why]
    text = _decode_sample(head[bom:], encoding, cut_end=facts.size_bytes > _HEAD_BYTES)
    header_line, text = _skip_preamble(text)
    delimiter, quote, why = _punctuation(text, given)
    evidence.append(why)
    newline = "\r\n" if facts.crlf * 2 > facts.line_feeds else "\n"
    if facts.line_feeds == 0 and facts.carriage_returns > 0 and not encoding.startswith("utf-16"):
        newline = "\r"
    dialect = Dialect(
        encoding=encoding,
        bom_bytes=bom,
        delimiter=delimiter,
        quote=quote,
        newline=newline,
        header_line=header_line,
        pinned=tuple(sorted(given)),
    )
    trailer, why = _trailer(tail, dialect, text)
    if "trailer" in given:
        trailer, why = given["trailer"] == "yes", "The trailer line was pinned."
    if why:
        evidence.append(why)
    return replace(dialect, trailer=trailer, evidence=tuple(evidence))


def _pins_for(stem: str, pins: Mapping[str, str]) -> dict[str, str]:
    allowed = {
        "encoding": {"utf-8", "cp1252", "utf-16-le", "utf-16-be", "mixed"},
        "delimiter": set(_DELIMITERS),
        "quote": set(_QUOTES),
        "trailer": {"yes", "no"},
    }
    given = {}
    for name, answers in allowed.items():
        value = pins.get(f"{stem}.{name}", pins.get(name))
        if value is None:
            continue
        value = {"tab": "\t", "windows-1252": "cp1252"}.get(value.lower(), value)
        if value not in answers:
            raise ConfigurationError(f"The dialect pin {name!r} has an answer nobody knows.")
        given[name] = value
    return given


def _encoding(  # noqa: C901, PLR0911 - one answer per line is the clearest form
    head: bytes, facts: FileScan
) -> tuple[str, int, str]:
    if head.startswith(b"\xef\xbb\xbf"):
        if facts.utf8 in {"valid", "ascii"}:
            return "utf-8", 3, "UTF-8: byte order mark, every byte fits."
        return "mixed", 3, "UTF-8 byte order mark, but some lines are Windows-1252."
    if head.startswith(b"\xff\xfe"):
        return "utf-16-le", 2, "UTF-16LE: byte order mark."
    if head.startswith(b"\xfe\xff"):
        return "utf-16-be", 2, "UTF-16BE: byte order mark."
    sample = head[: len(head) // 2 * 2]
    if facts.nul_bytes and sample:
        odd = sample[1::2].count(0) / max(1, len(sample) // 2)
        even = sample[0::2].count(0) / max(1, len(sample) // 2)
        if odd > _NUL_SHARE and odd > 2 * even:
            return "utf-16-le", 0, "UTF-16LE: every second byte is zero."
        if even > _NUL_SHARE and even > 2 * odd:
            return "utf-16-be", 0, "UTF-16BE: every first byte is zero."
    if facts.utf8 == "ascii":
        return "utf-8", 0, "Only ASCII: UTF-8 and Windows-1252 are the same here."
    if facts.utf8 == "valid":
        return "utf-8", 0, "Every byte fits UTF-8 and accented characters occur."
    if facts.utf8 == "mixed":
        return "mixed", 0, "Some lines are UTF-8, some are Windows-1252."
    return "cp1252", 0, "Bytes that UTF-8 forbids occur: Windows-1252."


def _decode_sample(raw: bytes, encoding: str, *, cut_end: bool) -> str:
    name = "cp1252" if encoding == "cp1252" else "utf-8" if encoding == "mixed" else encoding
    text = raw.decode(name, errors="replace")
    if cut_end and "\n" in text:
        text = text[: text.rfind("\n") + 1]
    return text


def _skip_preamble(text: str) -> tuple[int, str]:
    """Skip blank lines and a spreadsheet's ``sep=`` line before the header."""
    line_no = 1
    while True:
        line, found, rest = text.partition("\n")
        bare = line.strip()
        if not found or (bare and not re.fullmatch(r'"?sep=.?"?', bare, re.IGNORECASE)):
            return line_no, text
        line_no += 1
        text = rest


def _punctuation(text: str, given: Mapping[str, str]) -> tuple[str, str, str]:
    best: tuple[float, str, str] = (-1.0, ",", '"')
    for delimiter in given.get("delimiter", _DELIMITERS):
        for quote in given.get("quote", _QUOTES):
            score = _fit(text, delimiter, quote)
            if score > best[0]:
                best = (score, delimiter, quote)
    score, delimiter, quote = best
    names = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
    if score <= 0:
        return delimiter, quote, "No delimiter fits: read as one column."
    marks = "tilde" if quote == "~" else "double quote"
    pinned = " (pinned)" if {"delimiter", "quote"} & given.keys() else ""
    return delimiter, quote, f"Cells are parted by {names[delimiter]}, quoted by {marks}{pinned}."


def _fit(text: str, delimiter: str, quote: str) -> float:
    """Score how evenly a delimiter and quote cut the sample: columns matter less than evenness."""
    csv.field_size_limit(1 << 30)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote)
    widths: Counter[int] = Counter()
    header = 0
    stray = 0
    try:
        for number, row in enumerate(reader):
            if not row:
                continue
            if number == 0:
                header = len(row)
            widths[len(row)] += 1
            other = "~" if quote == '"' else '"'
            stray += sum(1 for c in row if len(c) > 1 and c[0] == other and c[-1] == other)
            if number >= _SAMPLE_RECORDS:
                break
    except csv.Error:
        return 0.0
    if header < 2 or not widths:  # noqa: PLR2004 - one column is no evidence of a delimiter
        return 0.0
    records = sum(widths.values())
    even = widths[header] / records
    quoted = text.count(delimiter + quote) + text.count(quote + delimiter)
    return even * 10 + min(header, 50) / 50 + min(quoted, 20) / 1000 - stray / records


def is_trailer(line: str) -> bool:
    """True where a line, by its first cell, says that it closes the file."""
    return bool(_TRAILER.match(line.strip().strip('~"')))


def _trailer(tail: bytes, dialect: Dialect, head_text: str) -> tuple[bool, str]:
    """Decide whether the last line is a trailer: another shape than a record, and it says so."""
    if dialect.encoding.startswith("utf-16") and len(tail) % 2:
        tail = tail[1:]
    text = _decode_sample(tail, dialect.encoding, cut_end=False)
    lines = [ln for ln in re.split(r"\r\n|\n|\r", text.rstrip("\x1a\r\n \0")) if ln.strip()]
    header = head_text.splitlines()[0] if head_text else ""
    if not lines or not header or lines[-1].strip() == header.strip():
        return False, ""
    last = lines[-1]
    width = header.count(dialect.delimiter) + 1
    cells = last.split(dialect.delimiter)
    if width < 3 or len(cells) >= width or len(cells) > 4:  # noqa: PLR2004 - a trailer is short
        return False, ""
    first = cells[0].strip(dialect.quote + " ")
    if _TRAILER.match(first):
        return True, "The last line is a trailer: fewer cells than a record, and it says so."
    return False, ""
