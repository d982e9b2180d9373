"""What the document says about one source object: its module, identity, policies and lines."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, StrictStr, model_validator

from bridgework_mapping.fields import FieldMap
from bridgework_mapping.naming import is_legal_api_name, is_legal_label
from bridgework_mapping.transforms import Strict

UNIQUE_LIMIT = 2
"""Unique custom fields per module, every edition. Source: Zoho v7 create custom field."""


class MatchPolicy(StrEnum):
    """What we may do with a record Zoho has and we did not write."""

    CREATE_ONLY = "create_only"
    UPDATE_ONLY = "update_only"
    UPSERT = "upsert"
    MATCH_AND_LINK = "match_and_link"


class Identity(StrEnum):
    """How a record of ours is found again in Zoho."""

    UNIQUE = "unique"
    """A unique text field with the source key: upsert works."""
    PLAIN = "plain"
    """A text field that is not unique (Events, Tasks): asked about by COQL before a re-send."""
    MARKER = "marker"
    """``[src:note:KEY]`` at the end of the text (Notes)."""
    NONE = "none"
    """Files and reference objects."""


class Generated(Strict):
    """How a custom module is asked for."""

    singular: str
    plural: str
    alternative: str | None = Field(
        default=None, description="API name without underscores, if Zoho refuses the first."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for label in (self.singular, self.plural):
            if not is_legal_label(label):
                raise ValueError(f"module label {label!r} is not 1-25 letters, digits and spaces")
        return self


class SkipRule(Strict):
    """Records that are, by decision, not written; the outcome is ``skipped`` with this reason."""

    source: str
    equals: StrictBool | StrictStr | StrictInt
    code: str
    sentence: str
    remedy: str = ""


class NotMapped(Strict):
    """A canonical field that goes nowhere, and the reason that stands under it."""

    field: str
    end: Literal["archived", "dropped"] = Field(
        description="archived: kept in the sealed snapshot; dropped: it repeats another field."
    )
    reason: str = Field(min_length=8)


class Part(Strict):
    """Rows folded into a record of another object."""

    part: str
    report: str
    of: str


def _names(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class ObjectMap(Strict):
    """One source object and the module its records become."""

    object: str
    kind: Literal["record", "file", "reference"] = "record"
    module: str = Field(description="Spec name of the module.")
    report: str = Field(description="Name in counts and reports.")
    generated: Generated | None = Field(default=None, description="Given where we make the module.")
    external_id: str | None = Field(default=None, description="Spec name of the source-id field.")
    identity: Identity = Identity.UNIQUE
    match: MatchPolicy = MatchPolicy.UPSERT
    bulk: StrictBool = Field(
        default=True, description="Bulk write may be used; else record API only."
    )
    owner: str | None = Field(default=None, description="Provider key that decides the owner.")
    owned: StrictBool = Field(
        default=True, description="False where Zoho does not let us set the owner."
    )
    parents: Annotated[tuple[str, ...], BeforeValidator(_names)] = Field(
        default=(), description="file: objects a file hangs on."
    )
    skip_when: Annotated[tuple[SkipRule, ...], BeforeValidator(_names)] = ()
    fields: Annotated[tuple[FieldMap, ...], BeforeValidator(_names)] = ()
    not_mapped: Annotated[tuple[NotMapped, ...], BeforeValidator(_names)] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        for problem in self._problems():
            raise ValueError(f"{self.object}: {problem}")
        return self

    def _problems(self) -> list[str]:
        if self.kind != "record":
            return ["only records have fields"] if self.fields else []
        found: list[str] = []
        by_spec = {line.spec: line for line in self.fields}
        if len(by_spec) != len(self.fields):
            found.append("a spec name stands twice")
        names = [name for line in self.fields for _, _, name in line.page_fields()]
        folded = [name.casefold() for name in names]
        doubles = sorted({name for name in names if folded.count(name.casefold()) > 1})
        if doubles:
            found.append(f"API name {doubles[0]} stands twice")
        if sum(line.unique for line in self.fields) > UNIQUE_LIMIT:
            found.append(f"more than {UNIQUE_LIMIT} unique fields")
        if self.generated and not is_legal_api_name(self.module):
            found.append(f"module name {self.module!r} is not a legal API name")
        found += self._identity_problems(by_spec)
        sinks = {line.raw_field for line in self.fields}
        found += [
            f"{line.spec}: no source"
            for line in self.fields
            if not line.reads and line.rule.kind != "constant" and line.spec not in sinks
        ]
        for line in self.fields:
            sink = line.raw_field
            if sink is not None and (
                sink not in by_spec or by_spec[sink].type not in {"text", "textarea"}
            ):
                found.append(f"{line.spec}: raw:{sink} names no text field of this object")
        found += [
            f"{entry.field} is mapped and listed under not_mapped"
            for entry in self.not_mapped
            if entry.field in self.carried
        ]
        return found

    def _identity_problems(self, by_spec: dict[str, FieldMap]) -> list[str]:
        if self.identity in {Identity.MARKER, Identity.NONE}:
            return ["external_id needs identity unique or plain"] if self.external_id else []
        line = by_spec.get(self.external_id or "")
        if line is None:
            return ["external_id names no field of this object"]
        if line.source != ("key",) or line.type != "text" or not line.required:
            return ["the external id is a required text field whose source is key"]
        if line.unique != (self.identity is Identity.UNIQUE):
            return ["identity and the external id's `unique` disagree"]
        return []

    @property
    def carried(self) -> frozenset[str]:
        """Canonical fields (first path segment) that end in Zoho or decide how they do."""
        names = {path.split(".")[0] for line in self.fields for path in line.carries}
        names |= {rule.source for rule in self.skip_when}
        if self.owner:
            names.add(self.owner)
        return frozenset(names)

    @property
    def lookups(self) -> tuple[FieldMap, ...]:
        """Lines that point at other records."""
        return tuple(line for line in self.fields if line.type == "lookup")

    @property
    def parent_objects(self) -> tuple[str, ...]:
        """Objects whose records must be there first."""
        targets = [line.target for line in self.lookups if line.target]
        return tuple(dict.fromkeys((*targets, *self.parents)))

    def field(self, spec: str) -> FieldMap | None:
        """Return the line of a spec name, or None."""
        return next((line for line in self.fields if line.spec == spec), None)
