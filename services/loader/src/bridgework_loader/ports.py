"""What the loader asks of the destination; ``adapters/destination.py`` gives it for Zoho."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from bridgework_contracts.outcomes import Reason
from bridgework_contracts.writes import WriteRecord
from bridgework_zoho.results import ElementResult

Row = dict[str, Any]


class Parent(NamedTuple):
    """The record a note hangs on."""

    module: str
    zoho_id: str


@dataclass(frozen=True, slots=True)
class Sought:
    """A creation whose answer was lost: is its record in Zoho?

    Attributes:
        parent: Of a note; None for other records.
    """

    write: WriteRecord = field(repr=False)
    parent: Parent | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A record to read; ``parent`` for notes, which Zoho lists by their parent only."""

    zoho_id: str
    parent: Parent | None = None


class ModuleRules(Protocol):
    """What live metadata says of one module."""

    @property
    def unreadable(self) -> Collection[str]:
        """Fields whose values Zoho hides from the API."""
        ...

    def fixed(self, name: str) -> bool:
        """Tell whether a field cannot be changed once its record exists."""
        ...

    def check(self, fields: Mapping[str, Any], kind: Literal["create", "update"]) -> Reason | None:
        """Return why Zoho would refuse these values; None if it would take them."""
        ...


class Destination(Protocol):
    """One org, record by record. Raises the errors of ``bridgework_zoho.errors``.

    Every call takes at most ``rows_per_call`` records; what it costs is counted by the
    :class:`~bridgework_zoho.metering.CreditMeter` of the calling task.
    """

    rows_per_call: int

    async def rules(self, module: str) -> ModuleRules:
        """Return the live rules of a module."""
        ...

    async def create(
        self, module: str, rows: Sequence[Row], external_id_field: str | None
    ) -> list[ElementResult]:
        """Create records; by upsert on the source id where the module allows it."""
        ...

    async def update(
        self, module: str, rows: Sequence[Row], unmodified_since: datetime | None
    ) -> list[ElementResult]:
        """Change records by their ``id``; refuse those changed by others after that moment."""
        ...

    async def delete(self, module: str, ids: Sequence[str]) -> list[ElementResult]:
        """Delete records; gone already counts as deleted."""
        ...

    async def read(
        self, module: str, wanted: Sequence[Wanted], fields: Sequence[str]
    ) -> dict[str, Row]:
        """Read records by id; those that are gone are absent."""
        ...

    async def find(self, module: str, sought: Sequence[Sought]) -> list[Row | None]:
        """Find by source id or marker; one answer per element, with creator and time."""
        ...

    async def count_carrying(self, module: str, field_name: str) -> int | None:
        """Count the records that carry a source id; None where Zoho cannot say."""
        ...


def can_be_found(write: WriteRecord) -> bool:
    """Tell whether a lost creation can be asked about."""
    return write.module == "Notes" or bool(
        write.external_id_field and write.fields.get(write.external_id_field)
    )


def parent_of(fields: Mapping[str, Any]) -> Parent | None:
    """Read the parent out of a note's fields; None for other records."""
    given = fields.get("Parent_Id")
    if not isinstance(given, dict):
        return None
    module = given.get("module")
    name = module.get("api_name") if isinstance(module, dict) else None
    return Parent(str(name), str(given.get("id"))) if name else None
