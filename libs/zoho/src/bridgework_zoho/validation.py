"""Judges a record before it is sent, by the org's own live metadata.

One bad phone number costs the whole record (fact sheet §0 fact 15), so nothing is sent that Zoho
is known to refuse. What happens to a bad value is a policy per field: the record is rejected, or
the value moves to a text field, is cut, or is left out, each time with a note of what it was.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from enum import StrEnum
from typing import Any

from bridgework_zoho.field_checks import Check, Exists, Fault, compile_check
from bridgework_zoho.masking import masked
from bridgework_zoho.metadata import ModuleMeta, Pipeline
from bridgework_zoho.module_rules import Rule, rules_for

# Keys of a record that steer the call and are no fields.
_STEERING = frozenset({"id", "Layout", "Tag", "_delete"})
_EMPTY = (None, "")


class PolicyAction(StrEnum):
    """What happens to a value Zoho would refuse."""

    REJECT = "reject"
    MOVE_TO_RAW_FIELD = "move_to_raw_field"
    TRUNCATE_WITH_NOTE = "truncate_with_note"
    DROP_VALUE_WITH_NOTE = "drop_value_with_note"


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of one field.

    Attributes:
        action: What happens to a bad value.
        raw_field: Text field it moves to, for ``MOVE_TO_RAW_FIELD``.
    """

    action: PolicyAction = PolicyAction.REJECT
    raw_field: str | None = None

    def __post_init__(self) -> None:
        if (self.action is PolicyAction.MOVE_TO_RAW_FIELD) != (self.raw_field is not None):
            raise ValueError("raw_field belongs to move_to_raw_field, and only to it")


REJECT = Policy()


@dataclass(frozen=True, slots=True)
class Problem:
    """Something Zoho would refuse; holds no value, so it may be logged and shown.

    Attributes:
        field: API name.
        code: Zoho's code, or ``UNKNOWN_FIELD``, ``READ_ONLY_FIELD`` for what Zoho would silently
            drop.
        detail: What is wrong.
        remedy: What a person can do.
        action: What was done; ``reject`` means the record is not sent.
        shape: The value's masked shape.
    """

    field: str
    code: str
    detail: str
    remedy: str
    action: PolicyAction = PolicyAction.REJECT
    shape: str = ""


@dataclass(frozen=True, slots=True)
class FieldNote:
    """What a value was before it was cut, moved or left out; personal data, never log it."""

    field: str
    original: Any = attribute(repr=False)
    kept: Any = attribute(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of one record.

    Attributes:
        record: What may be sent; None if the record is rejected.
        problems: Everything that was found, in the order of the record's fields.
        notes: Values that did not survive whole; the caller keeps them, for instance as a note.
    """

    record: dict[str, Any] | None = attribute(repr=False)
    problems: tuple[Problem, ...] = ()
    notes: tuple[FieldNote, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the record may be sent."""
        return self.record is not None


class Validator:
    """Judges records of one module; compile once, use for a whole run.

    Args:
        meta: The module with its live fields.
        policies: API name → what happens to a bad value; a field without one is rejected.
        pipelines: Pipelines of the layout, for deals.
        accept_unknown_choices: Let undefined picklist values pass, as Zoho does.
        exists: Asked about lookups and owners.
        silent_loss: Treat fields that Zoho would silently ignore (unknown or read-only ones) as
            problems; switched off they are left to Zoho.
    """

    def __init__(
        self,
        meta: ModuleMeta,
        policies: Mapping[str, Policy] | None = None,
        *,
        pipelines: Sequence[Pipeline] = (),
        accept_unknown_choices: bool = False,
        exists: Exists | None = None,
        silent_loss: bool = True,
    ) -> None:
        self.meta = meta
        self._policies = dict(policies or {})
        self._silent_loss = silent_loss
        self._new_checks: dict[str, Check | None] = {}
        self._change_checks: dict[str, Check | None] = {}
        for name, one in meta.fields.items():
            check = compile_check(one, accept_unknown_choices=accept_unknown_choices, exists=exists)
            if one.creatable:
                self._new_checks[name] = check
            if one.updatable:
                self._change_checks[name] = check
        self._required = tuple(one.api_name for one in meta.required_fields if one.creatable)
        self._unique = tuple(one.api_name for one in meta.unique_fields)
        self._rules: tuple[Rule, ...] = rules_for(meta.api_name, pipelines)
        for name, policy in self._policies.items():
            if policy.raw_field is not None and policy.raw_field not in meta.fields:
                raise ValueError(f"{meta.api_name} has no field {policy.raw_field} for {name}")

    def check(self, record: Mapping[str, Any], *, creating: bool = True) -> Verdict:
        """Judge one record.

        Args:
            record: Live API name → value as Zoho takes it.
            creating: Whether it is new: then required fields must be there. Otherwise they must
                not be emptied.

        Returns:
            The verdict; the record given is not changed.
        """
        checks = self._new_checks if creating else self._change_checks
        faults: list[tuple[str, Fault]] | None = None
        for name, value in record.items():
            try:
                check = checks[name]
            except KeyError:
                fault = self._not_writable(name)
            else:
                if value is None or check is None:
                    continue
                fault = check(value)
            if fault is not None:
                faults = [] if faults is None else faults
                faults.append((name, fault))
        if faults is None:
            missing = self._missing(record, creating=creating)
            broken = None if missing or not self._rules else self._broken_rule(record)
            if not missing and broken is None:
                return Verdict(dict(record))
            return Verdict(None, (*missing, *((_refused(record, *broken),) if broken else ())))
        return self._apply_policies(record, faults, checks, creating=creating)

    def check_batch(
        self, records: Sequence[Mapping[str, Any]], *, creating: bool = True
    ) -> list[Verdict]:
        """Judge records that go into one call: also refuses the second holder of a unique value."""
        seen: set[tuple[str, str]] = set()
        verdicts = []
        for record in records:
            verdict = self.check(record, creating=creating)
            if verdict.record is not None:
                verdict = self._unique_in_batch(verdict, seen)
            verdicts.append(verdict)
        return verdicts

    def _apply_policies(
        self,
        record: Mapping[str, Any],
        faults: Iterable[tuple[str, Fault]],
        checks: Mapping[str, Check | None],
        *,
        creating: bool,
    ) -> Verdict:
        changed = dict(record)
        problems: list[Problem] = []
        notes: list[FieldNote] = []
        rejected = False
        for name, fault in faults:
            action = self._repair(changed, name, fault, checks, notes)
            rejected = rejected or action is PolicyAction.REJECT
            problems.append(_refused(record, name, fault, action))
        missing = self._missing(changed, creating=creating)
        problems.extend(missing)
        if rejected or missing:
            return Verdict(None, tuple(problems))
        broken = self._broken_rule(changed)
        if broken is not None:
            return Verdict(None, (*problems, _refused(changed, *broken)))
        return Verdict(changed, tuple(problems), tuple(notes))

    def _repair(
        self,
        changed: dict[str, Any],
        name: str,
        fault: Fault,
        checks: Mapping[str, Check | None],
        notes: list[FieldNote],
    ) -> PolicyAction:
        """Do what the field's policy says; what cannot be done is a rejection."""
        policy = self._policies.get(name, REJECT)
        value = changed[name]
        if policy.action is PolicyAction.DROP_VALUE_WITH_NOTE:
            del changed[name]
            notes.append(FieldNote(name, value))
            return policy.action
        check = checks.get(name)
        if policy.action is PolicyAction.TRUNCATE_WITH_NOTE and fault.limit is not None:
            cut = value[: fault.limit] if isinstance(value, str) else value
            if isinstance(value, str) and (check is None or check(cut) is None):
                changed[name] = cut
                notes.append(FieldNote(name, value, cut))
                return policy.action
        if policy.action is PolicyAction.MOVE_TO_RAW_FIELD and policy.raw_field is not None:
            raw = policy.raw_field
            before = changed.get(raw)
            text = str(value) if before in _EMPTY else f"{before}\n{value}"
            raw_check = checks.get(raw)
            if raw in checks and (raw_check is None or raw_check(text) is None):
                del changed[name]
                changed[raw] = text
                notes.append(FieldNote(name, value, text))
                return policy.action
        return PolicyAction.REJECT

    def _missing(self, record: Mapping[str, Any], *, creating: bool) -> tuple[Problem, ...]:
        missing: tuple[Problem, ...] = ()
        for name in self._required:
            if record.get(name) in _EMPTY and (creating or name in record):
                missing += (
                    Problem(
                        name,
                        "MANDATORY_NOT_FOUND",
                        "a required value is missing",
                        "Give it a value at the source, or a default in the mapping.",
                    ),
                )
        return missing

    def _broken_rule(self, record: Mapping[str, Any]) -> tuple[str, Fault] | None:
        return next(filter(None, (rule(record) for rule in self._rules)), None)

    def _not_writable(self, name: str) -> Fault | None:
        if not self._silent_loss or name in _STEERING or name.startswith("$"):
            return None
        if name in self.meta.fields:
            return _READ_ONLY
        return _UNKNOWN

    def _unique_in_batch(self, verdict: Verdict, seen: set[tuple[str, str]]) -> Verdict:
        record = verdict.record or {}
        keys = [
            (name, str(record[name]).casefold())
            for name in self._unique
            if record.get(name) not in _EMPTY
        ]
        taken = [key for key in keys if key in seen]
        seen.update(keys)
        if not taken:
            return verdict
        problems = tuple(_refused(record, name, _REPEATED) for name, _ in sorted(taken))
        return replace(verdict, record=None, problems=(*verdict.problems, *problems))


_READ_ONLY = Fault(
    "READ_ONLY_FIELD",
    "Zoho does not let anybody write this field and would ignore the value",
    "Map it to a custom field (system times cannot be written).",
)
_UNKNOWN = Fault(
    "UNKNOWN_FIELD",
    "the module has no such field and Zoho would ignore the value",
    "Create the field, or correct the name in the mapping.",
)
_REPEATED = Fault(
    "DUPLICATE_DATA",
    "another record of the same call holds this unique value",
    "Merge the two at the source, or send them in separate calls.",
)


def _refused(
    record: Mapping[str, Any],
    name: str,
    fault: Fault,
    action: PolicyAction = PolicyAction.REJECT,
) -> Problem:
    return Problem(name, fault.code, fault.detail, fault.remedy, action, masked(record.get(name)))
