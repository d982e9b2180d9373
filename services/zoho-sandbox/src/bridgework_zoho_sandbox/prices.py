"""What calls cost and which are heavy: the price list as functions (fact sheet §2.2-2.3)."""

from __future__ import annotations

from .call import Call
from .errors import ZohoError
from .operation import HEAVY_ABOVE, PER_CREDIT, batch_size

FIELD_CREDITS = 10
MODULE_CREDITS = 500
BULK_WRITE_CREDITS = 500
BULK_READ_CREDITS = 50
CVID_CREDITS = 3
MASS_DELETE_PER_CREDIT = 100
TAGS_PER_CREDIT = 50


def _per(count: int, size: int) -> int:
    return -(-max(1, count) // size)


def by_ten(call: Call) -> int:
    """Return one credit per started ten records."""
    return _per(batch_size(call), PER_CREDIT)


def notes_price(call: Call) -> int:
    """Return the price of notes written: by ten or flat, as set."""
    return by_ten(call) if call.org.behaviour.notes_by_ten else 1


def many_records(call: Call) -> bool:
    """Say whether a write carries more than ten records: then it is heavy."""
    return batch_size(call) > HEAVY_ABOVE


def always_heavy(_: Call) -> bool:
    """Say that the call always takes a sub-concurrency slot."""
    return True


def heavy_list(call: Call) -> bool:
    """Say whether a list read sorts or uses a custom view: then it is heavy."""
    return "sort_by" in call.params or "cvid" in call.params


def list_price(call: Call) -> int:
    """Return the price of a list read."""
    return CVID_CREDITS if "cvid" in call.params else 1


def deleted_price(_: Call) -> int:
    """Return the price of the deleted-records list."""
    return 2


def search_price(call: Call) -> int:
    """Return the price of a search, as set."""
    return call.org.behaviour.search_credits


def delete_price(call: Call) -> int:
    """Return the price of a delete: per call, or per id, as set."""
    ids = [part for part in call.params.get("ids", "").split(",") if part]
    return max(1, len(ids)) if call.org.behaviour.delete_credit_per_record else 1


def mass_delete_price(call: Call) -> int:
    """Return one credit per started hundred ids."""
    return _per(batch_size(call, "ids"), MASS_DELETE_PER_CREDIT)


def fields_price(call: Call) -> int:
    """Return ten credits per field."""
    return FIELD_CREDITS * batch_size(call, "fields")


def module_price(_: Call) -> int:
    """Return the price of a custom module."""
    return MODULE_CREDITS


def bulk_write_price(_: Call) -> int:
    """Return the price of one bulk write job."""
    return BULK_WRITE_CREDITS


def bulk_read_price(_: Call) -> int:
    """Return the price of one bulk read job."""
    return BULK_READ_CREDITS


def upload_price(call: Call) -> int:
    """Return the price of a bulk upload, as set."""
    return call.org.behaviour.upload_credits


def download_price(call: Call) -> int:
    """Return the price of a bulk result, as set."""
    return call.org.behaviour.download_credits


def tags_price(call: Call) -> int:
    """Return one credit per started fifty records."""
    return _per(batch_size(call, "ids"), TAGS_PER_CREDIT)


def composite_price(call: Call) -> int:
    """Return what a composite call may cost; the handler settles 1 or 2."""
    try:
        return 2 if call.json().get("rollback_on_fail") is True else 1
    except ZohoError:  # the handler will say what is wrong with it
        return 1
