"""What each transform does: one small function per line, built once, called once per record.

A converter takes the source value and a list for trouble, and returns the value as Zoho takes it,
or None for "nothing to write". It raises :class:`Unusable` when the value does not fit; the
compiled record then follows the line's ``on_invalid``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bridgework_contracts.runs import OwnerDecision
from bridgework_mapping.document import canonical_json
from bridgework_mapping.fields import FieldMap
from bridgework_mapping.intervals import interval_label
from bridgework_mapping.notes import cut, note_content, zoho_length
from bridgework_mapping.templates import compile_template
from bridgework_mapping.transforms import (
    Concat,
    Constant,
    DateTime,
    DealStage,
    JoinLines,
    Picklist,
    TriState,
)
from bridgework_mapping.wallclock import to_offset

EMAIL_LIMIT = 100
PHONE_LIMIT = 30
PICKLIST_LIMIT = 120
YEARS = ("1000", "9998")
"""First and last year of a moment: every time zone can show it in four digits."""
_ELLIPSIS = "…"
_MOMENT_LENGTH = 19
_DATE_LENGTH = 10

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_BREAKS = re.compile(r"\s*[\r\n\u0085\u2028\u2029]+\s*")
_CURRENCY = re.compile(r"-?[0-9]{1,13}(?:\.[0-9]{1,2})?")
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])(?:-[0-9]{2})?")
_EMAIL = re.compile(
    r"[+\-\w][\w!#$%&'*+\-/=?^`{|}~.]*+@(?=.{4,256}\Z)(?:[^\W_]++(?:[\-_]++[^\W_]++)*+\.)+"
    r"[^\W\d_]{2,22}"
)
_PHONE = re.compile(
    r"([+]?)(?![.-])(?>(?>[.-]?[ ]?[\da-zA-Z]+)+"
    r"|([ ]?\((?![.-])(?>[ .-]?[\da-zA-Z]+)+\)(?![.])([ -]?[\da-zA-Z]+)?)+)+"
    r"(?>(?>([,]+)?[;]?[\da-zA-Z]+)+(([#][\da-zA-Z]+)+)?)?[#;]?"
)
"""Zoho's published patterns (insert-records, v7/v8); the e-mail one is no wider than Zoho's."""

_TRUE = frozenset({True, "Y", "Yes", "yes", "true", "True"})
_FALSE = frozenset({False, "N", "No", "no", "false", "False"})


class Unusable(Exception):  # noqa: N818  # says what the value is; it never leaves this package
    """The value does not fit the field.

    Attributes:
        code: What is wrong, snake_case.
        remedy: What a person can do.
        kept: A shortened value that would fit, or None.
    """

    def __init__(self, code: str, remedy: str, kept: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.remedy = remedy
        self.kept = kept


class Trouble(NamedTuple):
    """Something a person may want to know about a converted value."""

    spec: str
    code: str
    effect: str
    shape: str
    remedy: str


Converter = Callable[[Any, list[Trouble]], Any]


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


def shape_of(value: Any) -> str:
    """Return the value's masked shape: letters A/a, digits 9, at most 24 characters."""
    text = value if isinstance(value, str) else str(value)
    masked = [
        "9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in text[:24]
    ]
    return "".join(c if c.isprintable() else "·" for c in masked)


def build(line: FieldMap, around: Surroundings) -> Built:
    """Return the converter of a line (its first page, where it has several)."""
    rule = line.rule
    if isinstance(rule, Constant):
        fixed = rule.value
        return Built(lambda _fields, _trouble: fixed, whole_record=True)
    if isinstance(rule, Concat):
        return Built(_templated(line, rule), whole_record=True)
    if isinstance(rule, TriState):
        return Built(_tri_state(line, rule), whole_record=True)
    if isinstance(rule, DealStage):
        return Built(_deal_stage(rule), whole_record=True)
    if isinstance(rule, DateTime):
        moment = _datetime(line, rule, around.zone)
        return Built(moment, whole_record=True) if rule.not_before else Built(moment)
    if isinstance(rule, JoinLines):
        return Built(_join_lines(line, rule), whole_record=True)
    if rule.kind == "note_content":
        return Built(_note(line), whole_record=True)
    simple: dict[str, Callable[[], Converter]] = {
        "copy": lambda: _text(line),
        "date": lambda: _date,
        "month": lambda: _month,
        "phone": lambda: _phone,
        "email": lambda: _email,
        "currency": lambda: _currency,
        "integer": lambda: _integer,
        "boolean": lambda: _boolean,
        "json": lambda: _json_page(line, 1),
        "picklist": lambda: _picklist(line),
        "user": lambda: _user(around),
        "owner_review": lambda: _owner_review(around),
        "interval_label": lambda: _interval_label(line),
        "lookup": lambda: _key,
    }
    return Built(simple[rule.kind]())


def build_page(line: FieldMap, page: int) -> Converter:
    """Return the converter of page ``page`` (from 1) of a line split over several fields."""
    return _json_page(line, page)


def clean(text: str) -> str:
    """Return the text trimmed, with ``\\n`` line ends and without control characters."""
    if not text.isprintable():
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        text = _CONTROL.sub("", text)
    return text.strip()


def fit(text: str, limit: int) -> str:
    """Return the text, or raise with its longest fitting start and an ellipsis."""
    if len(text) * 2 > limit and zoho_length(text) > limit:
        raise Unusable(
            "too_long",
            f"Zoho takes {limit} characters here; shorten it in the source or map it to a longer "
            "field. The whole value is in the sealed snapshot.",
            kept=cut(text, limit - 1).rstrip() + _ELLIPSIS,
        )
    return text


def _as_text(value: Any) -> str:
    if type(value) is str:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise Unusable("not_text", "The mapping expects text here; check the line's source.")


def _text(line: FieldMap) -> Converter:
    limit = line.limit
    one_line = line.type == "text"

    def convert(value: Any, _trouble: list[Trouble]) -> str | None:
        text = clean(_as_text(value))
        if one_line and not text.isprintable():
            text = _BREAKS.sub(", ", text)
        return fit(text, limit) or None

    return convert


def _templated(line: FieldMap, rule: Concat) -> Converter:
    render = compile_template(rule.template)
    finish = _text(line)

    def convert(fields: Any, trouble: list[Trouble]) -> Any:
        text = render(fields)
        return None if text is None else finish(text, trouble)

    return convert


def _join_lines(line: FieldMap, rule: JoinLines) -> Converter:
    renders = [compile_template(template) for template in rule.lines]
    sources = line.source
    finish = _text(line)

    def pieces(fields: Mapping[str, Any]) -> list[str]:
        found = [text for render in renders if (text := render(fields))]
        for source in sources:
            value = fields.get(source)
            if value is None:
                continue
            found += (
                [_as_text(item) for item in value] if isinstance(value, list) else [_as_text(value)]
            )
        return found

    def convert(fields: Any, trouble: list[Trouble]) -> Any:
        kept: list[str] = []
        for piece in pieces(fields):
            if not (rule.distinct and any(piece in earlier for earlier in kept)):
                kept.append(piece)
        return finish("\n".join(kept), trouble) if kept else None

    return convert


def _note(line: FieldMap) -> Converter:
    def convert(fields: Any, trouble: list[Trouble]) -> str:
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


def _date(value: Any, _trouble: list[Trouble]) -> str:
    text = value if type(value) is str else ""
    if len(text) >= _MOMENT_LENGTH and text[_DATE_LENGTH] == "T":
        text = text[:_DATE_LENGTH]
    if len(text) == _DATE_LENGTH and text[4] == "-":
        try:
            date.fromisoformat(text)
        except ValueError:
            pass
        else:
            return text
    raise Unusable("not_a_date", "Correct the date in the source.")


def _month(value: Any, _trouble: list[Trouble]) -> str:
    if type(value) is str and _MONTH.fullmatch(value):
        return f"{value[:7]}-01"
    raise Unusable("not_a_month", "Correct the month in the source.")


def _datetime(line: FieldMap, rule: DateTime, zone: ZoneInfo) -> Converter:
    spec, sources, floor = line.spec, line.source, rule.not_before

    def localise(value: Any, trouble: list[Trouble]) -> str:
        try:
            text, fared = to_offset(value, zone)
            if not YEARS[0] <= text[:4] <= YEARS[1]:
                raise ValueError(YEARS)
        except (TypeError, ValueError, OverflowError):
            raise Unusable("not_a_moment", "Correct date and time in the source.") from None
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




def _phone(value: Any, _trouble: list[Trouble]) -> str | None:
    text = _as_text(value).strip()
    if not text:
        return None
    if len(text) <= PHONE_LIMIT and (
        (text.isascii() and text.isalnum()) or _PHONE.fullmatch(text)
    ):
        return text
    raise Unusable("not_a_phone", "Correct the phone number in the source.")


def _email(value: Any, _trouble: list[Trouble]) -> str | None:
    text = _as_text(value).strip()
    if not text:
        return None
    if len(text) <= EMAIL_LIMIT and _EMAIL.fullmatch(text):
        return text
    raise Unusable("not_an_email", "Correct the e-mail address in the source.")


def _currency(value: Any, _trouble: list[Trouble]) -> float:
    if type(value) is str and _CURRENCY.fullmatch(value):
        # At most 15 significant digits: the shortest form of the float is the decimal itself.
        return float(value) or 0.0
    if type(value) is int and abs(value) < 10**13:
        return float(value)
    raise Unusable("not_money", "Correct the amount in the source (two decimal places).")


def _integer(value: Any, _trouble: list[Trouble]) -> int:
    if type(value) is int and -(10**9) < value < 10**9:
        return value
    if type(value) is str and _INTEGER.fullmatch(value):
        return int(value)
    raise Unusable("not_an_integer", "Correct the number in the source (at most nine digits).")


def _boolean(value: Any, _trouble: list[Trouble]) -> bool:
    if value is True or value is False:
        return bool(value)
    if isinstance(value, str):
        if value in _TRUE:
            return True
        if value in _FALSE:
            return False
    raise Unusable("not_yes_or_no", "Correct the flag in the source.")


def _tri_state(line: FieldMap, rule: TriState) -> Converter:
    source = line.source[0]

    def convert(fields: Any, _trouble: list[Trouble]) -> str:
        value = fields.get(source)
        if value is None or value == "":
            return rule.blank
        if value == "Unknown":
            return "Unknown"
        if value is True or value in _TRUE:
            return "Yes"
        if value is False or value in _FALSE:
            return "No"
        raise Unusable(
            "not_yes_no_unknown", "Correct the flag in the source; a clinician decides.", "Unknown"
        )

    return convert


def _picklist(line: FieldMap) -> Converter:
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
        text = clean(_as_text(value))
        found = known.get(text.casefold())
        if found is not None or not text:
            return found
        if is_open:
            return fit(text, min(line.limit, PICKLIST_LIMIT))
        raise Unusable("not_in_picklist", "Add the value to the picklist or to the line's map.")

    return convert


def _interval_label(line: FieldMap) -> Converter:
    finish = _picklist(line)

    def convert(value: Any, trouble: list[Trouble]) -> Any:
        return finish(interval_label(_as_text(value)), trouble)

    return convert


def _user(around: Surroundings) -> Converter:
    users = {
        key: {"id": decision.user_id}
        for key, decision in around.decisions.items()
        if decision.evidence != "fallback"
    }

    def convert(value: Any, _trouble: list[Trouble]) -> dict[str, str] | None:
        return users.get(value)

    return convert


def _owner_review(around: Surroundings) -> Converter:
    settled = {key for key, decision in around.decisions.items() if not decision.review}

    def convert(value: Any, _trouble: list[Trouble]) -> bool:
        return value not in settled

    return convert


def _deal_stage(rule: DealStage) -> Converter:
    def convert(fields: Any, trouble: list[Trouble]) -> str | None:
        balance = fields.get("balance")
        if balance is None:
            return None
        if _currency(balance, trouble) == 0:
            return rule.settled
        return rule.collections if fields.get("collections") is True else rule.open

    return convert


def _key(value: Any, _trouble: list[Trouble]) -> str | None:
    return clean(_as_text(value)) or None


def _json_page(line: FieldMap, page: int) -> Converter:
    limit, pages = line.limit, line.pages
    memo: list[tuple[Any, tuple[str, ...]]] = [(None, ())]

    def chunks(value: Any) -> tuple[str, ...]:
        text = value if type(value) is str else canonical_json(value)
        if not text.isprintable():
            text = _CONTROL.sub("", text)
        return (text,) if zoho_length(text) <= limit else tuple(split(text, limit))

    def convert(value: Any, _trouble: list[Trouble]) -> str | None:
        if value == [] or value == {}:
            return None
        seen, parts = memo[0]
        if seen is not value:
            parts = chunks(value)
            memo[0] = (value, parts)
        if len(parts) > pages:
            raise Unusable(
                "too_long",
                f"It needs {len(parts)} fields and the mapping has {pages}; raise `pages`. "
                "The whole value is in the sealed snapshot.",
            )
        return parts[page - 1] if page <= len(parts) else None

    return convert


def split(text: str, limit: int) -> list[str]:
    """Return the text in pieces of at most ``limit``; joined they are the text again.

    No piece starts or ends with white space, because Zoho trims what it stores.
    """
    pieces = []
    while zoho_length(text) > limit:
        head = cut(text, limit)
        end = len(head)
        while end > 1 and (text[end - 1].isspace() or text[end].isspace()):
            end -= 1
        pieces.append(text[:end])
        text = text[end:]
    pieces.append(text)
    return pieces
