"""Recall intervals: ISO 8601 durations as the parser writes them, and as people read them."""

import re

_ISO = re.compile(r"P(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?")
_UNITS = ("year", "month", "week", "day")


def interval_label(text: str) -> str:
    """Return ``P6M1D`` as ``6 months + 1 day``; text that is no ISO interval comes back."""
    match = _ISO.fullmatch(text)
    if match is None or not any(match.groups()):
        return text
    pieces = [
        f"{int(count)} {unit}{'' if int(count) == 1 else 's'}"
        for count, unit in zip(match.groups(), _UNITS, strict=True)
        if count
    ]
    return " + ".join(pieces)
