r"""A sealed snapshot: every row of an export as text, with where it stood and what it hashes to.

Cells are kept as printed (trimmed, ``\r\n`` → ``\n``, blank → null); reading them is the
canonical layer's business. Each row carries its physical line and a keyed hash that depends on
its cells only: not on order, quoting, encoding or column order.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
from bridgework_contracts.errors import SourceUnreadable

from bridgework_dental_exec.date_rules import DateRules
from bridgework_dental_exec.export import Finding
from bridgework_dental_exec.profile import Profile, TableDef, load_profile
from bridgework_dental_exec.quarantine import Quarantined
from bridgework_dental_exec.sealed_parquet import file_key, new_salt, open_dataset
from bridgework_dental_exec.table_sealer import MEMORY_LIMIT, Sealed
from bridgework_dental_exec.tables import HASH, LINE, TableInfo, TypedColumn

__all__ = [
    "HASH",
    "LINE",
    "Snapshot",
    "TableInfo",
    "new_snapshot",
    "utc_today",
]

_INDEX = "snapshot.json"
_FORMAT = "bridgework-snapshot/2"
_BATCH_ROWS = 131_072


@dataclass
class Snapshot:
    """A sealed snapshot on disk."""

    folder: Path
    profile: Profile
    seal: bytes | None
    salt: str
    tables: dict[str, TableInfo]
    quarantine: list[Quarantined] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    exported_at: str | None = None
    dates: DateRules = field(default_factory=lambda: DateRules(utc_today()))

    def connect(
        self, tables: Iterable[str] | None = None, *, threads: int = 2
    ) -> duckdb.DuckDBPyConnection:
        """Open a connection with one view per table; a table that is missing is an empty view.

        Views have every column of the profile (null where the file lacked it), ``_line`` and
        ``_hash``. The connection never spills to disk: rows are personal data. One connection
        serves one thread.

        Args:
            tables: Only these tables; ``None`` means all.
            threads: Threads DuckDB may use.
        """
        connection = duckdb.connect(
            config={
                "threads": threads,
                "memory_limit": MEMORY_LIMIT,
                "temp_directory": "",
                "preserve_insertion_order": True,
            }
        )
        for name in self.profile.tables if tables is None else tables:
            self._add_view(connection, self.profile.tables[name])
        return connection

    def rows(self, table: str) -> int:
        """Rows of a table, 0 where it is missing."""
        info = self.tables.get(table)
        return info.rows if info is not None else 0

    def file(self, table: str) -> str:
        """Name of the file a table came from, for provenance."""
        info = self.tables.get(table)
        return info.file if info is not None else f"{table}.csv"

    def path(self, table: str) -> Path:
        """Where a table's Parquet file is."""
        return self.folder / f"{table}.parquet"

    def typed_path(self, table: str) -> Path:
        """Where the typed layer of a table is."""
        return self.folder / f"{table}.typed.parquet"

    def key(self, name: str) -> bytes | None:
        """Key of one of the snapshot's files, ``None`` for a snapshot that is not sealed."""
        return file_key(self.seal, self.salt, name) if self.seal is not None else None

    def batches(self, table: str, columns: Iterable[str]) -> Iterator[pa.RecordBatch]:
        """Yield columns of a table in the file's order, as dictionaries, with their lines.

        Args:
            table: One that has rows.
            columns: Columns its file has.
        """
        names = list(columns)
        dataset = open_dataset(self.path(table), self.key(table), repeating=names)
        yield from dataset.to_batches(
            columns=[*names, LINE], batch_size=_BATCH_ROWS, batch_readahead=1, use_threads=False
        )

    def typed(self, table: str) -> ds.Dataset | None:
        """Return the typed layer of a table, for DuckDB or Arrow; ``None`` where it has none.

        Its rows stand in the order of the table's; a column is null where the cell is blank or
        nobody can read it.
        """
        path = self.typed_path(table)
        info = self.tables.get(table)
        return open_dataset(path, self.key(path.name)) if info is not None and info.typed else None

    def _add_view(self, connection: duckdb.DuckDBPyConnection, table: TableDef) -> None:
        info = self.tables.get(table.name)
        if info is None or info.rows == 0:
            columns = ", ".join(f'NULL::VARCHAR AS "{c}"' for c in table.columns)
            connection.execute(
                f'CREATE VIEW "{table.name}" AS SELECT {columns}, 0::BIGINT AS {LINE}, '
                f"''::BLOB AS {HASH} WHERE false"
            )
            return
        stored = f"stored_{table.name}"
        connection.register(stored, open_dataset(self.path(table.name), self.key(table.name)))
        missing = "".join(f', NULL::VARCHAR AS "{c}"' for c in info.missing)
        connection.execute(f'CREATE TEMP VIEW "{table.name}" AS SELECT *{missing} FROM "{stored}"')

    def keep(self, sealed: Sealed) -> None:
        """Take in what became of one file."""
        if sealed.table is not None:
            self.tables[sealed.table.name] = sealed.table
        self.quarantine += sealed.quarantine
        self.findings += sealed.findings

    def save(self) -> None:
        """Write the index; the last step of sealing."""
        index = {
            "format": _FORMAT,
            "profile": self.profile.name,
            "salt": self.salt,
            "sealed": self.seal is not None,
            "exported_at": self.exported_at,
            "dates": self.dates.as_dict(),
            "tables": {n: asdict(t) for n, t in self.tables.items()},
            "quarantine": [q.as_dict() for q in self.quarantine],
            "findings": [asdict(f) for f in self.findings],
        }
        text = json.dumps(index, ensure_ascii=False, indent=1, sort_keys=True)
        partial = self.folder / f"{_INDEX}.partial"
        partial.write_text(text, encoding="utf-8")
        partial.replace(self.folder / _INDEX)

    @classmethod
    def load(cls, folder: Path, seal: bytes | None = None) -> "Snapshot":
        """Open a snapshot that was sealed before.

        Raises:
            SourceUnreadable: No snapshot there, or sealed and no key given.
        """
        try:
            index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        except (OSError, ValueError) as exc:
            raise SourceUnreadable(
                "There is no snapshot here.", code="snapshot_missing", remedy="Seal it again."
            ) from exc
        if index["format"] != _FORMAT:
            raise SourceUnreadable(
                "The snapshot was sealed by another version.",
                code="snapshot_format",
                remedy="Seal it again.",
            )
        if index["sealed"] != (seal is not None):
            raise SourceUnreadable(
                "The snapshot is sealed and no key was given, or the other way round.",
                code="snapshot_key",
                remedy="Give the tenant's data key.",
            )
        tables = {name: _table_info(data) for name, data in index["tables"].items()}
        return cls(
            folder=folder,
            profile=load_profile(index["profile"]),
            seal=seal,
            salt=index["salt"],
            tables=tables,
            quarantine=[Quarantined(**q) for q in index["quarantine"]],
            findings=[Finding(**f) for f in index["findings"]],
            exported_at=index["exported_at"],
            dates=DateRules.from_dict(index["dates"]),
        )


def new_snapshot(out_dir: Path, profile: Profile, seal: bytes | None) -> Snapshot:
    """Return an empty snapshot in a folder; tables are sealed into it, then it is saved."""
    out_dir.mkdir(parents=True, exist_ok=True)
    return Snapshot(out_dir, profile, seal, new_salt(), {})


def _table_info(data: dict[str, Any]) -> TableInfo:
    lists = {
        key: tuple(tuple(i) if isinstance(i, list) else i for i in value)
        for key, value in data.items()
        if isinstance(value, list)
    }
    typed = tuple(TypedColumn(**column) for column in data["typed"])
    return TableInfo(**{**data, **lists, "typed": typed})


def utc_today() -> dt.date:
    """Today in UTC; the last resort where an export does not tell its day."""
    return dt.datetime.now(dt.UTC).date()
