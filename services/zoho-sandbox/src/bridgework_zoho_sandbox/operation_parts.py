"""Pieces the tables of operations share: parameters and scopes."""

from __future__ import annotations

from .operation import Param

API = "/crm/v8"
TEXT: dict[str, object] = {"type": "string"}
IDS = Param("ids", {"type": "string", "pattern": "^[0-9]+(,[0-9]+)*$"})
FIELDS = Param("fields", {"type": "string", "minLength": 1}, required=True)
FIELDS_OPTIONAL = Param("fields", TEXT)
MODULE = Param("module", TEXT, required=True)
PER_PAGE = Param("per_page", {"type": "integer", "minimum": 1, "maximum": 200})
PAGE = Param("page", {"type": "integer", "minimum": 1})
TOKEN = Param("page_token", TEXT)
SORT = (
    Param("sort_by", {"type": "string", "enum": ["id", "Created_Time", "Modified_Time"]}),
    Param("sort_order", {"type": "string", "enum": ["asc", "desc"]}),
)
PAGING = (PER_PAGE, PAGE, TOKEN, *SORT)
READ = ("ZohoCRM.modules.{module}.READ",)
CREATE = ("ZohoCRM.modules.{module}.CREATE",)
UPDATE = ("ZohoCRM.modules.{module}.UPDATE",)
DELETE = ("ZohoCRM.modules.{module}.DELETE",)
SEARCH = (*READ, "ZohoSearch.securesearch.READ")


def notes_scope(*, related: bool, operation: str) -> tuple[str, ...]:
    """Return the scopes of a notes call; below a parent the parent's module counts too."""
    scope = f"ZohoCRM.modules.notes.{operation}"
    return (*READ, scope) if related else (scope,)


def settings_scope(name: str, operation: str) -> tuple[str, ...]:
    """Return the scope of a settings call."""
    return (f"ZohoCRM.settings.{name}.{operation}",)


WRITE_HEADERS = ("X-EXTERNAL", "If-Unmodified-Since")
