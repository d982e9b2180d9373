"""Comparing what Zoho shows with what the source says, field by field.

The source's side comes from the canonical records through the mapping's typed comparators; nothing
here looks at what the loader believes it sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bridgework_contracts.outcomes import Conflict
from bridgework_contracts.writes import Ref


class Expected(Protocol):
    """What the mapping says one record should look like in Zoho."""

    @property
    def fields(self) -> Mapping[str, Any]:
        """Live field name → value."""

    @property
    def refs(self) -> Sequence[Ref]:
        """Lookups by source key."""

    @property
    def owner_id(self) -> str | None:
        """The resolved owner; ``None`` where the module has no owner of ours."""


class Comparator(Protocol):
    """The mapping's typed comparison of one field."""

    def compare(self, object_name: str, field: str, expected: Any, actual: Any, /) -> bool:
        """Return whether the two values mean the same."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not equal.

    ``kind``: different, missing, duplicate, owner, lookup, edited_by_person, conflict_kept, file.
    """

    object: str
    key: str
    field: str
    kind: str
    zoho_id: str | None = None
    expected: Any = None
    actual: Any = None


ACCEPTED = frozenset({"edited_by_person", "conflict_kept"})
"""Kinds that are a person's decision, listed but not counted as mismatches."""


@dataclass(slots=True)
class Tally:
    """Running totals of one comparison."""

    records: int = 0
    fields: int = 0
    differences: list[Difference] = field(default_factory=list)


def compare_record(  # noqa: C901  # one line per kind of thing compared
    object_name: str,
    key: str,
    row: Mapping[str, Any],
    expected: Expected,
    *,
    comparator: Comparator,
    zoho_ids: Mapping[tuple[str, str], str],
    conflicts: Mapping[str, Conflict],
    edited_by_person: bool,
    tally: Tally,
) -> None:
    """Compare one record and add what differs to ``tally``.

    Args:
        object_name: Source object.
        key: Its source key.
        row: The record as Zoho shows it.
        expected: What the mapping says.
        comparator: The mapping's typed comparators.
        zoho_ids: (object, key) → Zoho id of every record the lookups may point at.
        conflicts: Live field → conflict in which a person's value was kept.
        edited_by_person: Whether somebody other than our user changed the record last.
        tally: Receives counts and differences.
    """
    zoho_id = str(row.get("id"))
    tally.records += 1

    def differs(name: str, kind: str, want: Any, have: Any) -> None:
        if name in conflicts:
            kind = "conflict_kept"
        elif edited_by_person:
            kind = "edited_by_person"
        tally.differences.append(Difference(object_name, key, name, kind, zoho_id, want, have))

    for name, want in expected.fields.items():
        tally.fields += 1
        have = row.get(name)
        if not comparator.compare(object_name, name, want, have):
            differs(name, "different", want, have)
    for ref in expected.refs:
        want = zoho_ids.get((ref.object, ref.key))
        if want is None and not ref.required:
            continue
        tally.fields += 1
        have = lookup_id(row.get(ref.field))
        if want != have:
            differs(ref.field, "lookup", want, have)
    if expected.owner_id is not None:
        tally.fields += 1
        have = lookup_id(row.get("Owner"))
        if have != expected.owner_id:
            differs("Owner", "owner", expected.owner_id, have)


def lookup_id(value: Any) -> str | None:
    """Return the id a lookup shows, in any of the forms Zoho uses for it."""
    if isinstance(value, Mapping):
        found = value.get("id")
        return None if found is None else str(found)
    return None if value in (None, "") else str(value)
