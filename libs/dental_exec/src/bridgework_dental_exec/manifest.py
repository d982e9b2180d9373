"""The manifest of an export: what it claims about each file, however it was saved."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

_MOST_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """What the manifest claims about one file; ``None`` where it does not say."""

    file: str
    rows: int | None
    sha256: str | None
    exported_at: str | None
    program_version: str | None
    practice_timezone: str | None


def read_manifest(path: Path) -> list[ManifestEntry]:
    """Return a manifest's entries; none where it cannot be read."""
    raw = path.read_bytes()[:_MOST_BYTES]
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = raw.decode("utf-16", errors="replace")
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("cp1252", errors="replace")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=first.count)
    quote = "~" if first.lstrip().startswith("~") or "~,~" in text or "~;~" in text else '"'
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote))
    except csv.Error:
        return []
    if not rows:
        return []
    header = [c.strip().lower() for c in rows[0]]
    entries = []
    for row in rows[1:]:
        cells = dict(zip(header, (c.strip() for c in row), strict=False))
        if not cells.get("file") or len(row) < len(header):
            continue
        rows_text = (cells.get("rows") or "").replace(",", "")
        entries.append(
            ManifestEntry(
                file=cells["file"],
                rows=int(rows_text) if rows_text.isdigit() else None,
                sha256=(cells.get("sha256") or "").lower() or None,
                exported_at=cells.get("exported_at") or None,
                program_version=cells.get("program_version") or None,
                practice_timezone=cells.get("practice_timezone") or None,
            )
        )
    return entries
