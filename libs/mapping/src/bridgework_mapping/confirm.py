"""The record that a person confirmed a mapping, line by line, so that later changes show."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Self

from bridgework_contracts.errors import MappingError
from pydantic import AwareDatetime, model_validator

from bridgework_mapping.document import MappingDocument, canonical_json
from bridgework_mapping.transforms import Strict


class ConfirmedRow(Strict):
    """One thing a person looked at: a line, a decision not to map, or an object's policies."""

    object: str
    row: str
    digest: str


class MappingVersion(Strict):
    """A confirmed version of a mapping document."""

    version: int
    hash: str
    confirmed_by: str
    confirmed_at: AwareDatetime
    rows: tuple[ConfirmedRow, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.version < 1 or not self.confirmed_by.strip():
            raise ValueError("a version is numbered from 1 and names who confirmed it")
        return self

    def covers(self, doc: MappingDocument) -> bool:
        """Tell whether this is the confirmation of exactly this document."""
        return self.hash == doc.hash

    def changed_rows(self, doc: MappingDocument) -> tuple[str, ...]:
        """Return ``object.row`` of what a document adds, changes or removes since."""
        then = {(row.object, row.row): row.digest for row in self.rows}
        now = {(row.object, row.row): row.digest for row in rows_of(doc)}
        changed = [key for key in {**then, **now} if then.get(key) != now.get(key)]
        return tuple(f"{name}.{row}" for name, row in changed)


def confirm(
    doc: MappingDocument,
    *,
    confirmed_by: str,
    confirmed_at: datetime,
    previous: MappingVersion | None = None,
) -> MappingVersion:
    """Return the version record of a document that a person has confirmed.

    Confirming a document that the previous version covers returns that version.

    Raises:
        MappingError: nobody is named.
    """
    if not confirmed_by.strip():
        raise MappingError("A mapping is confirmed by a named person.", code="no_confirmer")
    if previous is not None and previous.covers(doc):
        return previous
    return MappingVersion(
        version=previous.version + 1 if previous else 1,
        hash=doc.hash,
        confirmed_by=confirmed_by,
        confirmed_at=confirmed_at,
        rows=tuple(rows_of(doc)),
    )


def rows_of(doc: MappingDocument) -> Iterator[ConfirmedRow]:
    """Yield every row a person confirms, in document order."""
    for entry in doc.objects:
        policies = entry.model_dump(mode="json", exclude={"fields", "not_mapped"})
        yield ConfirmedRow(object=entry.object, row="(policies)", digest=_digest(policies))
        for line in entry.fields:
            digest = _digest(line.model_dump(mode="json"))
            yield ConfirmedRow(object=entry.object, row=line.spec, digest=digest)
        for left in entry.not_mapped:
            digest = _digest(left.model_dump(mode="json"))
            yield ConfirmedRow(object=entry.object, row=f"({left.field})", digest=digest)


def _digest(value: object) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]
