"""A write on its way, and what the loader already knows about its record."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from bridgework_contracts.ids import MessageId
from bridgework_contracts.writes import WriteRecord

RecordKey = tuple[str, str]
"""Source object and source key: what names a record for us, e.g. ``("patient", "1201")``."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One write that is to be made true.

    Attributes:
        message_id: Equal for equal content within a run, whoever delivers it and how often.
        log_key: Key of the log record; the outcome travels under the same one.
    """

    message_id: MessageId
    log_key: bytes | None
    write: WriteRecord = field(repr=False)

    @property
    def record_key(self) -> RecordKey:
        """Object and key of the record."""
        return (self.write.object, self.write.key)

    @property
    def needs(self) -> Iterator[RecordKey]:
        """Iterate over the records this one looks up to."""
        return ((ref.object, ref.key) for ref in self.write.refs)


@dataclass(frozen=True, slots=True)
class Link:
    """One row of the crosswalk: where a source record is in Zoho.

    Attributes:
        fields_hash: Hash of everything we last made true; empty when something was left open
            (a lookup left out, a conflict, an undo), so that the next write looks again.
        sealed_base: What we last wrote, by live name, as sealed JSON; None where not asked for.
    """

    module: str
    zoho_id: str
    fields_hash: str = ""
    sealed_base: bytes | None = field(default=None, repr=False)


def fields_hash(fields: dict[str, Any]) -> str:
    """Hash the values of one record as they are sent; 32 hexadecimal characters."""
    data = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def rounds(arrivals: Sequence[Arrival]) -> Iterator[list[Arrival]]:
    """Split arrivals into rounds that may each be written all at once.

    A record appears once in a round, in the order of arrival; a record whose parent is still to be
    written in the same batch waits for the round after it. A circle of lookups ends the waiting:
    what is left goes together and parks where it must.
    """
    waiting = list(arrivals)
    while waiting:
        still_to_write = {arrival.record_key for arrival in waiting}
        now: list[Arrival] = []
        taken: set[RecordKey] = set()
        later: list[Arrival] = []
        for arrival in waiting:
            own = arrival.record_key
            blocked = any(need in still_to_write and need != own for need in arrival.needs)
            if own in taken or blocked:
                later.append(arrival)
            else:
                now.append(arrival)
            # Whatever comes later for this record must not overtake what waits.
            taken.add(own)
        if not now:
            now, later = _first_of_each(waiting)
        yield now
        waiting = later


def _first_of_each(waiting: list[Arrival]) -> tuple[list[Arrival], list[Arrival]]:
    first: dict[RecordKey, Arrival] = {}
    for arrival in waiting:
        first.setdefault(arrival.record_key, arrival)
    chosen = list(first.values())
    ids = {id(arrival) for arrival in chosen}
    return chosen, [arrival for arrival in waiting if id(arrival) not in ids]
