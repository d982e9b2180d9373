"""Visible text and pictures of HTML, Office residue left out."""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from bridgework_dental_exec.parsers.inline_images import InlineImage, image_at
from bridgework_dental_exec.parsers.visible_text import RichText, tidy

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
    return RichText(tidy([line.strip(" ") for line in lines]), tuple(images))


def _walk(node: LexborNode, lines: list[str], images: list[InlineImage], *, preserve: bool) -> None:
    child = node.child
    while child is not None:
        tag = child.tag or ""
        if tag == "-text":
            _add_text(child.text_content or "", lines, preserve=preserve)
        elif tag == "br":
            lines.append("")
        elif tag == "img":
            images.append(image_at(child.attributes.get("src") or ""))
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
