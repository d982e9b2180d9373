"""A confirmed mapping, bound to one org and one practice: records in, writes and expectations out.

The transformer asks for writes, the reconciler for expectations, both from the same compiled lines;
neither looks at what the other remembers. A mapper holds no state and does no I/O.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bridgework_contracts.errors import MappingError
from bridgework_contracts.outcomes import Outcome, Reason
from bridgework_contracts.records import Change, Problem, RecordExtracted
from bridgework_contracts.runs import OwnerDecision
from bridgework_contracts.writes import Op, Owner, Ref, WriteRecord
from pydantic_core import to_json

from bridgework_mapping.comparators import Comparator, comparator
from bridgework_mapping.convert import Surroundings
from bridgework_mapping.document import MappingDocument
from bridgework_mapping.notes import key_in
from bridgework_mapping.objects import Identity, ObjectMap
from bridgework_mapping.steps import Applied, CompiledObject, Refused, compile_object
from bridgework_mapping.values import Trouble
from bridgework_mapping.wallclock import load_zone

OWNER = "Owner"
NOTE_CONTENT = "Note_Content"
MODULE_NAMES = ""
"""Key under which ``live_names`` holds the modules themselves."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The record is not written; the transformer publishes this as its outcome."""

    reason: Reason
    outcome: Outcome
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """What Zoho must hold for a record, said by the source alone."""

    module: str
    key: str
    external_id_field: str | None
    fields: dict[str, Any]
    refs: tuple[Ref, ...]
    owner_id: str | None


class Mapper:
    """A compiled mapping. Built by :func:`compile_mapping`."""

    def __init__(
        self,
        objects: Mapping[str, CompiledObject],
        *,
        owners: Mapping[str, Owner],
        fallback_user_id: str,
    ) -> None:
        self._objects = dict(objects)
        self._owners = dict(owners)
        self._no_provider = Owner(user_id=fallback_user_id)
        self._unresolved = Owner(user_id=fallback_user_id, review=True)
        self._by_module = {found.module: name for name, found in objects.items()}
        self._compare: dict[str, dict[str, Comparator]] = {
            name: {
                **{live: comparator(kind) for live, kind in found.comparators.items()},
                OWNER: comparator("lookup"),
            }
            for name, found in objects.items()
        }

    def write_for(self, record: RecordExtracted) -> WriteRecord | Rejected:
        """Return the write a record asks for, or why there is none.

        A record deleted at the source gives ``Op.FLAG_DELETED`` without fields. ``None`` among the
        fields means "empty it if it is still ours" (see :meth:`always_cleared`). The content hash
        covers module, fields, lookups and owner: equal hashes, equal requests.

        Raises:
            MappingError: the mapping does not know the object.
        """
        found = self._object(record.object)
        if record.change is Change.DELETED:
            return self._flag_deleted(record, found)
        applied = found.apply(record.fields)
        if isinstance(applied, Refused):
            return Rejected(applied.reason, applied.outcome, record.problems)
        owner = self._owner(found.entry, record.fields)
        problems = record.problems
        if applied.trouble or not record.fields.keys() <= found.accounted:
            problems = (*problems, *self._problems(record, found, applied.trouble))
        return WriteRecord(
            run_id=record.run_id,
            change=record.change,
            object=record.object,
            module=found.module,
            key=record.key,
            external_id_field=found.external_id_field,
            fields=applied.fields,
            refs=applied.refs,
            owner=owner,
            content_hash=_content_hash(found.module, applied, owner),
            parts=record.parts,
            provenance=record.provenance,
            problems=problems,
        )

    def expected_for(self, record: RecordExtracted) -> Expected | None:
        """Return what Zoho must hold for a record; None where the record is not written."""
        found = self._object(record.object)
        if record.change is Change.DELETED:
            return None
        applied = found.apply(record.fields)
        if isinstance(applied, Refused):
            return None
        owner = self._owner(found.entry, record.fields)
        return Expected(
            module=found.module,
            key=record.key,
            external_id_field=found.external_id_field,
            fields=found.compared(applied.fields),
            refs=applied.refs,
            owner_id=owner.user_id if owner else None,
        )

    def compare(self, name: str, live_field: str, expected: Any, actual: Any) -> bool:
        """Tell whether Zoho's value is the expected one, by the field's kind.

        Args:
            name: Source object, e.g. ``patient``.
            live_field: Live API name, or ``Owner``.
            expected: From :class:`Expected`; for a lookup the parent's Zoho id.
            actual: As Zoho's JSON has it; ids as text or ``{"id": …}``.

        Raises:
            MappingError: the object or field is not in the mapping.
        """
        try:
            same = self._compare[name][live_field]
        except KeyError:
            raise MappingError(
                f"{name}.{live_field} is not in the mapping.", code="unknown_field"
            ) from None
        return same(expected, actual)

    def live_fields(self, name: str) -> list[str]:
        """Return the live names to read back for an object, ``Owner`` last where we set it."""
        found = self._object(name)
        names = list(found.live_fields)
        return [*names, OWNER] if found.entry.owned else names

    def always_cleared(self, name: str) -> frozenset[str]:
        """Return live names that a blank source empties even where a person wrote the value."""
        return self._object(name).always_cleared

    def object_for_module(self, module: str) -> str | None:
        """Return the source object whose records live in a module (live name), or None."""
        return self._by_module.get(module)

    def module(self, name: str) -> str:
        """Return the live module name of an object."""
        return self._object(name).module

    def external_id_field(self, name: str) -> str | None:
        """Return the live name of the object's source-id field; None for notes."""
        return self._object(name).external_id_field

    def live_name(self, name: str, spec: str) -> str | None:
        """Return the live name of a spec name, or None where the object has no such line."""
        return self._object(name).live_by_spec.get(spec)

    def key_from(self, name: str, zoho_row: Mapping[str, Any]) -> str | None:
        """Return the source key a Zoho row carries (source-id field or marker), or None."""
        found = self._object(name)
        if found.entry.identity is Identity.MARKER:
            content = zoho_row.get(NOTE_CONTENT)
            return key_in(content) if isinstance(content, str) else None
        value = zoho_row.get(found.external_id_field or "")
        return str(value) if value not in (None, "") else None

    def _object(self, name: str) -> CompiledObject:
        try:
            return self._objects[name]
        except KeyError:
            raise MappingError(
                f"Object {name} becomes no record in this mapping.", code="unknown_object"
            ) from None

    def _owner(self, entry: ObjectMap, fields: Mapping[str, Any]) -> Owner | None:
        if not entry.owned:
            return None
        key = fields.get(entry.owner) if entry.owner else None
        if key is None or key == "":
            return self._no_provider
        return self._owners.get(str(key), self._unresolved)

    def _problems(
        self, record: RecordExtracted, found: CompiledObject, trouble: list[Trouble]
    ) -> list[Problem]:
        origin = record.provenance[0] if record.provenance else None
        file, line = (origin.file, origin.line) if origin else ("", 0)
        problems = [
            Problem(
                file=file,
                line=line,
                field=item.spec,
                code=item.code,
                shape=item.shape,
                effect=item.effect,
                remedy=item.remedy,
            )
            for item in trouble
        ]
        problems += [
            Problem(
                file=file,
                line=line,
                field=name,
                code="unaccounted_field",
                effect="left_out",
                remedy="Map the field or list it under not_mapped; it is in the snapshot.",
            )
            for name in sorted(record.fields.keys() - found.accounted)
        ]
        return problems

    def _flag_deleted(self, record: RecordExtracted, found: CompiledObject) -> WriteRecord:
        return WriteRecord(
            run_id=record.run_id,
            op=Op.FLAG_DELETED,
            change=record.change,
            object=record.object,
            module=found.module,
            key=record.key,
            external_id_field=found.external_id_field,
            fields={},
            content_hash=_digest([found.module, record.key, "deleted"]),
            parts=record.parts,
            provenance=record.provenance,
            problems=record.problems,
        )


def compile_mapping(
    doc: MappingDocument,
    *,
    live_names: Mapping[str, Mapping[str, str]],
    owners: Iterable[OwnerDecision],
    fallback_user_id: str,
    practice_timezone: str,
) -> Mapper:
    """Bind a document to an org and a practice.

    Args:
        doc: The confirmed mapping.
        live_names: Spec module → spec name → live name; modules under ``""``. Empty = the names
            Zoho will make of our labels (before the schema exists, and in tests).
        owners: Decisions by provider key.
        fallback_user_id: Owner of what names no provider or an unresolved one.
        practice_timezone: IANA name.

    Raises:
        MappingError: unknown zone, no fallback user, or a field without a live name.
    """
    if not fallback_user_id:
        raise MappingError(
            "A fallback user is needed: no record is written to an unresolved owner.",
            code="no_fallback_user",
        )
    decisions = {decision.provider_key: decision for decision in owners}
    around = Surroundings(zone=load_zone(practice_timezone), decisions=decisions)
    named = live_names.get(MODULE_NAMES, {})
    modules = {entry.object: named.get(entry.module, entry.module) for entry in doc.records}
    objects = {
        entry.object: compile_object(
            entry, modules=modules, live=_live(entry, live_names), around=around
        )
        for entry in doc.records
    }
    known = {
        key: Owner(user_id=decision.user_id, review=decision.review)
        for key, decision in decisions.items()
    }
    return Mapper(objects, owners=known, fallback_user_id=fallback_user_id)


def _live(entry: ObjectMap, live_names: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    known = live_names.get(entry.module, {})
    found: dict[str, str] = {}
    for line in entry.fields:
        for spec, _, planned in line.page_fields():
            name = known.get(spec)
            if name is None and line.custom and live_names:
                raise MappingError(
                    f"{entry.module}.{spec} has no live API name; compare the org with the schema "
                    "plan and create what is missing.",
                    code="unresolved_name",
                )
            found[spec] = name or planned
    return found


def _content_hash(module: str, applied: Applied, owner: Owner | None) -> str:
    refs = [(ref.field, ref.object, ref.key) for ref in applied.refs]
    return _digest([module, applied.fields, refs, owner.user_id if owner else None])


def _digest(content: list[Any]) -> str:
    return hashlib.blake2b(to_json(content), digest_size=16).hexdigest()
