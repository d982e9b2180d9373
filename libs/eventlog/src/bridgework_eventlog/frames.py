"""An exception without its text: where it happened and of which class it is.

The text of an exception that is not ours may quote a value (a key, an input that did not parse),
so it is neither logged nor stored.
"""

import traceback
from pathlib import PurePath

_MOST_FRAMES = 15


def frames(exc: BaseException) -> list[str]:
    """Return ``file:line function`` of the innermost frames, outermost first."""
    return [
        f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(exc.__traceback__)[-_MOST_FRAMES:]
    ]


def causes(exc: BaseException) -> list[str]:
    """Return the classes of the exception and of what caused it, nearest first."""
    found: list[str] = []
    current: BaseException | None = exc
    while current is not None and len(found) < _MOST_FRAMES:
        found.append(type(current).__name__)
        current = current.__cause__ or current.__context__
    return found
