"""Zoho's two error shapes: a request that fails as a whole, and one element of a batch that fails.

```
Exception
├── ZohoError   the whole request is refused: HTTP status + {code, details, message, status}
└── Rejected    one record, note, field or id is refused; the element takes the same JSON shape
```
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

TOO_MANY_REQUESTS = 429
PARTLY = 207


def error_body(code: str, message: str, details: Json | None = None) -> Json:
    """Return Zoho's error object, used for whole answers and for elements alike."""
    return {
        "code": code,
        "details": {} if details is None else details,
        "message": message,
        "status": "error",
    }


class ZohoError(Exception):
    """The whole request is refused with ``status`` and Zoho's error object."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Json | None = None,
        *,
        wrapper: str | None = None,
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.body: Json = error_body(code, message, details)
        if wrapper is not None:
            self.body = {wrapper: [self.body]}


class Rejected(Exception):
    """One element of a batch is refused; the others go on."""

    def __init__(self, code: str, message: str, details: Json) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.details = details

    def body(self) -> Json:
        """Return the element as it stands in ``data[i]``."""
        return error_body(self.code, self.message, self.details)


def invalid_data(details: Json, message: str = "invalid data") -> Rejected:
    """Element refused for its value: ``INVALID_DATA``."""
    return Rejected("INVALID_DATA", message, details)


def bad_id(path: str) -> Rejected:
    """Element refused because nothing has the id it names."""
    return Rejected(
        "INVALID_DATA",
        "the id given seems to be invalid",
        {"api_name": "id", "json_path": f"{path}.id"},
    )


def mandatory_not_found(api_name: str, json_path: str) -> Rejected:
    """Element refused for an absent field: ``MANDATORY_NOT_FOUND``."""
    return Rejected(
        "MANDATORY_NOT_FOUND",
        "required field not found",
        {"api_name": api_name, "json_path": json_path},
    )


def param_missing(name: str) -> ZohoError:
    """Request refused for an absent query parameter: ``REQUIRED_PARAM_MISSING``."""
    return ZohoError(
        400,
        "REQUIRED_PARAM_MISSING",
        "One of the expected parameter is missing",
        {"param_name": name},
    )


def bad_param(name: str, **details: Any) -> ZohoError:
    """Request refused for the value of a query parameter: ``INVALID_DATA``."""
    return ZohoError(400, "INVALID_DATA", "invalid data", {"param_name": name, **details})


def bad_path_id(index: int, message: str = "the id given seems to be invalid") -> ZohoError:
    """Request refused for an id in the URL; ``index`` counts path parts after the version."""
    return ZohoError(400, "INVALID_DATA", message, {"resource_path_index": index})


def invalid_module(index: int = 0, message: str | None = None) -> ZohoError:
    """Request refused because the module does not exist or has no such API."""
    return ZohoError(
        400,
        "INVALID_MODULE",
        message or "the module name given seems to be invalid",
        {"resource_path_index": index},
    )


def invalid_url() -> ZohoError:
    """No such URL: 404 ``INVALID_URL_PATTERN``."""
    return ZohoError(
        404,
        "INVALID_URL_PATTERN",
        "Please check if the URL trying to access is a correct one",
    )


def unparsable(name: str) -> ZohoError:
    """Body or parameter of the wrong form: ``UNABLE_TO_PARSE_DATA_TYPE``."""
    return ZohoError(
        400,
        "UNABLE_TO_PARSE_DATA_TYPE",
        "either the request body or parameters is in wrong format",
        {"param_name": name},
    )


def no_permission(permission: str) -> ZohoError:
    """The caller's profile lacks a permission: 403 ``NO_PERMISSION``."""
    return ZohoError(403, "NO_PERMISSION", "permission denied", {"permissions": [permission]})
