"""What a batch needs from the tables, read before its first record: one query, not a hundred.

Only the API's own batches read ahead, and only within one call: nothing else runs between the
reading and the last record, so what was read stays true but for what the batch itself writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .errors import Json
from .metadata import FieldMeta
from .record_ids import record_id
from .table import Record, Table, match_key

Key = tuple[int, str]


class Ahead:
    """Records by id and holders of match keys, as far as they have been read."""

    def __init__(self, table: Table, *, case_sensitive: bool) -> None:
        self._table = table
        self._case = case_sensitive
        self.records: dict[int, Record] = {}
        self.holders: dict[Key, int | None] = {}

    def read_holders(self, data: Sequence[Json], fields: Iterable[FieldMeta]) -> list[int]:
        """Look up who holds the values these rows give to some fields; return the holders' ids."""
        found: list[int] = []
        for field in fields:
            name, case = field.api_name, self._case
            keys = {match_key(field, row.get(name), case_sensitive=case) for row in data}
            keys.discard(None)
            if not keys:
                continue
            held = self._table.holders(field, [key for key in keys if key is not None])
            for key in keys:
                if key is not None:
                    self.holders[field.id, key] = held.get(key)
            found += held.values()
        return found

    def read_records(self, ids: Iterable[int]) -> None:
        """Read records by id; unknown ids are left out."""
        self.records.update(self._table.get_many(list(dict.fromkeys(ids))))

    def read_own(self, data: Sequence[Json]) -> None:
        """Read the records that rows name by ``id``."""
        self.read_records(found for row in data if (found := record_id(row.get("id"))) is not None)

    def forget(self, field: FieldMeta, key: str) -> None:
        """A key changed hands: ask the table next time."""
        self.holders.pop((field.id, key), None)

    def taken(self, keys: Iterable[tuple[Key, int]]) -> None:
        """New rows have been written: keys nobody held have a holder now."""
        holders = self.holders
        for key, record in keys:
            if holders.get(key, 0) is None:
                holders[key] = record
