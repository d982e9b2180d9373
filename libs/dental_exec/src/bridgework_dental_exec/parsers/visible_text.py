"""What people saw of a note: its text and its pictures."""

from dataclasses import dataclass

from bridgework_dental_exec.parsers.inline_images import InlineImage


@dataclass(frozen=True, slots=True)
class RichText:
    r"""Visible text with ``\n`` line ends, and pictures in the order they stand."""

    text: str
    images: tuple[InlineImage, ...] = ()


def tidy(lines: list[str]) -> str:
    """Trim line ends and outer blank lines; never more than one blank line in a row."""
    kept: list[str] = []
    for raw in lines:
        line = raw.rstrip()
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).strip("\n").rstrip()
