"""What each operation costs, and how much of the org's concurrency it takes: the one table.

Credits come from a rolling 24-hour window shared by everything that talks to the org; heavy calls
also take one of ten slots of a sub-limit (fact sheet §2). Marks: V and V7 are official, S and U
may be corrected per org through ``ZohoSettings.price_overrides``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil


class Operation(StrEnum):
    """Everything this client can ask of Zoho; the value is what ledgers and metrics show."""

    RECORDS_INSERT = "records.insert"
    RECORDS_UPDATE = "records.update"
    RECORDS_UPSERT = "records.upsert"
    RECORDS_GET = "records.get"
    RECORDS_LIST = "records.list"
    RECORDS_LIST_SORTED = "records.list_sorted"
    RECORDS_DELETE = "records.delete"
    RECORDS_MASS_DELETE = "records.mass_delete"
    RECORDS_COUNT = "records.count"
    RECORDS_DELETED = "records.deleted"
    COQL = "coql"
    NOTES_CREATE = "notes.create"
    NOTES_LIST = "notes.list"
    NOTES_UPDATE = "notes.update"
    NOTES_DELETE = "notes.delete"
    ATTACHMENTS_UPLOAD = "attachments.upload"
    ATTACHMENTS_LIST = "attachments.list"
    ATTACHMENTS_DOWNLOAD = "attachments.download"
    ATTACHMENTS_DELETE = "attachments.delete"
    FILES_UPLOAD = "files.upload"
    FILES_DOWNLOAD = "files.download"
    BULK_WRITE_UPLOAD = "bulk_write.upload"
    BULK_WRITE_CREATE = "bulk_write.create"
    BULK_WRITE_STATUS = "bulk_write.status"
    BULK_WRITE_RESULT = "bulk_write.result"
    BULK_READ_CREATE = "bulk_read.create"
    BULK_READ_STATUS = "bulk_read.status"
    BULK_READ_RESULT = "bulk_read.result"
    USERS_LIST = "users.list"
    USERS_GET = "users.get"
    USERS_UPDATE = "users.update"
    ORG_GET = "org.get"
    META_MODULES = "meta.modules"
    META_FIELDS = "meta.fields"
    META_LAYOUTS = "meta.layouts"
    META_PIPELINES = "meta.pipelines"
    META_RELATED_LISTS = "meta.related_lists"
    META_PROFILES = "meta.profiles"
    META_CREATE_FIELD = "meta.create_field"
    META_UPDATE_FIELD = "meta.update_field"
    META_DELETE_FIELD = "meta.delete_field"
    META_CREATE_MODULE = "meta.create_module"
    META_PRICE_LIST = "meta.price_list"
    RECYCLE_BIN_LIST = "recycle_bin.list"
    RECYCLE_BIN_RESTORE = "recycle_bin.restore"
    COMPOSITE = "composite"
    COMPOSITE_ROLLBACK = "composite.rollback"


@dataclass(frozen=True, slots=True)
class Cost:
    """Price and weight of one operation.

    Attributes:
        credits: Credits for a call with ``n`` elements (rows, ids, fields or asked-for rows).
        heavy: Whether a call with ``n`` elements takes one of the org's ten heavy slots.
        units: Concurrency units the call takes.
        writes: Whether it changes the org.
        mark: How sure the price is (V, V7, S, U).
    """

    credits: Callable[[int], int]
    heavy: Callable[[int], bool]
    units: int
    writes: bool
    mark: str


def _flat(credits_per_call: int) -> Callable[[int], int]:
    return lambda _n: credits_per_call


def _per_ten(n: int) -> int:
    return max(1, ceil(n / 10))


def _per_hundred(n: int) -> int:
    return max(1, ceil(n / 100))


def _per_field(n: int) -> int:
    return 10 * max(1, n)


_COQL_BANDS = ((200, 1), (1000, 2))


def _coql(limit: int) -> int:
    return next((price for upto, price in _COQL_BANDS if limit <= upto), 3)


def _light(_n: int) -> bool:
    return False


def _always(_n: int) -> bool:
    return True


_LIGHT_BATCH_ROWS = 10


def _big_batch(n: int) -> bool:
    return n > _LIGHT_BATCH_ROWS


def _read(
    mark: str = "V",
    price: Callable[[int], int] | None = None,
    heavy: Callable[[int], bool] = _light,
    units: int = 1,
) -> Cost:
    return Cost(price or _flat(1), heavy, units, writes=False, mark=mark)


def _write(
    mark: str = "V",
    price: Callable[[int], int] | None = None,
    heavy: Callable[[int], bool] = _light,
    units: int = 1,
) -> Cost:
    return Cost(price or _flat(1), heavy, units, writes=True, mark=mark)


COSTS: Mapping[Operation, Cost] = {
    Operation.RECORDS_INSERT: _write(price=_per_ten, heavy=_big_batch),
    Operation.RECORDS_UPDATE: _write(price=_per_ten, heavy=_big_batch),
    Operation.RECORDS_UPSERT: _write(price=_per_ten, heavy=_big_batch),
    Operation.RECORDS_GET: _read(),
    Operation.RECORDS_LIST: _read(),
    Operation.RECORDS_LIST_SORTED: _read(heavy=_always),
    Operation.RECORDS_DELETE: _write("U"),
    Operation.RECORDS_MASS_DELETE: _write("S", price=_per_hundred),
    Operation.RECORDS_COUNT: _read(),
    Operation.RECORDS_DELETED: _read("V7", price=_flat(2)),
    Operation.COQL: _read(price=_coql, heavy=_always),
    Operation.NOTES_CREATE: _write("U", price=_per_ten),
    Operation.NOTES_LIST: _read(),
    Operation.NOTES_UPDATE: _write("U", price=_per_ten),
    Operation.NOTES_DELETE: _write("U"),
    Operation.ATTACHMENTS_UPLOAD: _write("V7"),
    Operation.ATTACHMENTS_LIST: _read("V7"),
    Operation.ATTACHMENTS_DOWNLOAD: _read("V7"),
    Operation.ATTACHMENTS_DELETE: _write("V7"),
    Operation.FILES_UPLOAD: _write(),
    Operation.FILES_DOWNLOAD: _read(),
    Operation.BULK_WRITE_UPLOAD: _write("U"),
    Operation.BULK_WRITE_CREATE: _write(price=_flat(500)),
    Operation.BULK_WRITE_STATUS: _read(),
    Operation.BULK_WRITE_RESULT: _read("U"),
    Operation.BULK_READ_CREATE: _read(price=_flat(50)),
    Operation.BULK_READ_STATUS: _read(),
    Operation.BULK_READ_RESULT: _read("U"),
    Operation.USERS_LIST: _read(),
    Operation.USERS_GET: _read(),
    Operation.USERS_UPDATE: _write(),
    Operation.ORG_GET: _read(),
    Operation.META_MODULES: _read(),
    Operation.META_FIELDS: _read(),
    Operation.META_LAYOUTS: _read(),
    Operation.META_PIPELINES: _read(),
    Operation.META_RELATED_LISTS: _read(),
    Operation.META_PROFILES: _read(),
    Operation.META_CREATE_FIELD: _write(price=_per_field),
    Operation.META_UPDATE_FIELD: _write(),
    Operation.META_DELETE_FIELD: _write(),
    Operation.META_CREATE_MODULE: _write(price=_flat(500)),
    Operation.META_PRICE_LIST: _read("V7"),
    Operation.RECYCLE_BIN_LIST: _read(),
    Operation.RECYCLE_BIN_RESTORE: _write(),
    Operation.COMPOSITE: _write("V7", heavy=_always, units=5),
    Operation.COMPOSITE_ROLLBACK: _write("V7", price=_flat(2), heavy=_always, units=5),
}


class PriceList:
    """The table above, with what a probe of one org corrected."""

    def __init__(self, overrides: Mapping[Operation, int] | None = None) -> None:
        self._overrides = dict(overrides or {})

    def credits(self, operation: Operation, elements: int = 1) -> int:
        """Say what one call with this many elements costs."""
        override = self._overrides.get(operation)
        return COSTS[operation].credits(elements) if override is None else override

    def heavy(self, operation: Operation, elements: int = 1) -> bool:
        """Say whether such a call takes one of the ten heavy slots."""
        return COSTS[operation].heavy(elements)

    def units(self, operation: Operation) -> int:
        """Say how many concurrency units such a call takes."""
        return COSTS[operation].units
