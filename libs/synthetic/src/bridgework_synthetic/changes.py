"""What changed between two exports of a practice, found by comparing printed rows by key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TextIO

from bridgework_synthetic.folder import ExportFolder
from bridgework_synthetic.rows import Row
from bridgework_synthetic.schema import HEADERS
from bridgework_synthetic.spool import Spool, dump


class ChangeLog:
    """Collects ``changes.json``: per file the keys added and deleted, and the cells changed."""

    def __init__(self, folder: Path, export: ExportFolder) -> None:
        """``export`` prints the cells: a difference its dialect does not show is none."""
        self._folder = folder
        self._spool = Spool(folder / "changes")
        self._export = export
        self._before: Counter[str] = Counter()
        self._after: Counter[str] = Counter()

    def compare(self, before: Iterable[Row], after: Iterable[Row]) -> None:
        """Two states of the same rows; both are held in memory."""
        old = _by_key(before)
        new = _by_key(after)
        self._before.update(file for file, _, _ in old)
        self._after.update(file for file, _, _ in new)
        for name, row in new.items():
            file, key, _ = name
            if name not in old:
                self._spool.add(f"{file}.added", key)
                continue
            how = self._export.files[file].manner
            first, second = how.row(old[name].cells), how.row(row.cells)
            if first != second:
                cells = {
                    column: [was, is_now]
                    for column, was, is_now in zip(how.header, first, second, strict=True)
                    if was != is_now
                }
                self._spool.add(f"{file}.changed", [key, cells])
        for name in old:
            if name not in new:
                self._spool.add(f"{name[0]}.deleted", name[1])

    def close(self, first_export: datetime, second_export: datetime, replaced: list[str]) -> None:
        """Write ``changes.json``; ``replaced`` are the documents whose bytes are others."""
        self._spool.close()
        head = {
            "first_export": first_export.isoformat(timespec="minutes"),
            "second_export": second_export.isoformat(timespec="minutes"),
            "also": "rows stand in another order and cells are quoted otherwise; that is no change",
            "document_bytes_changed": replaced,
            "summary": {file: self._summary(file) for file in HEADERS},
        }
        with (self._folder / "changes.json").open("w", encoding="utf-8", newline="\n") as out:
            out.write(
                "{\n" + "".join(f'"{name}": {dump(value)},\n' for name, value in head.items())
            )
            for place, file in enumerate(HEADERS):
                self._file(file, out)
                out.write(",\n" if place < len(HEADERS) - 1 else "\n")
            out.write("}\n")
        self._spool.remove()

    def _summary(self, file: str) -> dict[str, int]:
        counts = self._spool.counts
        deleted, changed = counts[f"{file}.deleted"], counts[f"{file}.changed"]
        return {
            "added": counts[f"{file}.added"],
            "deleted": deleted,
            "changed": changed,
            "unchanged": self._before[file] - deleted - changed,
        }

    def _file(self, file: str, out: TextIO) -> None:
        out.write(f'"{file}": {{\n"rows_before": {self._before[file]},\n')
        out.write(f'"rows_after": {self._after[file]},\n')
        for name in ("added", "deleted"):
            out.write(f'"{name}": [\n')
            self._spool.fold(f"{file}.{name}", out)
            out.write("],\n")
        out.write('"changed": {\n')
        self._spool.fold(f"{file}.changed", out, pairs=True)
        out.write(f'}},\n"unchanged": {self._summary(file)["unchanged"]}\n}}')


def _by_key(rows: Iterable[Row]) -> dict[tuple[str, str, int], Row]:
    """Rows by file and key; the second row of a key that stands twice gets the number 1."""
    seen: Counter[tuple[str, str]] = Counter()
    found = {}
    for row in rows:
        name = (row.file, row.key)
        found[(*name, seen[name])] = row
        seen[name] += 1
    return found
