"""What a check is: a JSON value goes in, the value to store comes out or a refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from .errors import Json

if TYPE_CHECKING:
    from .validation import ModuleChecks


class Bad(Exception):
    """A value is refused; the caller adds field name and path."""

    def __init__(
        self, details: Json, *, code: str = "INVALID_DATA", message: str = "invalid data"
    ) -> None:
        super().__init__(code)
        self.details = details
        self.code = code
        self.message = message


class Lookups(Protocol):
    """What checks must ask the org while a request runs."""

    se_module: str | None

    def record_exists(self, module: str, record: int) -> bool:
        """Return whether a live record has this id."""
        ...

    def active_person(self, value: Any, *, by_email: bool) -> int | None:
        """Return the id of an active user for ``{"id"}`` (or e-mail), ``None`` without one."""
        ...

    def by_external(self, path: str, value: Json) -> tuple[str, int | None] | None:
        """Return (module, id) for a reference by external field; ``None``: not in the header."""
        ...

    def may_link(self, module: str) -> bool:
        """Return whether activities may point to the module with ``What_Id``."""
        ...

    def file_exists(self, file_id: str) -> bool:
        """Return whether ``POST /files`` gave out this id."""
        ...

    def new_row_id(self) -> int:
        """Return an id for a subform row."""
        ...

    def subform_checks(self, module: str) -> ModuleChecks:
        """Return the validator of a subform's rows."""
        ...


Check = Callable[[Any, Lookups], Any]


def expected(kind: str) -> Bad:
    """Refuse a value of the wrong type."""
    return Bad({"expected_data_type": kind})
