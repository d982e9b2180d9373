"""One object's lines, compiled: canonical fields in, Zoho fields and lookups out.

The loop in :meth:`CompiledObject.apply` is the hot path of the transformer: no models are built in
it, and the fields come out sorted by live name so that equal content always hashes the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bridgework_contracts.outcomes import Outcome, Reason
from bridgework_contracts.writes import Ref

from bridgework_mapping.convert import Converter, Surroundings, build, build_page
from bridgework_mapping.fields import FieldMap, Nulls
from bridgework_mapping.objects import ObjectMap, SkipRule
from bridgework_mapping.templates import Render, compile_template
from bridgework_mapping.values import Trouble, Unusable, clean, fit, shape_of

WHAT_ID = "What_Id"


class Refused(NamedTuple):
    """This record is not written."""

    outcome: Outcome
    reason: Reason


@dataclass(slots=True)
class Applied:
    """What one record becomes: live name → value, lookups to resolve, trouble on the way."""

    fields: dict[str, Any]
    refs: tuple[Ref, ...]
    trouble: list[Trouble]


class _NotWritten(Exception):  # leaves the loop of one record, and only that
    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.reason.code)
        self.refused = refused


class _Step(NamedTuple):
    live: str
    source: str | None  # None: the converter wants the whole record
    convert: Converter
    keep_null: bool  # write None, so that a value of ours is emptied
    must: bool  # a blank needs a placeholder or refuses the record
    line: FieldMap


class _RefStep(NamedTuple):
    live: str
    source: str
    target: str
    parks: bool
    se_module: str | None
    keep_null: bool
    line: FieldMap


@dataclass
class CompiledObject:
    """One object of a mapping, bound to live names, owners and a time zone."""

    entry: ObjectMap
    module: str
    external_id_field: str | None
    live_by_spec: dict[str, str]
    accounted: frozenset[str]
    _steps: tuple[_Step, ...]
    _refs: tuple[_RefStep, ...]
    _sinks: dict[str, str] = field(default_factory=dict)
    _defaults: dict[str, Render] = field(default_factory=dict)
    _ignored: frozenset[str] = frozenset()

    def apply(self, fields: Mapping[str, Any]) -> Applied | Refused:
        """Return what the record becomes, or why it is not written."""
        for rule in self.entry.skip_when:
            if fields.get(rule.source) == rule.equals:
                return _skipped(rule)
        out: dict[str, Any] = {}
        trouble: list[Trouble] = []
        raw: list[tuple[str, str]] = []
        get = fields.get
        try:
            for live, source, convert, keep_null, must, line in self._steps:
                given = fields if source is None else get(source)
                value = None
                if given is not None:
                    try:
                        value = convert(given, trouble)
                    except Unusable as bad:
                        value = _instead(line, bad, given, trouble, raw)
                if value is None and must:
                    value = self._placeholder(line, fields, trouble)
                if value is not None or keep_null:
                    out[live] = value
            if raw:
                self._spill(raw, out, trouble)
            return Applied(out, self._references(get, out), trouble)
        except _NotWritten as stop:
            return stop.refused

    def _references(self, get: Any, out: dict[str, Any]) -> tuple[Ref, ...]:
        refs = []
        for step in self._refs:
            key = get(step.source)
            if key is None or key == "":
                if step.line.required:
                    raise _NotWritten(_missing(step.line))
                if step.keep_null:
                    out[step.live] = None
                continue
            if not isinstance(key, str | int):
                bad = Unusable("not_a_key", "The mapping expects the key of a record here.")
                raise _NotWritten(_unusable(step.line, bad))
            refs.append(
                Ref(
                    field=step.live,
                    object=step.target,
                    key=str(key),
                    required=step.parks,
                    se_module=step.se_module,
                )
            )
        return tuple(refs)

    def _placeholder(
        self, line: FieldMap, fields: Mapping[str, Any], trouble: list[Trouble]
    ) -> str | None:
        """Return what stands in for a blank.

        Raises:
            _NotWritten: nothing does, and the record cannot be without.
        """
        render = self._defaults.get(line.spec)
        value = line.default if render is None else render(fields)
        if value is not None:
            remedy = "Zoho needs a value here and the source has none; fill it in."
            trouble.append(Trouble(line.spec, "blank_in_source", "placeholder", "", remedy))
        elif line.required:
            raise _NotWritten(_missing(line))
        return value

    def _spill(
        self, raw: list[tuple[str, str]], out: dict[str, Any], trouble: list[Trouble]
    ) -> None:
        """Add values that fit no field of their own to the fields that keep them as printed."""
        for spec, text in raw:
            sink = self.entry.field(spec)
            if sink is None:  # pragma: no cover  # the document's own check
                continue
            live = self._sinks[spec]
            own = out.get(live)
            if own is not None and text in own:
                continue
            separator = "\n" if sink.type == "textarea" else "; "
            whole = clean(text if own is None else f"{own}{separator}{text}")
            try:
                out[live] = fit(whole, sink.limit)
            except Unusable as bad:
                out[live] = bad.kept
                trouble.append(Trouble(spec, bad.code, "truncated", shape_of(whole), bad.remedy))

    @property
    def live_fields(self) -> tuple[str, ...]:
        """Live names to read back: every written field that is compared, lookups included."""
        names = [step.live for step in self._steps if step.live not in self._ignored]
        return (*names, *(step.live for step in self._refs))

    def compared(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the fields without those that nobody can read back."""
        if not self._ignored:
            return fields
        return {live: value for live, value in fields.items() if live not in self._ignored}

    @property
    def comparators(self) -> dict[str, str]:
        """Live name → kind of comparison."""
        kinds = {step.live: step.line.comparator for step in self._steps}
        kinds |= {step.live: step.line.comparator for step in self._refs}
        return {str(live): str(kind) for live, kind in kinds.items()}

    @property
    def always_cleared(self) -> frozenset[str]:
        """Live names whose line says ``nulls: clear``."""
        steps = [(step.live, step.line) for step in self._steps]
        steps += [(step.live, step.line) for step in self._refs]
        return frozenset(live for live, line in steps if line.nulls is Nulls.CLEAR)


def compile_object(
    entry: ObjectMap,
    *,
    modules: Mapping[str, str],
    live: Mapping[str, str],
    around: Surroundings,
) -> CompiledObject:
    """Bind one object's lines.

    Args:
        entry: The object of the document.
        modules: Object → live API name of its module.
        live: Spec name → live API name, of every line and page.
        around: Time zone and owner decisions.
    """
    steps: list[_Step] = []
    refs: list[_RefStep] = []
    for line in entry.fields:
        keep = line.nulls is not Nulls.SKIP
        if line.type == "lookup" and line.target is not None:
            name = live[line.spec]
            parks = line.missing_parent == "park"
            se_module = modules[line.target] if name == WHAT_ID else None
            refs.append(_RefStep(name, line.source[0], line.target, parks, se_module, keep, line))
            continue
        must = line.required or line.default is not None
        steps += [
            _Step(live[spec], source, convert, keep, must, line)
            for spec, source, convert in _converters(line, around)
        ]
    steps.sort(key=lambda step: step.live)
    refs.sort(key=lambda step: step.live)
    defaults = {
        line.spec: compile_template(line.default)
        for line in entry.fields
        if line.default is not None and "{" in line.default
    }
    sinks = {line.raw_field for line in entry.fields if line.raw_field is not None}
    return CompiledObject(
        entry=entry,
        module=modules[entry.object],
        external_id_field=live[entry.external_id] if entry.external_id else None,
        live_by_spec=dict(live),
        accounted=entry.carried | {row.field for row in entry.not_mapped},
        _steps=tuple(steps),
        _refs=tuple(refs),
        _sinks={spec: live[spec] for spec in sinks},
        _defaults=defaults,
        _ignored=frozenset(s.live for s in steps if s.line.comparator == "ignore"),
    )


def _converters(line: FieldMap, around: Surroundings) -> list[tuple[str, str | None, Converter]]:
    """Return (spec, source or None, converter) for each page of a line."""
    built = build(line, around)
    pages = line.page_fields()
    found: list[tuple[str, str | None, Converter]] = []
    for number, (spec, _, _) in enumerate(pages, start=1):
        convert = built.convert if number == 1 else build_page(line, number)
        if built.whole_record or not line.source:
            found.append((spec, None, convert if line.reads or built.whole_record else _nothing))
        elif len(line.source) == 1 and "." not in line.source[0]:
            found.append((spec, line.source[0], convert))
        else:
            found.append((spec, None, _first_of(line.source, convert)))
    return found


def _nothing(_fields: Any, _trouble: list[Trouble]) -> None:
    """Convert nothing: a field that only keeps what others could not take."""


def _first_of(paths: tuple[str, ...], convert: Converter) -> Converter:
    """Return a converter over the first path that holds a value."""
    split = [tuple(path.split(".")) for path in paths]

    def pick(fields: Any, trouble: list[Trouble]) -> Any:
        for steps in split:
            value = fields
            for name in steps:
                value = value.get(name) if isinstance(value, dict) else None
            if value is not None and value != "":
                return convert(value, trouble)
        return None

    return pick


def _instead(
    line: FieldMap,
    bad: Unusable,
    given: Any,
    trouble: list[Trouble],
    raw: list[tuple[str, str]],
) -> str | None:
    """Return what is written where a value does not fit; ``raw`` takes it as printed, if kept.

    Raises:
        _NotWritten: the line says ``reject``.
    """
    policy, sink = line.invalid_policy, line.raw_field
    if policy == "reject":
        raise _NotWritten(_unusable(line, bad))
    printed = given
    if isinstance(given, Mapping):
        printed = given.get(line.source[0]) if line.source else None
    keeps = bad.kept if policy != "leave_out" or line.rule.kind == "tri_state" else None
    effect = "truncated" if keeps is not None else "left_out"
    if sink is not None and isinstance(printed, str | int | float):
        raw.append((sink, str(printed)))
        effect = "kept_raw"
    shape = shape_of(printed) if isinstance(printed, str) else ""
    trouble.append(Trouble(line.spec, bad.code, effect, shape, bad.remedy))
    return keeps


def _skipped(rule: SkipRule) -> Refused:
    reason = Reason(code=rule.code, sentence=rule.sentence, remedy=rule.remedy, field=rule.source)
    return Refused(Outcome.SKIPPED, reason)


def _missing(line: FieldMap) -> Refused:
    return Refused(
        Outcome.FAILED,
        Reason(
            code="required_blank",
            sentence=f"{line.spec} must have a value and the source has none.",
            remedy="Fill it in at the source and run a delta, or give the line a default.",
            field=line.spec,
        ),
    )


def _unusable(line: FieldMap, bad: Unusable) -> Refused:
    return Refused(
        Outcome.FAILED,
        Reason(
            code=bad.code,
            sentence=f"The value for {line.spec} cannot be written to Zoho.",
            remedy=bad.remedy,
            field=line.spec,
        ),
    )
