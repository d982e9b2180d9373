"""What each transform does: one small function per line, built once, called once per record.

A converter takes the source value and a list for trouble, and returns the value as Zoho takes it,
or None for "nothing to write". It raises :class:`Unusable` when the value does not fit; the
compiled record then follows the line's ``on_invalid``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from bridgework_contracts.runs import OwnerDecision

from bridgework_mapping.document import canonical_json
from bridgework_mapping.fields import FieldMap
from bridgework_mapping.intervals import interval_label
from bridgework_mapping.notes import NOTE_TEXTS, note_content, zoho_length
from bridgework_mapping.templates import Render, compile_template
from bridgework_mapping.transforms import (
    Concat,
    Constant,
    DateTime,
    DealStage,
    JoinLines,
    Picklist,
    TriState,
)
from bridgework_mapping.values import (
    BREAKS,
    CONTROL,
    FALSE_WORDS,
    PICKLIST_LIMIT,
    TRUE_WORDS,
    YEARS,
    Trouble,
    Unusable,
    as_text,
    clean,
    fit,
    shape_of,
    split,
    to_boolean,
    to_currency,
    to_date,
    to_email,
    to_integer,
    to_month,
    to_phone,
)
from bridgework_mapping.wallclock import to_offset

Converter = Callable[[Any, list[Trouble]], Any]
Rule = TypeVar("Rule")


@dataclass(frozen=True)
class Surroundings:
    """What converters need beside the value."""

    zone: ZoneInfo
    decisions: Mapping[str, OwnerDecision]


@dataclass(frozen=True)
class Built:
    """A converter, and whether it wants the whole record instead of one value."""

    convert: Converter
    whole_record: bool = False


def build(line: FieldMap, around: Surroundings) -> Built:
    """Return the converter of a line (its first page, where it has several)."""
    kind = line.rule.kind
    if kind in _PLAIN:
        return Built(_of_value(_PLAIN[kind]))
    convert = _BUILDERS[kind](line, around)
    wants_record = kind in _WHOLE_RECORD
    if isinstance(line.rule, DateTime):
        wants_record = line.rule.not_before is not None
    return Built(convert, whole_record=wants_record)


def _of_value(to_value: Callable[[Any], Any]) -> Converter:
    return lambda value, _trouble: to_value(value)


def _rule(line: FieldMap, kind: type[Rule]) -> Rule:
    rule = line.rule
    if not isinstance(rule, kind):  # pragma: no cover  # _BUILDERS pairs kinds and functions
        raise TypeError(line.spec)
    return rule


def build_page(line: FieldMap, page: int) -> Converter:
    """Return the converter of page ``page`` (from 1) of a line split over several fields."""
    return _json_page(line, page)


def _text(line: FieldMap, _around: Surroundings) -> Converter:
    limit = line.limit
    one_line = line.type == "text"

    def convert(value: Any, _trouble: list[Trouble]) -> str | None:
        text = clean(as_text(value))
        if one_line and not text.isprintable():
            text = BREAKS.sub(", ", text)
        return fit(text, limit) or None

    return convert


def _templated(line: FieldMap, around: Surroundings) -> Converter:
    render = _rendering(_rule(line, Concat).template)
    finish = _text(line, around)

    def convert(fields: Any, trouble: list[Trouble]) -> Any:
        text = render(fields)
        return None if text is None else finish(text, trouble)

    return convert


def _join_lines(line: FieldMap, around: Surroundings) -> Converter:
    rule = _rule(line, JoinLines)
    renders = [_rendering(template) for template in rule.lines]
    sources = line.source
    finish = _text(line, around)

    def pieces(fields: Mapping[str, Any]) -> list[str]:
        found = [text for render in renders if (text := render(fields))]
        for source in sources:
            value = fields.get(source)
            if value is None:
                continue
            found += (
                [as_text(item) for item in value] if isinstance(value, list) else [as_text(value)]
            )
        return found

    def convert(fields: Any, trouble: list[Trouble]) -> Any:
        kept: list[str] = []
        for piece in pieces(fields):
            if not (rule.distinct and any(piece in earlier for earlier in kept)):
                kept.append(piece)
        return finish("\n".join(kept), trouble) if kept else None

    return convert


def _rendering(template: str) -> Render:
    """Return the template's function; a list where text should be is a refusal, not a crash."""
    render = compile_template(template)

    def guarded(fields: Mapping[str, Any]) -> str | None:
        try:
            return render(fields)
        except TypeError as exc:
            raise Unusable("not_text", f"The mapping expects text in {exc}.") from None

    return guarded


def _note(line: FieldMap, _around: Surroundings) -> Converter:
    def convert(fields: Any, trouble: list[Trouble]) -> str:
        for name in NOTE_TEXTS:
            if not isinstance(fields.get(name), str | None):
                raise Unusable("not_text", f"The mapping expects text in {name}.")
        content, shortened = note_content(fields)
        if shortened:
            trouble.append(
                Trouble(
                    line.spec,
                    "note_too_long",
                    "truncated",
                    "",
                    "Read the rest in the full-text file attached to the same Contact.",
                )
            )
        return clean(content)

    return convert


def _datetime(line: FieldMap, around: Surroundings) -> Converter:
    spec, sources, zone = line.spec, line.source, around.zone
    floor = _rule(line, DateTime).not_before

    def localise(value: Any, trouble: list[Trouble]) -> str:
        try:
            text, fared = to_offset(value, zone)
        except (TypeError, ValueError, OverflowError):
            text, fared = "", "plain"
        if not YEARS[0] <= text[:4] <= YEARS[1]:
            raise Unusable("not_a_moment", "Correct date and time in the source.")
        if fared != "plain":
            what = "earlier of two" if fared == "ambiguous" else "moved on by the skipped hour"
            trouble.append(
                Trouble(
                    spec,
                    f"{fared}_wall_time",
                    "normalised",
                    shape_of(value),
                    f"The clocks change in this hour ({what} times taken): check the time.",
                )
            )
        return text

    if floor is None:
        return localise

    def convert(fields: Any, trouble: list[Trouble]) -> str | None:
        name = next((name for name in sources if fields.get(name)), None)
        if name is None:
            return None
        value, earliest = fields[name], fields.get(floor)
        if name != sources[0]:
            trouble.append(
                Trouble(spec, "blank_in_source", "placeholder", "", f"Taken from {name}; check it.")
            )
        if isinstance(earliest, str) and isinstance(value, str) and value < earliest:
            trouble.append(
                Trouble(
                    spec,
                    "ends_before_start",
                    "normalised",
                    shape_of(value),
                    "The start was taken as the end; correct the time in the source.",
                )
            )
            value = earliest
        return localise(value, trouble)

    return convert


def _tri_state(line: FieldMap, _around: Surroundings) -> Converter:
    source, blank = line.source[0], _rule(line, TriState).blank

    def convert(fields: Any, _trouble: list[Trouble]) -> str:
        value = fields.get(source)
        if value is None or value == "":
            return blank
        if isinstance(value, str | bool):
            if value == "Unknown":
                return "Unknown"
            if value in TRUE_WORDS:
                return "Yes"
            if value in FALSE_WORDS:
                return "No"
        raise Unusable(
            "not_yes_no_unknown", "Correct the flag in the source; a clinician decides.", "Unknown"
        )

    return convert


def _picklist(line: FieldMap, _around: Surroundings) -> Converter:
    rule = line.rule
    aliases = rule.map if isinstance(rule, Picklist) else {}
    known = {value.casefold(): value for value in line.values}
    known |= {printed.casefold(): value for printed, value in aliases.items()}
    exact = {value: value for value in line.values} | aliases
    is_open = line.open

    def convert(value: Any, _trouble: list[Trouble]) -> str | None:
        found = exact.get(value) if type(value) is str else None
        if found is not None:
            return found
        text = clean(as_text(value))
        found = known.get(text.casefold())
        if found is not None or not text:
            return found
        if is_open:
            return fit(text, min(line.limit, PICKLIST_LIMIT))
        raise Unusable("not_in_picklist", "Add the value to the picklist or to the line's map.")

    return convert


def _interval_label(line: FieldMap, around: Surroundings) -> Converter:
    finish = _picklist(line, around)

    def convert(value: Any, trouble: list[Trouble]) -> Any:
        return finish(interval_label(as_text(value)), trouble)

    return convert


def _user(_line: FieldMap, around: Surroundings) -> Converter:
    users = {
        key: decision.user_id
        for key, decision in around.decisions.items()
        if decision.evidence != "fallback"
    }

    def convert(value: Any, _trouble: list[Trouble]) -> dict[str, str] | None:
        user = users.get(as_text(value))
        return None if user is None else {"id": user}

    return convert


def _owner_review(_line: FieldMap, around: Surroundings) -> Converter:
    settled = {key for key, decision in around.decisions.items() if not decision.review}

    def convert(value: Any, _trouble: list[Trouble]) -> bool:
        return as_text(value) not in settled

    return convert


def _deal_stage(line: FieldMap, _around: Surroundings) -> Converter:
    rule = _rule(line, DealStage)

    def convert(fields: Any, _trouble: list[Trouble]) -> str | None:
        balance = fields.get("balance")
        if balance is None:
            return None
        if to_currency(balance) == 0:
            return rule.settled
        return rule.collections if fields.get("collections") is True else rule.open

    return convert


def _json_page(line: FieldMap, page: int) -> Converter:
    limit, pages = line.limit, line.pages
    memo: list[tuple[Any, tuple[str, ...]]] = [(None, ())]

    def chunks(value: Any) -> tuple[str, ...]:
        text = value if type(value) is str else canonical_json(value)
        if not text.isprintable():
            text = CONTROL.sub("", text)
        text = text.strip()
        return (text,) if zoho_length(text) <= limit else tuple(split(text, limit))

    def convert(value: Any, _trouble: list[Trouble]) -> str | None:
        if value in ([], {}):
            return None
        seen, parts = memo[0]
        if seen is not value:
            parts = chunks(value)
            memo[0] = (value, parts)
        if len(parts) > pages:
            if page > 1:
                return None
            raise Unusable(
                "too_long",
                f"It needs {len(parts)} fields and the mapping has {pages}; raise `pages`. "
                "The whole value is in the sealed snapshot.",
            )
        return parts[page - 1] if page <= len(parts) else None

    return convert


def _constant(line: FieldMap, _around: Surroundings) -> Converter:
    fixed = _rule(line, Constant).value
    return lambda _fields, _trouble: fixed


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "date": to_date,
    "month": to_month,
    "phone": to_phone,
    "email": to_email,
    "currency": to_currency,
    "integer": to_integer,
    "boolean": to_boolean,
}
_BUILDERS: dict[str, Callable[[FieldMap, Surroundings], Converter]] = {
    "copy": _text,
    "concat": _templated,
    "join_lines": _join_lines,
    "note_content": _note,
    "datetime": _datetime,
    "tri_state": _tri_state,
    "picklist": _picklist,
    "interval_label": _interval_label,
    "user": _user,
    "owner_review": _owner_review,
    "deal_stage": _deal_stage,
    "json": lambda line, _around: _json_page(line, 1),
    "constant": _constant,
}
_WHOLE_RECORD = frozenset(
    {"constant", "concat", "join_lines", "note_content", "tri_state", "deal_stage"}
)
