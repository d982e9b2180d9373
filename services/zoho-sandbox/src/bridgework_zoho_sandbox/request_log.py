"""What was asked of an org, what it cost and which automations it allowed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from .errors import Json


@dataclass(slots=True)
class Entry:
    """One request: never its body, never a value."""

    seq: int
    at: float
    method: str
    path: str
    operation: str
    module: str | None
    status: int
    credits: int
    heavy: bool
    elements: int | None
    trigger_given: bool
    trigger: Any
    skip_features: list[str] | None
    wf_trigger: str | None
    duration_ms: float
    faults: list[str]
    app: str


class RequestLog:
    """The last requests of an org, oldest first; bounded."""

    def __init__(self, size: int) -> None:
        self._entries: deque[Entry] = deque(maxlen=size)
        self._seq = 0

    def next_seq(self) -> int:
        """Return the number of the next entry."""
        self._seq += 1
        return self._seq

    def add(self, entry: Entry) -> None:
        """Remember a finished request."""
        self._entries.append(entry)

    def since(self, seq: int) -> Iterator[Json]:
        """Yield entries with a number above ``seq``."""
        for entry in self._entries:
            if entry.seq > seq:
                yield asdict(entry)

    def clear(self) -> None:
        """Forget every entry; numbers go on rising."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)
