"""Corrections of people on their way into a snapshot: opened, bound to rows, applied, remembered.

What became of each is kept beside the snapshot, without values, so that a run that goes on after a
crash says the same, and so that a later correction can be bound to a row as this run saw it.
"""

import base64
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import orjson
from bridgework_contracts.errors import SourceUnreadable
from bridgework_contracts.progress import CorrectionApplied
from bridgework_contracts.runs import Correction, correction_aad
from bridgework_dental_exec.corrections import Fix, Fixed, apply_fixes, row_facts
from bridgework_dental_exec.export import Export
from bridgework_dental_exec.snapshot import Snapshot
from bridgework_store.sealing import TenantSealer

FILE_NAME = "corrections.json"


def opened(
    corrections: Sequence[Correction],
    sealer: TenantSealer,
    seen: dict[str, "SeenRows"],
) -> list[Fix]:
    """Return corrections with their values, in the order they were made.

    Args:
        corrections: From the run's specification.
        sealer: The tenant's.
        seen: Rows as earlier runs saw them, by run id, for corrections without a mark.

    Raises:
        UnsealFailed: a value was sealed for another correction or tenant.
    """
    fixes = []
    for one in corrections:
        blob = base64.b64decode(one.value_sealed)
        mark, key = one.row_mark, one.row_key
        if mark is None and one.seen_in is not None and one.seen_in in seen:
            mark, key = seen[one.seen_in].facts(one.file, one.line)
        value = sealer.open(blob, correction_aad(one.correction_id)).decode()
        fixes.append(Fix(one.correction_id, one.file, one.column, value, mark, key))
    return fixes


class SeenRows:
    """The rows of an earlier run's snapshot, as they stood in its export.

    Args:
        folder: The run's.
        seal: Key of its snapshot.
        lines: File → lines that are asked for.
        hash_key: The tenant's.

    Raises:
        SourceUnreadable: the snapshot is not there any more.
    """

    def __init__(
        self, folder: Path, seal: bytes, lines: dict[str, set[int]], hash_key: bytes
    ) -> None:
        snapshot = Snapshot.load(folder / "snapshot", seal)
        self._tables = {info.file: name for name, info in snapshot.tables.items()}
        wanted = {self._tables[f]: at for f, at in lines.items() if f in self._tables}
        self._facts = row_facts(snapshot, wanted, hash_key)
        self._exported = exported_marks(remembered(folder))

    def facts(self, file: str, line: int) -> tuple[str | None, str]:
        """Return the mark and the number of the row at a line; no mark where there is no row."""
        found = self._facts.get((self._tables.get(file, ""), line))
        if found is None:
            return self._exported.get((file, line)), ""
        return self._exported.get((file, line), found.mark), found.key


def apply(
    folder: Path, snapshot: Snapshot, export: Export, fixes: Sequence[Fix], hash_key: bytes
) -> list[Fixed]:
    """Apply corrections to a snapshot that was just sealed, and remember what became of them."""
    done = apply_fixes(snapshot, export, fixes, hash_key) if fixes else []
    partial = folder / f"{FILE_NAME}.partial"
    partial.write_bytes(orjson.dumps([asdict(one) for one in done]))
    partial.replace(folder / FILE_NAME)
    return done


def remembered(folder: Path) -> list[Fixed]:
    """Return what became of a run's corrections."""
    try:
        kept = orjson.loads((folder / FILE_NAME).read_bytes())
    except FileNotFoundError:
        return []
    except ValueError as exc:
        raise SourceUnreadable(
            "What became of the run's corrections cannot be read.",
            code="snapshot_damaged",
            remedy="Start another run.",
        ) from exc
    return [Fixed(**one) for one in kept]


def exported_marks(done: Sequence[Fixed]) -> dict[tuple[str, int], str]:
    """Return (file, line) → mark of the rows that were corrected, as they were exported."""
    return {(one.file, one.line): one.mark for one in done if one.state == "applied"}


def told(done: Sequence[Fixed]) -> tuple[CorrectionApplied, ...]:
    """Return what became of corrections, for control."""
    return tuple(
        CorrectionApplied(
            correction_id=one.id, state=one.state, line=one.line, sentence=one.sentence
        )
        for one in done
    )
