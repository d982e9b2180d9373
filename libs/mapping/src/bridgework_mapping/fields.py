"""One line of the mapping: which source values become which field, and what happens when not."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, model_validator

from bridgework_mapping.naming import (
    api_name_for,
    is_custom,
    is_legal_api_name,
    is_legal_label,
    label_for,
    page_spec,
)
from bridgework_mapping.templates import is_well_formed, names_in
from bridgework_mapping.transforms import (
    DEFAULT_BY_TYPE,
    UNCHANGED_KINDS,
    Strict,
    Transform,
    implied_sources,
)

FieldType = Literal[
    "text",
    "textarea",
    "email",
    "phone",
    "picklist",
    "date",
    "datetime",
    "currency",
    "integer",
    "boolean",
    "lookup",
    "user",
    "json",
]

CompareKind = Literal[
    "text",
    "date",
    "datetime",
    "currency",
    "integer",
    "boolean",
    "phone",
    "picklist",
    "lookup",
    "json",
    "note",
    "ignore",
]


class Nulls(StrEnum):
    """What a blank source value does to the field."""

    SKIP = "skip"
    """Leave whatever Zoho has."""
    CLEAR = "clear"
    """Empty it, whoever wrote it."""
    CLEAR_IF_OURS = "clear_if_ours"
    """Empty it only where Zoho still holds what we wrote."""


class PhiClass(StrEnum):
    """Why a field would count as protected health information."""

    NONE = "none"
    IDENTITY = "identity"
    CONTACT = "contact"
    BIRTH = "birth"
    INSURANCE = "insurance"
    CLINICAL = "clinical"
    FINANCIAL = "financial"
    FREE_TEXT = "free_text"


TYPE_LIMITS: dict[str, int] = {
    "text": 255,
    "textarea": 65_535,
    "email": 100,
    "phone": 30,
    "picklist": 120,
    "json": 32_000,
}
"""Longest length of a type; 65,535 is Note_Content, created text areas end at 32,000."""

DEFAULT_LENGTHS: dict[str, int] = {**TYPE_LIMITS, "textarea": 2_000}
CREATED_TEXTAREA_LIMIT = 32_000

_DEFAULT_COMPARE: dict[str, CompareKind] = {
    "text": "text",
    "textarea": "text",
    "email": "text",
    "phone": "phone",
    "picklist": "picklist",
    "date": "date",
    "datetime": "datetime",
    "currency": "currency",
    "integer": "integer",
    "boolean": "boolean",
    "lookup": "lookup",
    "user": "lookup",
    "json": "json",
}
_TEXTS = frozenset({"text", "textarea"})
_UNIQUE = frozenset({"text", "email", "phone", "integer"})


def _as_rule(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


def _as_tuple(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


class FieldMap(Strict):
    """One field of one Zoho module."""

    spec: str = Field(description="Spec name; …__c where we make the field.")
    type: FieldType
    source: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = Field(
        default=(), description="Canonical path(s); of several the first that holds a value."
    )
    transform: Annotated[Transform | None, BeforeValidator(_as_rule)] = None
    compare: CompareKind | None = None
    nulls: Nulls = Nulls.CLEAR_IF_OURS
    on_invalid: str = Field(
        default="", pattern=r"^(|reject|truncate|leave_out|raw:[A-Za-z][A-Za-z0-9_]*)$"
    )
    length: StrictInt | None = Field(default=None, ge=1)
    values: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = ()
    open: StrictBool = Field(
        default=False, description="Values beyond the list are written as they are."
    )
    target: str | None = Field(default=None, description="lookup: the object it points at.")
    missing_parent: Literal["park", "leave_out"] = "park"
    label: str | None = Field(default=None, description="Where the spec name makes no legal label.")
    unique: StrictBool = False
    required: StrictBool = Field(default=False, description="A record without it is not written.")
    default: str | None = Field(default=None, description="Template used, and noted, when blank.")
    pages: StrictInt = Field(
        default=1, ge=1, le=9, description="Fields a long value is split over."
    )
    clinical: StrictBool = Field(default=False, description="A clinician approves it.")
    phi: PhiClass = PhiClass.NONE
    why: str = Field(default="", description="What a reviewer should know.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        for problem in self._problems():
            raise ValueError(f"{self.spec}: {problem}")
        return self

    def _problems(self) -> list[str]:
        limit = TYPE_LIMITS.get(self.type, self.length or 0)
        long = self.custom and self.type == "textarea" and self.limit > CREATED_TEXTAREA_LIMIT
        rules = [
            (self.spec.replace("_", "").isalnum(), "a spec name is letters, digits, underscores"),
            (
                not self.custom or is_legal_label(self.planned_label),
                f"label {self.planned_label!r} is not 1-25 letters, digits, spaces; give `label`",
            ),
            (
                not self.custom or is_legal_api_name(self.planned_name),
                f"API name {self.planned_name!r} would be illegal",
            ),
            (
                self.type != "picklist" or bool(self.values) or self.open,
                "a picklist needs values",
            ),
            (
                (self.type == "lookup") == (self.target is not None),
                "`target` belongs to lookups, and every lookup has one",
            ),
            (self.type != "lookup" or len(self.source) == 1, "a lookup has one source"),
            ((self.length or 0) <= limit, f"length is above {limit}"),
            (not long, f"a created text area ends at {CREATED_TEXTAREA_LIMIT}"),
            (not self.unique or self.type in _UNIQUE, "this type cannot be unique"),
            (self.pages == 1 or self.type == "json", "only json is split over pages"),
            (
                self.default is None or is_well_formed(self.default),
                "default has unbalanced braces",
            ),
            (
                self.on_invalid != "truncate" or self.type in _TEXTS,
                "only text can be truncated",
            ),
        ]
        return [problem for holds, problem in rules if not holds]

    @property
    def custom(self) -> bool:
        """True where we make the field."""
        return is_custom(self.spec)

    @property
    def rule(self) -> Transform:
        """The transform in force: the line's own or its type's."""
        return self.transform or DEFAULT_BY_TYPE[self.type]

    @property
    def comparator(self) -> CompareKind:
        """The comparator in force: the line's own or its type's."""
        return self.compare or _DEFAULT_COMPARE[self.type]

    @property
    def limit(self) -> int:
        """Longest value the field takes, in characters as Zoho counts them."""
        return self.length or DEFAULT_LENGTHS.get(self.type, 0)

    @property
    def invalid_policy(self) -> str:
        """What happens to a value that does not fit: the line's own or its type's policy."""
        if self.on_invalid:
            return self.on_invalid
        if self.unique:
            return "reject"
        return "truncate" if self.type in _TEXTS else "leave_out"

    @property
    def raw_field(self) -> str | None:
        """Spec name of the field that keeps what does not fit, or None."""
        policy = self.invalid_policy
        return policy.removeprefix("raw:") if policy.startswith("raw:") else None

    @property
    def planned_label(self) -> str:
        """The label we ask Zoho for."""
        return self.label or label_for(self.spec)

    @property
    def planned_name(self) -> str:
        """The live name we expect before metadata has spoken."""
        return api_name_for(self.planned_label) if self.custom else self.spec

    @property
    def reads(self) -> tuple[str, ...]:
        """Every canonical field the line looks at."""
        templated = names_in(self.default) if self.default else ()
        return tuple(dict.fromkeys((*self.source, *implied_sources(self.rule), *templated)))

    @property
    def carries(self) -> tuple[str, ...]:
        """The canonical fields whose value ends in this field (a default's are only borrowed)."""
        return tuple(dict.fromkeys((*self.source, *implied_sources(self.rule))))

    @property
    def is_unchanged(self) -> bool:
        """True where the value arrives as the source has it."""
        return self.rule.kind in UNCHANGED_KINDS and len(self.source) == 1

    def page_fields(self) -> tuple[tuple[str, str, str], ...]:
        """Return (spec, label, planned live name) of each page; one entry for most fields."""
        if self.pages == 1:
            return ((self.spec, self.planned_label, self.planned_name),)
        rows = []
        for page in range(1, self.pages + 1):
            label = self.planned_label if page == 1 else f"{self.planned_label} {page}"
            rows.append((page_spec(self.spec, page), label, api_name_for(label)))
        return tuple(rows)
