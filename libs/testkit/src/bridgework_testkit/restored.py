"""A practice's tables as a restored database: in a file, or on a PostgreSQL server."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import duckdb
import pyarrow as pa
import pytest
from bridgework_dental_exec.snapshot import Snapshot

Row = tuple[Any, ...]
DRIVER_LEAVES_SOCKETS = [
    pytest.mark.usefixtures("sockets_collected"),
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
    ),
]
"""Marks of tests in which pg8000 cannot log in: it then leaves its socket to the collector."""


@dataclass(frozen=True, slots=True)
class RestoredTable:
    """One table as a database would hold it: a lone key that is a number is a number."""

    name: str
    columns: list[str]
    types: list[str]
    rows: list[Row]

    def create(self, stored: str) -> str:
        """Return the statement that makes it."""
        cells = ", ".join(f'"{c}" {t}' for c, t in zip(self.columns, self.types, strict=True))
        return f"CREATE TABLE {stored} ({cells})"


def restored_tables(
    snapshot: Snapshot, *, order: str = "_line", numbers: bool = False
) -> Iterator[RestoredTable]:
    """Yield every table of a snapshot.

    Args:
        snapshot: Of the practice's files.
        order: What its rows are ordered by, e.g. ``hash(_line)`` for no order at all.
        numbers: Make the first key column a number where all its values are whole.
    """
    connection = snapshot.connect()
    for name, info in snapshot.tables.items():
        columns = list(info.columns)
        cells = ", ".join(f'"{c}"' for c in columns)
        rows = connection.sql(f'SELECT {cells} FROM "{name}" ORDER BY {order}').fetchall()
        types = ["TEXT"] * len(columns)
        at = columns.index(snapshot.profile.tables[name].key[0])
        if numbers and all(re.fullmatch(r"\d{1,12}", row[at] or "") for row in rows):
            types[at] = "BIGINT"
            rows = [(*row[:at], int(row[at]), *row[at + 1 :]) for row in rows]
        yield RestoredTable(name, columns, types, rows)


def spelt(name: str) -> str:
    """Return a table's name as a database might spell it, e.g. ``TreatmentItems``."""
    return name.title().replace("_", "")


def restore_to_file(snapshot: Snapshot, file: Path, **how: Any) -> Path:
    """Write every table into a DuckDB or SQLite file, by the file's suffix; return the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    tables = restored_tables(snapshot, **how)
    if file.suffix == ".duckdb":
        with duckdb.connect(str(file)) as made:
            for table in tables:
                cells = zip(*table.rows, strict=True) if table.rows else [()] * len(table.columns)
                kinds = [pa.int64() if t == "BIGINT" else pa.string() for t in table.types]
                arrays = [pa.array(c, kind) for c, kind in zip(cells, kinds, strict=True)]
                made.register("incoming", pa.table(arrays, names=table.columns))
                made.execute(f'CREATE TABLE "{spelt(table.name)}" AS SELECT * FROM incoming')
                made.unregister("incoming")
        return file
    target = sqlite3.connect(file)
    for table in tables:
        stored, marks = f'"{spelt(table.name)}"', ",".join("?" * len(table.columns))
        target.execute(table.create(stored))
        target.executemany(f"INSERT INTO {stored} VALUES ({marks})", table.rows)
    target.commit()
    target.close()
    return file


async def restore_to_postgres(
    snapshot: Snapshot,
    dsn: str,
    *,
    schema: str = "public",
    stored: Callable[[str], str] = spelt,
    **how: Any,
) -> None:
    """Write every table into a schema of a PostgreSQL database."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        for table in restored_tables(snapshot, **how):
            name = stored(table.name)
            await connection.execute(table.create(f'"{schema}"."{name}"'))
            await connection.copy_records_to_table(
                name, schema_name=schema, records=table.rows, columns=table.columns
            )
    finally:
        await connection.close()


def postgres_connection(dsn: str, **more: Any) -> dict[str, Any]:
    """Return a connection of ``EXTRACTOR_DATABASES`` to a PostgreSQL database."""
    at = urlsplit(dsn)
    connect = {
        "user": at.username,
        "password": at.password,
        "host": at.hostname,
        "port": at.port,
        "database": at.path.lstrip("/"),
        "timeout": 20,
    }
    return {"driver": "pg8000.dbapi", "connect": connect | more.pop("connect", {}), **more}
