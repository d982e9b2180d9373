"""Notes as people saw them: visible text and inline pictures of RTF and HTML bodies.

What is visible stays word for word; fonts, styles, comments and Office residue go. A picture that
cannot be had (lost share, ``cid:``, damaged data) is reported, not forgotten.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, unquote_to_bytes

from selectolax.lexbor import LexborHTMLParser, LexborNode

ImageKind = Literal["data", "rtf-pict", "path", "unc", "cid", "url"]

_BLOCKS = {
    "address", "article", "blockquote", "body", "center", "dd", "div", "dl", "dt", "fieldset",
    "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "ol",
    "p", "pre", "section", "table", "tbody", "tfoot", "thead", "tr", "ul",
}  # fmt: skip
_HIDDEN = {"style", "script", "head", "title", "xml", "o:p-hidden", "template", "noscript"}
_SOFT_BREAK = re.compile(r"[ \t]*[\t\r\n\f][ \t\r\n\f]*")
"""Line ends of the HTML source are blanks; blanks somebody typed inside a line stay."""
_CONDITIONAL = re.compile(r"<!\[if[^>]*>|<!\[endif\]>", re.IGNORECASE)
_XML_ISLAND = re.compile(r"<xml\b.*?</xml>", re.IGNORECASE | re.DOTALL)


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


@dataclass(frozen=True, slots=True)
class RichText:
    r"""Visible text with ``\n`` line ends, and pictures in the order they stand."""

    text: str
    images: tuple[InlineImage, ...] = ()


def sniff_format(body: str) -> Literal["RTF", "HTML", "text"]:
    """Tell a body's true format by its beginning."""
    start = body.lstrip()[:200].lower()
    if start.startswith("{\\rtf"):
        return "RTF"
    if re.match(r"<(!doctype|html|body|p|div|span|br|table|font|!--)\b", start):
        return "HTML"
    return "text"


def read_rich_text(body: str, printed_format: str = "") -> RichText:
    """Return the visible text and pictures of a note's body.

    ``printed_format`` is a hint; a body that plainly is RTF or HTML is read as what it is.
    """
    true_format = sniff_format(body)
    if true_format == "RTF":
        return read_rtf(body)
    if true_format == "HTML" or (printed_format.upper() == "HTML" and "<" in body):
        return read_html(body)
    return RichText(_tidy(body.replace("\r\n", "\n").split("\n")))


def _tidy(lines: list[str]) -> str:
    """Trim line ends and outer blank lines; never more than one blank line in a row."""
    kept: list[str] = []
    for raw in lines:
        line = raw.rstrip()
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).strip("\n").rstrip()


# ---------------------------------------------------------------- HTML


def read_html(body: str) -> RichText:
    """Return the visible text and pictures of HTML, Office residue left out."""
    source = _CONDITIONAL.sub("", _XML_ISLAND.sub("", body.replace("\r\n", "\n")))
    tree = LexborHTMLParser(source)
    root = tree.body
    if root is None:
        return RichText("")
    lines: list[str] = [""]
    images: list[InlineImage] = []
    _walk(root, lines, images, preserve=False)
    return RichText(_tidy([line.strip(" ") for line in lines]), tuple(images))


def _walk(node: LexborNode, lines: list[str], images: list[InlineImage], *, preserve: bool) -> None:
    child = node.child
    while child is not None:
        tag = child.tag or ""
        if tag == "-text":
            _add_text(child.text_content or "", lines, preserve=preserve)
        elif tag == "br":
            lines.append("")
        elif tag == "img":
            images.append(_image(child.attributes.get("src") or ""))
        elif tag in {"td", "th"}:
            if lines[-1].strip():
                lines[-1] = lines[-1].rstrip() + " "
            _walk(child, lines, images, preserve=preserve)
        elif tag not in _HIDDEN and not tag.startswith(("-", "!", "_")):
            block = tag in _BLOCKS
            if block and lines[-1].strip():
                lines.append("")
            _walk(child, lines, images, preserve=preserve or tag == "pre")
            if block and lines[-1].strip():
                lines.append("")
        child = child.next


def _add_text(text: str, lines: list[str], *, preserve: bool) -> None:
    if preserve:
        first, *rest = text.replace("\u00a0", " ").split("\n")
        lines[-1] += first
        lines.extend(rest)
        return
    flat = _SOFT_BREAK.sub(" ", text).replace("\u00a0", " ")
    lines[-1] += flat if lines[-1] else flat.lstrip(" ")


def _image(source: str) -> InlineImage:
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
    return _checked_image("data", content, printed)


def _checked_image(kind: ImageKind, content: bytes, printed: str) -> InlineImage:
    mime = mime_by_bytes(content)
    if not content or (mime is None and printed.startswith("image/") and printed != "image/x-wmf"):
        return InlineImage(kind, printed, content or None, broken=True)
    if mime is not None and not is_complete(content, mime):
        return InlineImage(kind, mime, content, broken=True)
    return InlineImage(kind, mime or printed, content)


# ---------------------------------------------------------------- RTF

_RTF_TOKEN = re.compile(
    r"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-z])|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)
_SKIPPED = {
    "fonttbl", "colortbl", "stylesheet", "info", "header", "footer", "headerl", "headerr",
    "footerl", "footerr", "footnote", "ftnsep", "generator", "listtable", "listoverridetable",
    "rsidtbl", "xmlnstbl", "themedata", "colorschememapping", "latentstyles", "datastore",
    "nonshppict", "object", "fldinst", "pntext", "pntxta", "pntxtb",
    "filetbl", "revtbl", "bkmkstart",
    "bkmkend", "template", "operator", "author", "title",
}  # fmt: skip
_SYMBOLS = {
    "par": "\n", "line": "\n", "sect": "\n", "page": "\n", "row": "\n", "tab": "\t", "cell": " ",
    "emdash": "\u2014", "endash": "\u2013", "lquote": "\u2018", "rquote": "\u2019",
    "ldblquote": "\u201c", "rdblquote": "\u201d", "bullet": "\u2022", "emspace": " ",
    "enspace": " ",
}  # fmt: skip
_PICT_MIME = {
    "pngblip": "image/png", "jpegblip": "image/jpeg", "emfblip": "image/x-emf",
    "wmetafile": "image/x-wmf", "dibitmap": "image/bmp",
}  # fmt: skip
_MAX_DEPTH = 512
_FIRST_SURROGATE, _LAST_SURROGATE = 0xD800, 0xDFFF


class _RtfReader:
    """State of one pass over an RTF body."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.images: list[InlineImage] = []
        self.stack: list[tuple[bool, bool, int]] = []
        self.skip = False
        self.hidden = False
        self.unicode_fallback = 1
        self.to_skip = 0
        self.code_page = "cp1252"
        self.star = False
        self.pict: list[str] | None = None
        self.pict_mime = ""
        self.pict_depth = 0
        self.bytes_run = bytearray()

    def flush_bytes(self) -> None:
        r"""Decode collected ``\'hh`` bytes (a code page may need more than one per character)."""
        if self.bytes_run:
            raw = bytes(self.bytes_run)
            self.bytes_run.clear()
            try:
                text = raw.decode(self.code_page, "replace")
            except LookupError:
                text = raw.decode("cp1252", "replace")
            self.emit(text)

    def emit(self, text: str) -> None:
        """Add visible text, or picture data inside a picture."""
        if self.to_skip:
            cut = min(self.to_skip, len(text))
            self.to_skip -= cut
            text = text[cut:]
        if text and not self.skip and not self.hidden:
            self.out.append(text)

    def group(self, brace: str) -> None:
        """Enter or leave a group."""
        self.star = False
        if brace == "{":
            self.stack.append((self.skip, self.hidden, self.unicode_fallback))
            return
        if self.pict is not None and len(self.stack) <= self.pict_depth:
            self.finish_picture()
        if self.stack:
            self.skip, self.hidden, self.unicode_fallback = self.stack.pop()

    def finish_picture(self) -> None:
        """Turn collected hexadecimal digits into a picture."""
        digits = re.sub(r"\s+", "", "".join(self.pict or []))
        self.pict = None
        try:
            content = bytes.fromhex(digits)
        except ValueError:
            self.images.append(InlineImage("rtf-pict", self.pict_mime or "image/png", broken=True))
            return
        self.images.append(_checked_image("rtf-pict", content, self.pict_mime or "image/png"))

    def word(  # noqa: C901 - a branch per control word
        self, name: str, number: str | None
    ) -> None:
        """Obey one control word."""
        if name in _SKIPPED or (self.star and name != "shppict"):
            self.skip = self.skip or name != "shppict"
            self.star = False
            return
        self.star = False
        if name == "pict":
            if not self.skip:
                self.pict, self.pict_mime, self.pict_depth = [], "", len(self.stack)
        elif name in _PICT_MIME:
            self.pict_mime = _PICT_MIME[name]
        elif self.pict is not None:
            return
        elif name in _SYMBOLS:
            self.emit(_SYMBOLS[name])
        elif name == "u" and number is not None:
            self.emit(_rtf_character(int(number)))
            self.to_skip = self.unicode_fallback
        elif name == "uc" and number is not None:
            self.unicode_fallback = max(0, int(number))
        elif name == "ansicpg" and number is not None:
            self.code_page = f"cp{number}"
        elif name == "v":
            self.hidden = number != "0"
        elif name == "plain":
            self.hidden = False


def _rtf_character(number: int) -> str:
    number %= 0x10000
    return "" if _FIRST_SURROGATE <= number <= _LAST_SURROGATE else chr(number)


def read_rtf(body: str) -> RichText:  # noqa: C901 - a branch per kind of token
    r"""Return the visible text and ``\pict`` pictures of RTF; unbalanced groups do no harm."""
    reader = _RtfReader()
    for token in _RTF_TOKEN.finditer(body):
        word, number, hex_byte, symbol, brace, plain = token.groups()
        if hex_byte is not None:
            if reader.to_skip:
                reader.to_skip -= 1
            elif not reader.skip:
                reader.bytes_run += bytes.fromhex(hex_byte)
            continue
        reader.flush_bytes()
        if word is not None:
            reader.word(word, number)
        elif brace is not None:
            if len(reader.stack) > _MAX_DEPTH and brace == "{":
                break
            reader.group(brace)
        elif symbol is not None:
            _rtf_symbol(reader, symbol)
        elif plain is not None:
            if reader.pict is not None:
                reader.pict.append(plain)
            else:
                reader.emit(plain)
    reader.flush_bytes()
    if reader.pict is not None:
        reader.finish_picture()
    return RichText(_tidy("".join(reader.out).split("\n")), tuple(reader.images))


def _rtf_symbol(reader: _RtfReader, symbol: str) -> None:
    if symbol == "*":
        reader.star = True
    elif symbol in "\\{}":
        reader.emit(symbol)
    elif symbol == "~":
        reader.emit(" ")
    elif symbol == "_":
        reader.emit("-")
    elif symbol in "\r\n":
        reader.emit("\n")


# ---------------------------------------------------------------- types

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


def pages(text: str, limit_bytes: int) -> Iterator[str]:
    """Cut text into pieces below a limit of UTF-8 bytes, at line ends or blanks where possible.

    The pieces joined by nothing give the text back.
    """
    while len(text.encode()) > limit_bytes:
        cut = len(text.encode()[:limit_bytes].decode("utf-8", "ignore"))
        at = max(text.rfind("\n", 0, cut), 0) or max(text.rfind(" ", 0, cut), 0)
        cut = at + 1 if at > cut // 2 else cut
        yield text[:cut]
        text = text[cut:]
    yield text
