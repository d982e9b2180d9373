"""Notes as people saw them: visible text and inline pictures of RTF and HTML bodies.

What is visible stays word for word; fonts, styles, comments and Office residue go. A picture that
cannot be had (lost share, ``cid:``, damaged data) is reported, not forgotten.
"""

import re
from collections.abc import Iterator
from typing import Literal

from bridgework_dental_exec.parsers.html import read_html
from bridgework_dental_exec.parsers.rtf import read_rtf
from bridgework_dental_exec.parsers.visible_text import RichText, tidy


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
    return RichText(tidy(body.replace("\r\n", "\n").split("\n")))


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
