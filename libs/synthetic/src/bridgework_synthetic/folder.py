"""Writing an export folder: the 26 CSV files, the manifest, the documents.

Rows arrive household by household; nothing is held but a block of lines per file.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bridgework_synthetic import cells
from bridgework_synthetic.dialects import Manner, manner
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.recipe import Recipe
from bridgework_synthetic.rows import Picture
from bridgework_synthetic.schema import HEADERS

PROGRAM_VERSION: Final = "Dental-Exec 9.1.0403"
_BLOCK_LINES: Final = 2000
_SHUFFLE_LINES: Final = 20000
"""A later export is shuffled inside a window of this many lines, so that memory stays flat."""


class CsvFile:
    """One CSV file being written."""

    def __init__(self, folder: Path, how: Manner, shuffle: Dice | None) -> None:
        """Open ``folder/<file>.csv`` and write its header; ``shuffle`` mixes the rows."""
        self.manner = how
        self.rows = 0
        self._shuffle = shuffle
        self._window: list[str] = []
        self._lines: list[str] = [how.line(list(how.header), heading=True)]
        self._digest = hashlib.sha256()
        self._file = (folder / f"{how.file}.csv").open("wb")
        self._put(how.mark)

    def write(self, values: list[str]) -> None:
        """Add a row of printed cells, in header order."""
        self.put(self.manner.line(values))

    def put(self, line: str) -> None:
        """Add a row that is a line already."""
        self.rows += 1
        if self._shuffle:
            if len(self._window) < _SHUFFLE_LINES:
                self._window.append(line)
                return
            place = self._shuffle.between(0, _SHUFFLE_LINES - 1)
            line, self._window[place] = self._window[place], line
        self._lines.append(line)
        if len(self._lines) >= _BLOCK_LINES:
            self._flush()

    def close(self) -> str:
        """Write what is left; the SHA-256 of the file's bytes."""
        if self._shuffle:
            self._shuffle.shuffle(self._window)
        self._lines += self._window
        self._window = []
        if self.manner.trailer:
            self._lines.append(self.manner.trailer.format(rows=self.rows) + self.manner.line_end)
        self._flush()
        self._file.close()
        return self._digest.hexdigest()

    def _flush(self) -> None:
        self._put("".join(self._lines).encode(self.manner.encoding, "replace"))
        self._lines.clear()

    def _put(self, block: bytes) -> None:
        self._file.write(block)
        self._digest.update(block)


class ExportFolder:
    """``export/`` of one practice, open for writing; a context manager.

    Columns named in ``without`` (``patients.last_perio``) are left out of header and rows.
    """

    def __init__(
        self, path: Path, recipe: Recipe, manifest_zone: str, without: frozenset[str] = frozenset()
    ) -> None:
        """Create the folder; it must not hold an export yet."""
        path.mkdir(parents=True)
        self.path = path
        self._recipe = recipe
        self._zone = manifest_zone
        self.again = bool(recipe.evolutions)
        self._mark = len(recipe.evolutions)
        self.files: dict[str, CsvFile] = {}
        self.documents = 0
        self._folders: set[Path] = set()
        for file in HEADERS:
            how = self._manner(file)
            how.header = tuple(c for c in how.header if f"{file}.{c}" not in without)
            shuffle = Dice(recipe.seed, "shuffle", self._mark, file) if self.again else None
            self.files[file] = CsvFile(path, how, shuffle)

    def __enter__(self) -> Self:
        """Ready to write."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the files; the manifest is written only when all went well."""
        sums = {name: file.close() for name, file in self.files.items()}
        if kind is None:
            self._manifest(sums)

    def _manner(self, file: str) -> Manner:
        recipe = self._recipe
        return manner(
            recipe.dialect,
            file,
            recipe.seed,
            again=self.again,
            patients=recipe.patients,
            year=recipe.now.year,
        )

    def picture(self, picture: Picture) -> None:
        """Write one document file, padded with zeros to its size."""
        target = self.path / "documents" / picture.path
        if target.parent not in self._folders:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(target.parent)
        with target.open("wb") as file:
            file.write(picture.content)
            if picture.size > len(picture.content):
                file.truncate(picture.size)
        self.documents += 1

    def _manifest(self, sums: dict[str, str]) -> None:
        recipe = self._recipe
        how = self._manner("manifest")
        sheet = CsvFile(self.path, how, None)
        taken: datetime = recipe.now
        for name, digest in sums.items():
            values = (f"{name}.csv", str(self.files[name].rows), digest, cells.moment(taken),
                      PROGRAM_VERSION, self._zone)  # fmt: skip
            sheet.write(how.row(dict(zip(how.header, values, strict=True))))
        sheet.close()
