"""Reading an export back with the csv module and nothing of the generator."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bridgework_synthetic import DialectName, generate

csv.field_size_limit(10_000_000)
Rows = list[dict[str, str]]


class Export:
    """One export folder and its answer key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.truth: dict[str, Any] = json.loads((folder / "truth.json").read_text())
        self._read: dict[str, Rows] = {}

    def text(self, file: str) -> str:
        """The decoded text of a file; the encoding is taken from its first bytes."""
        raw = (self.folder / "export" / f"{file}.csv").read_bytes()
        if raw.startswith(b"\xff\xfe"):
            return raw.decode("utf-16")
        if raw.startswith(b"\xef\xbb\xbf"):
            return raw.decode("utf-8-sig")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("cp1252")

    def rows(self, file: str) -> Rows:
        """Records by column; a trailer line is dropped."""
        if file not in self._read:
            text = self.text(file)
            head = text.splitlines()[0]
            delimiter = max("\t;,", key=head.count)
            quote = "~" if head.startswith("~") else '"'
            lines = io.StringIO(text, newline="")
            found = list(csv.reader(lines, delimiter=delimiter, quotechar=quote))
            header = found[0]
            if quote == "~":
                found = found[:-1]
            self._read[file] = [dict(zip(header, row, strict=True)) for row in found[1:]]
        return self._read[file]

    def objects(self, module: str) -> dict[str, dict[str, Any]]:
        """The expected objects of a module by key."""
        return {entry["key"]: entry for entry in self.truth["objects"][module]}

    def defects(self, *kinds: str) -> list[dict[str, Any]]:
        """The listed defects of some kinds, or all."""
        return [d for d in self.truth["defects"] if not kinds or d["kind"] in kinds]


Make = Callable[..., Export]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """A practice by its arguments; made once per session."""
    made: dict[tuple[object, ...], Export] = {}

    def export(
        dialect: DialectName = "a", defects: float = 1.0, patients: int = 150, seed: int = 11
    ) -> Export:
        name = (dialect, defects, patients, seed)
        if name not in made:
            out = tmp_path_factory.mktemp("practice")
            generate(out, patients=patients, seed=seed, dialect=dialect, defects=defects)
            made[name] = Export(out)
        return made[name]

    return export
