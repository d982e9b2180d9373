"""Lists too long for memory: one JSON value per line, in a folder of sections."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO


def dump(value: Any) -> str:
    """One line of ASCII JSON with a space after every separator."""
    return json.dumps(value, ensure_ascii=True, separators=(", ", ": "))


class Spool:
    """Sections written side by side, then read back in order."""

    def __init__(self, folder: Path) -> None:
        """Create ``folder``; it must not exist yet."""
        folder.mkdir(parents=True)
        self._folder = folder
        self._open: dict[str, TextIO] = {}
        self.counts: Counter[str] = Counter()

    def add(self, section: str, value: Any) -> None:
        """Append one value."""
        file = self._open.get(section)
        if file is None:
            path = self._folder / f"{section}.jsonl"
            file = self._open[section] = path.open("w", encoding="utf-8", newline="\n")
        file.write(dump(value) + "\n")
        self.counts[section] += 1

    def close(self) -> int:
        """End writing; the bytes all sections take together."""
        for file in self._open.values():
            file.close()
        return sum(path.stat().st_size for path in self._folder.iterdir())

    def sections(self) -> list[str]:
        """Names of the sections that hold something."""
        return sorted(self._open)

    def lines(self, section: str) -> Iterator[str]:
        """The values of a section as JSON text."""
        if section in self._open:
            with (self._folder / f"{section}.jsonl").open(encoding="utf-8") as lines:
                for line in lines:
                    yield line.rstrip("\n")

    def fold(self, section: str, out: TextIO, *, pairs: bool = False) -> None:
        """Copy a section as the inside of a JSON array, or of an object where it holds pairs."""
        left = self.counts[section]
        for line in self.lines(section):
            left -= 1
            text = line
            if pairs:
                key, value = json.loads(line)
                text = f"{dump(key)}: {dump(value)}"
            out.write(text + (",\n" if left else "\n"))

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self._folder)
