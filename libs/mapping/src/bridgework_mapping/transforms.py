"""The catalogue of transforms, as data: what a mapping line may say under ``transform``.

Each class is one kind with its parameters; a bare word (``transform: month``) means the kind with
default parameters. What they do is in ``convert.py``; which one a field type uses when the line is
silent is ``DEFAULT_BY_TYPE``.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_validator

from bridgework_mapping.notes import NOTE_TEXTS
from bridgework_mapping.templates import is_well_formed, names_in


class Strict(BaseModel):
    """Base of the language: immutable, unknown keys refused, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Copy(Strict):
    """Text as it is: trimmed, control characters removed, cut or refused when too long."""

    kind: Literal["copy"]


class Date(Strict):
    """``YYYY-MM-DD``; of a moment, its day on the practice's wall clock."""

    kind: Literal["date"]


class DateTime(Strict):
    """Wall clock → offset in the practice zone; ``not_before`` names a field it may not precede."""

    kind: Literal["datetime"]
    not_before: str | None = None


class Month(Strict):
    """``YYYY-MM`` or a date → the first day of that month."""

    kind: Literal["month"]


class Phone(Strict):
    """Checked against Zoho's pattern and 30 characters; nothing is reformatted."""

    kind: Literal["phone"]


class Email(Strict):
    """Checked against Zoho's pattern and 100 characters."""

    kind: Literal["email"]


class Picklist(Strict):
    """``map`` first, then the field's values, both without regard to case."""

    kind: Literal["picklist"]
    map: dict[str, str] = Field(default_factory=dict)


class TriState(Strict):
    """Yes, No or Unknown; a blank is ``blank``, never No."""

    kind: Literal["tri_state"]
    blank: Literal["Unknown"] = "Unknown"


class Currency(Strict):
    """Decimal text → JSON number with at most two places, exact to the cent."""

    kind: Literal["currency"]


class Integer(Strict):
    """Whole number of at most nine digits."""

    kind: Literal["integer"]


class Boolean(Strict):
    """True or false; blank stays blank."""

    kind: Literal["boolean"]


class Concat(Strict):
    """One line from a template, e.g. ``{kind} {post_date}``."""

    kind: Literal["concat"]
    template: str

    @model_validator(mode="after")
    def _check(self) -> "Concat":
        if not is_well_formed(self.template) or not names_in(self.template):
            raise ValueError("template needs at least one {field} and balanced braces")
        return self


class JoinLines(Strict):
    """Several lines: one per template whose values are present, or one per element of a list.

    With ``distinct``, text already contained in an earlier line is not repeated.
    """

    kind: Literal["join_lines"]
    lines: tuple[str, ...] = ()
    distinct: StrictBool = False

    @model_validator(mode="after")
    def _check(self) -> "JoinLines":
        if not all(is_well_formed(line) and names_in(line) for line in self.lines):
            raise ValueError("every line needs at least one {field} and balanced braces")
        return self


class Json(Strict):
    """A list or object → canonical JSON text; text is passed on as the canonical text it is."""

    kind: Literal["json"]


class Constant(Strict):
    """The same value for every record."""

    kind: Literal["constant"]
    value: StrictStr | StrictBool | StrictInt


class User(Strict):
    """Provider key → the Zoho user the owner decisions found on evidence; fallback stays blank."""

    kind: Literal["user"]


class OwnerReview(Strict):
    """True where the named provider's owner decision asks a person to look."""

    kind: Literal["owner_review"]


class IntervalLabel(Strict):
    """``P6M1D`` → ``6 months + 1 day``; text that is no ISO interval passes as it is."""

    kind: Literal["interval_label"]


class DealStage(Strict):
    """Stage of a billing account's Deal from its balance and collections flag."""

    kind: Literal["deal_stage"]
    settled: str = "Closed Won"
    open: str = "Qualification"
    collections: str = "Negotiation/Review"


class NoteContent(Strict):
    """Header line, the text, a marker ``[src:note:KEY]``; see ``notes.py``."""

    kind: Literal["note_content"]


class Lookup(Strict):
    """Key of another record; the loader finds its Zoho id."""

    kind: Literal["lookup"]


Transform = Annotated[
    Copy
    | Date
    | DateTime
    | Month
    | Phone
    | Email
    | Picklist
    | TriState
    | Currency
    | Integer
    | Boolean
    | Concat
    | JoinLines
    | Json
    | Constant
    | User
    | OwnerReview
    | IntervalLabel
    | DealStage
    | NoteContent
    | Lookup,
    Field(discriminator="kind"),
]

DEFAULT_BY_TYPE: dict[str, Transform] = {
    "text": Copy(kind="copy"),
    "textarea": Copy(kind="copy"),
    "email": Email(kind="email"),
    "phone": Phone(kind="phone"),
    "picklist": Picklist(kind="picklist"),
    "date": Date(kind="date"),
    "datetime": DateTime(kind="datetime"),
    "currency": Currency(kind="currency"),
    "integer": Integer(kind="integer"),
    "boolean": Boolean(kind="boolean"),
    "lookup": Lookup(kind="lookup"),
    "user": User(kind="user"),
    "json": Json(kind="json"),
}

UNCHANGED_KINDS = frozenset(
    {"copy", "date", "phone", "email", "integer", "boolean", "lookup", "currency"}
)
"""Kinds that carry the source's value as it is; the others count as transformed."""

IMPLIED_SOURCES: dict[str, tuple[str, ...]] = {
    "deal_stage": ("balance", "collections"),
    "note_content": (*NOTE_TEXTS, "signed", "images"),
}


def implied_sources(transform: Any) -> tuple[str, ...]:
    """Return the canonical fields a transform reads beside the line's own ``source``."""
    if isinstance(transform, Concat):
        return names_in(transform.template)
    if isinstance(transform, JoinLines):
        return tuple(dict.fromkeys(name for line in transform.lines for name in names_in(line)))
    if isinstance(transform, DateTime) and transform.not_before:
        return (transform.not_before,)
    return IMPLIED_SOURCES.get(getattr(transform, "kind", ""), ())
