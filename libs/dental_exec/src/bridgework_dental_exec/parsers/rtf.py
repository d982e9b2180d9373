"""Visible text and pictures of RTF; whatever else a word processor writes is left out."""

import re

from bridgework_dental_exec.parsers.inline_images import InlineImage, checked_image
from bridgework_dental_exec.parsers.visible_text import RichText, tidy

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
        self.images.append(checked_image("rtf-pict", content, self.pict_mime or "image/png"))

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
    return RichText(tidy("".join(reader.out).split("\n")), tuple(reader.images))


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
