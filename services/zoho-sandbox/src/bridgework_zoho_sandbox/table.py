"""The stored records of one module: rows, match keys, and the recycle bin behind them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from .database import Database
from .errors import Json
from .metadata import FieldMeta, Module

COLUMNS = "id, created, modified, created_by, modified_by, owner, name, doc"


class Record(NamedTuple):
    """One stored record; ``doc`` is its JSON text."""

    id: int
    created: int
    modified: int
    created_by: int
    modified_by: int
    owner: int
    name: str | None
    doc: str

    def values(self) -> Json:
        """Return the stored field values."""
        values: Json = orjson.loads(self.doc)
        return values


def match_key(field: FieldMeta, value: Any, *, case_sensitive: bool) -> str | None:
    """Return the text under which a value is matched, ``None`` for a value that never matches."""
    if value is None or value == "":
        return None
    text = value if type(value) is str else str(value)
    if case_sensitive and field.unique:
        return text
    return text.casefold()


class Table:
    """SQL for one module; the caller holds the transaction."""

    def __init__(self, database: Database, module: Module) -> None:
        self._database = database
        self._execute = database.execute
        self.module = module
        slot = module.slot
        self._get = f"select {COLUMNS} from r{slot} where id = ?"
        self._exists = f"select 1 from r{slot} where id = ?"
        self._insert = f"insert into r{slot} values (?, ?, ?, ?, ?, ?, ?, ?)"
        self._update = (
            f"update r{slot} set modified = ?, modified_by = ?, owner = ?, name = ?, doc = ?"
            " where id = ?"
        )
        self._key = f"select id from k{slot} where field = ? and key = ? limit 2"
        self._many = f"select {COLUMNS} from r{slot} where id in (select value from json_each(?))"
        self._holders = (
            f"select key, min(id) from k{slot} where field = ?"
            " and key in (select value from json_each(?)) group by key"
        )
        self._add_key = f"insert or ignore into k{slot} values (?, ?, ?)"
        self._drop_key = f"delete from k{slot} where field = ? and key = ? and id = ?"
        self.name = f"r{slot}"

    def get(self, record: int) -> Record | None:
        """Return a live record."""
        row = self._execute(self._get, (record,)).fetchone()
        return None if row is None else Record(*row)

    def get_many(self, records: list[int]) -> dict[int, Record]:
        """Return live records by id."""
        found = self._execute(self._many, (orjson.dumps(records).decode(),))
        return {row[0]: Record(*row) for row in found}

    def exists(self, record: int) -> bool:
        """Return whether a live record has this id."""
        return self._execute(self._exists, (record,)).fetchone() is not None

    def by_key(self, field: FieldMeta, key: str) -> list[int]:
        """Return up to two ids that hold this key."""
        return [row[0] for row in self._execute(self._key, (field.id, key))]

    def holders(self, field: FieldMeta, keys: list[str]) -> dict[str, int]:
        """Return key → the lowest id that holds it."""
        return dict(
            self._execute(self._holders, (field.id, orjson.dumps(keys).decode())).fetchall()
        )

    def insert(self, rows: Iterable[tuple[Any, ...]], keys: Iterable[tuple[Any, ...]]) -> None:
        """Write new records and their keys."""
        self._database.executemany(self._insert, rows)
        self._database.executemany(self._add_key, keys)

    def update(self, *records: Record) -> None:
        """Write changed records, in order."""
        self._database.executemany(
            self._update,
            [
                (one.modified, one.modified_by, one.owner, one.name, one.doc, one.id)
                for one in records
            ],
        )

    def add_key(self, field: FieldMeta, key: str, record: int) -> None:
        """Index one value."""
        self._execute(self._add_key, (field.id, key, record))

    def drop_key(self, field: FieldMeta, key: str, record: int) -> None:
        """Forget one indexed value."""
        self._execute(self._drop_key, (field.id, key, record))

    def drop_keys_of(self, field: FieldMeta) -> None:
        """Forget every indexed value of a field."""
        self._execute(f"delete from k{self.module.slot} where field = ?", (field.id,))

    def delete(self, record: int) -> None:
        """Remove a row; keys and recycle bin are the caller's."""
        self._execute(f"delete from {self.name} where id = ?", (record,))

    def count(self) -> int:
        """Return the number of live records."""
        row = self._database.one(f"select count(*) from {self.name}")
        return 0 if row is None else int(row[0])

    def names(self, records: list[int]) -> dict[int, str | None]:
        """Return id → display name for live records."""
        found = self._execute(
            f"select id, name from {self.name} where id in (select value from json_each(?))",
            (orjson.dumps(records).decode(),),
        )
        return dict(found.fetchall())

    def keep_for_search(self, records: Iterable[Record], *, now: int, visible_at: float) -> None:
        """Keep the versions the search index still shows until ``visible_at``.

        A version that is still shown stays: the index has not caught up with the change before.
        """
        slot = self.module.slot
        self._database.executemany(
            f"insert into s{slot} values (?, ?, ?, ?, ?, ?) on conflict (id) do update set"
            " visible_at = excluded.visible_at, doc = excluded.doc, name = excluded.name,"
            f" owner = excluded.owner, modified = excluded.modified where s{slot}.visible_at <= ?",
            [
                (one.id, visible_at, one.doc, one.name, one.owner, one.modified, now)
                for one in records
            ],
        )

    def forget_found(self, now: int) -> None:
        """Drop the versions the search index no longer shows."""
        self._execute(f"delete from s{self.module.slot} where visible_at <= ?", (now,))
