"""One org is one SQLite file: copying the file copies the org, deleting it deletes the org.

Statements run on the event loop's thread: each takes microseconds, a thread hop would cost more.
A request that writes is one transaction, so a crash never shows half of a batch. `synchronous` is
off: killing the process loses nothing (the pages are the kernel's), pulling the plug may.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

Row = tuple[Any, ...]

_SCHEMA = """
create table if not exists meta (key text primary key, value text not null) without rowid;
create table if not exists module (
  id integer primary key, slot integer not null, doc text not null);
create table if not exists person (id integer primary key, doc text not null);
create table if not exists bin (
  id integer primary key, module integer not null, deleted_at integer not null,
  deleted_by integer not null, kind text not null, name text, row text not null,
  parent integer);
create index if not exists bin_by_module on bin (module, deleted_at, id);
create index if not exists bin_by_parent on bin (parent);
create table if not exists note (
  id integer primary key, parent_module text not null, parent integer not null, title text,
  content text, owner integer not null, created integer not null, modified integer not null,
  created_by integer not null, modified_by integer not null);
create index if not exists note_by_parent on note (parent, id);
create table if not exists attachment (
  id integer primary key, parent_module text not null, parent integer not null,
  name text not null, size integer not null, path text, sha256 text, link text,
  owner integer not null, created integer not null, modified integer not null,
  created_by integer not null, modified_by integer not null);
create index if not exists attachment_by_parent on attachment (parent, id);
create table if not exists file (
  id text primary key, name text not null, size integer not null, path text not null,
  kind text not null, created integer not null);
create table if not exists job (id integer primary key, kind text not null, doc text not null);
create table if not exists job_line (
  job integer not null, number integer not null, line text not null,
  primary key (job, number)) without rowid;
create table if not exists fired (
  seq integer primary key, at integer not null, feature text not null, module text not null,
  action text not null, record integer not null, source text not null);
create table if not exists grant_token (
  token text primary key, kind text not null, client_id text not null, person integer not null,
  scope text not null, parent text, created real not null, expires real);
create table if not exists client (
  client_id text primary key, client_secret text not null, redirect_uri text);
create table if not exists tag (id integer primary key, module text not null, name text not null);
create table if not exists credit (second integer primary key, cost integer not null);
create table if not exists locked (id integer primary key, code text not null);
"""


class Database:
    """The storage of one org."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        self._depth = 0
        self.on_rollback: list[Callable[[], None]] = []
        for pragma in (
            "journal_mode=WAL",
            "synchronous=OFF",
            "temp_store=MEMORY",
            "cache_size=-32768",
            # Pages that change often are copied into the file once in 16 MB, not once in 4.
            "wal_autocheckpoint=4000",
        ):
            self.connection.execute(f"pragma {pragma}")
        self.connection.executescript(_SCHEMA)
        self.execute = self.connection.execute
        self.executemany = self.connection.executemany

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit on leaving, roll back on an exception; a nested one is a savepoint."""
        depth, self._depth = self._depth, self._depth + 1
        begin, commit, undo = (
            ("begin immediate", "commit", "rollback")
            if depth == 0
            else (f"savepoint s{depth}", f"release s{depth}", f"rollback to s{depth}")
        )
        self.execute(begin)
        try:
            yield
        except BaseException:
            self.execute(undo)
            if depth:
                self.execute(commit)
            for forget in self.on_rollback:
                forget()
            raise
        else:
            self.execute(commit)
        finally:
            self._depth = depth

    def one(self, sql: str, parameters: tuple[Any, ...] = ()) -> Row | None:
        """Return the first row, ``None`` without one."""
        row: Row | None = self.execute(sql, parameters).fetchone()
        return row

    def all(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[Row]:
        """Return every row."""
        return self.execute(sql, parameters).fetchall()

    def get_meta(self, key: str) -> Any:
        """Return a stored JSON value, ``None`` when absent."""
        row = self.one("select value from meta where key = ?", (key,))
        return None if row is None else orjson.loads(row[0])

    def put_meta(self, key: str, value: Any) -> None:
        """Store a JSON value under a key."""
        self.execute(
            "insert into meta values (?, ?) on conflict do update set value = excluded.value",
            (key, orjson.dumps(value).decode()),
        )

    def add_module_tables(self, slot: int) -> None:
        """Create the tables of one module: records, match keys, stale search entries."""
        self.execute(
            f"create table if not exists r{slot} (id integer primary key,"
            " created integer not null, modified integer not null, created_by integer not null,"
            " modified_by integer not null, owner integer not null, name text, doc text not null)"
        )
        self.execute(f"create index if not exists r{slot}_modified on r{slot} (modified, id)")
        self.execute(
            f"create table if not exists k{slot} (field integer not null, key text not null,"
            " id integer not null, primary key (field, key, id)) without rowid"
        )
        self.execute(
            f"create table if not exists s{slot}"
            " (id integer primary key, visible_at real not null, doc text not null,"
            " name text, owner integer not null, modified integer not null)"
        )

    def close(self) -> None:
        """Close the file; everything committed is already in it."""
        self.connection.close()


class IdSource:
    """Ids of one org: 19 digits, the org's prefix and a rising counter.

    Counters are reserved in blocks, so a restart skips at most one block and never repeats an id.
    """

    BLOCK = 10_000
    SPAN = 10**12

    def __init__(self, database: Database, prefix: int) -> None:
        self._database = database
        self._base = prefix * self.SPAN
        stored = database.get_meta("next_id")
        self._next = 1001 if stored is None else int(stored)
        self._limit = self._next
        database.on_rollback.append(self._forget_reservation)

    def _forget_reservation(self) -> None:
        """Reserve anew: the reservation may have been rolled back with the transaction."""
        self._limit = self._next

    def take(self) -> int:
        """Return one new id."""
        if self._next >= self._limit:
            self._limit = self._next + self.BLOCK
            self._database.put_meta("next_id", self._limit)
        value = self._base + self._next
        self._next += 1
        return value

    def owns(self, value: int) -> bool:
        """Return whether the id could be this org's."""
        return self._base <= value < self._base + self.SPAN
