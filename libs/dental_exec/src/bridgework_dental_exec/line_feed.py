"""Physical lines with push-back, for reading again what could not be read as a row."""

from collections import deque
from collections.abc import Iterator
from itertools import chain

RUNAWAY_CHARS = 16 << 20
_RUNAWAY_LINES = 20_000
_FEWEST_LINES, _FEWEST_CHARS = 200, 256 << 10


class RunawayQuote(Exception):
    """A quoted cell went on for longer than any cell does."""


class LineFeed:
    """Physical lines with push-back; remembers what was taken since the last mark."""

    def __init__(self, lines: Iterator[str], first_line: int) -> None:
        self._lines = lines
        self._back: deque[str] = deque()
        self.line = first_line
        self.taken: list[str] = []
        self._chars = 0
        self._max_lines, self._max_chars = _RUNAWAY_LINES, RUNAWAY_CHARS

    def mark(self) -> int:
        """Forget what was taken; return the line number that comes next."""
        self.taken.clear()
        self._chars = 0
        return self.line

    def expect_less(self) -> None:
        """Give up sooner on the next open quote, so that many of them stay affordable."""
        self._max_lines = max(_FEWEST_LINES, self._max_lines // 2)
        self._max_chars = max(_FEWEST_CHARS, self._max_chars // 2)

    def skip_rest(self) -> str:
        """Take everything that is left; return the first line that is not blank."""
        beginning = ""
        for text in chain(self._back, self._lines):
            self.line += 1
            beginning = beginning or text.strip()
        self._back.clear()
        return beginning

    def take_again(self, count: int) -> None:
        """Take lines that were pushed back or peeked at."""
        for _ in range(count):
            self.taken.append(self._back.popleft())
        self.line += count

    def push_back(self, lines: list[str]) -> None:
        """Give lines back; they come again, in the same order."""
        self._back.extendleft(reversed(lines))
        self.line -= len(lines)

    def __iter__(self) -> "LineFeed":
        return self

    def __next__(self) -> str:
        text = self._back.popleft() if self._back else next(self._lines)
        self.line += 1
        self.taken.append(text)
        self._chars += len(text)
        several = len(self.taken) > 1
        if several and (len(self.taken) > self._max_lines or self._chars > self._max_chars):
            raise RunawayQuote
        return text

    def peek(self, count: int) -> list[str]:
        """Return up to ``count`` coming lines without taking them."""
        while len(self._back) < count:
            text = next(self._lines, None)
            if text is None:
                break
            self._back.append(text)
        return [self._back[i] for i in range(min(count, len(self._back)))]
