"""Lookups: from the source's keys to Zoho's ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridgework_contracts.records import Problem
from bridgework_contracts.writes import Ref, WriteRecord

from bridgework_loader.domain.arrivals import Link, RecordKey

NOTES = "Notes"
_PARENT = "Parent_Id"
_SE_MODULE = "$se_module"


@dataclass(frozen=True, slots=True)
class Resolved:
    """The fields of a write with its lookups filled in.

    Attributes:
        left_out: One problem for each optional lookup whose record is not in Zoho.
        missing: The first required lookup whose record is not in Zoho; None if there is none.
    """

    fields: dict[str, Any]
    left_out: tuple[Problem, ...] = ()
    missing: Ref | None = None


def resolve(write: WriteRecord, links: Mapping[RecordKey, Link]) -> Resolved:
    """Fill in the lookups and the owner of one write.

    Notes take no owner (fact sheet §5) and name their parent with its module (§3.8).
    """
    fields = dict(write.fields)
    left_out: list[Problem] = []
    for ref in write.refs:
        link = links.get((ref.object, ref.key))
        if link is None:
            if ref.required:
                return Resolved(fields, tuple(left_out), missing=ref)
            left_out.append(_left_out(write, ref))
            continue
        if write.module == NOTES and ref.field == _PARENT:
            fields[_PARENT] = {"module": {"api_name": link.module}, "id": link.zoho_id}
            continue
        fields[ref.field] = {"id": link.zoho_id}
        if ref.se_module is not None:
            fields[_SE_MODULE] = ref.se_module
    if write.owner is not None and write.module != NOTES:
        fields["Owner"] = {"id": write.owner.user_id}
    return Resolved(fields, tuple(left_out))


def _left_out(write: WriteRecord, ref: Ref) -> Problem:
    where = write.provenance[0] if write.provenance else None
    return Problem(
        file=where.file if where else "",
        line=where.line if where else 0,
        field=ref.field,
        code="reference_missing",
        effect="left_out",
        remedy=f"The {ref.object} with key {ref.key} is not in Zoho: "
        "repair it at the source, and the next run fills this lookup.",
    )
