"""Errors as ``application/problem+json`` (RFC 9457); domain error → status, in one place."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bridgework_contracts.errors import (
    BridgeworkError,
    ConfigurationError,
    MappingError,
    TerminalError,
    TransientError,
)
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

STATUS_BY_CODE = {
    "unauthorised": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "gate_not_ready": 409,
    "job_busy": 409,
    "illegal_transition": 409,
    "idempotency_key_reused": 409,
    "request_under_way": 409,
    "tenant_exists": 409,
    "not_fixable": 409,
    "nothing_to_release": 409,
    "invalid_request": 422,
}
TITLES = {
    401: "The API key is missing or not known.",
    403: "This API key may not do that.",
    404: "There is no such thing.",
    405: "This method is not offered here.",
    409: "The request does not fit the present state.",
    422: "The request is malformed.",
    500: "An unexpected error.",
    502: "Zoho refused or did not answer.",
    503: "Something this request needs does not answer.",
}


class ProblemDetails(BaseModel):
    """What every error answer looks like."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "The request does not fit the present state.",
                "status": 409,
                "code": "gate_not_ready",
                "detail": "G4 is not approved.",
                "errors": [],
            }
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    code: str = Field(description="Stable, snake_case; what a program should look at.")
    detail: str
    errors: list[dict[str, Any]] = Field(default_factory=list)


class ApiError(BridgeworkError):
    """A request that cannot be served as it is; ``code`` decides the status."""

    def __init__(
        self, message: str, *, code: str, errors: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.errors = errors or []


def problem(
    status: int,
    code: str,
    detail: str,
    errors: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return a problem answer."""
    body = ProblemDetails(
        title=TITLES.get(status, "Error"),
        status=status,
        code=code,
        detail=detail,
        errors=errors or [],
    )
    if status == 401:  # noqa: PLR2004  # HTTP
        headers = {"WWW-Authenticate": "Bearer"}
    return JSONResponse(body.model_dump(), status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem."""
    handlers: list[tuple[Any, Callable[[Request, Any], Awaitable[JSONResponse]]]] = [
        (ApiError, _api_error),
        (BridgeworkError, _domain_error),
        (RequestValidationError, _validation_error),
        (HTTPException, _http_error),
        (Exception, _defect),
    ]
    for error, handler in handlers:
        app.add_exception_handler(error, handler)


async def _api_error(_request: Request, exc: ApiError) -> JSONResponse:
    return problem(STATUS_BY_CODE.get(exc.code, 400), exc.code, str(exc), exc.errors)


async def _domain_error(_request: Request, exc: BridgeworkError) -> JSONResponse:
    status = 500
    if isinstance(exc, TransientError):
        status = 503
    elif isinstance(exc, MappingError):
        status = 422
    elif isinstance(exc, TerminalError | ConfigurationError):
        status = 409
    return problem(status, exc.code, str(exc))


async def _defect(_request: Request, _exc: Exception) -> JSONResponse:
    # The exception itself goes on to the server, which logs where it happened.
    return problem(500, "unexpected", "A defect of ours; it was logged. Trying again may help.")


async def _validation_error(_request: Request, exc: RequestValidationError) -> JSONResponse:
    # The input itself is left out: it may hold what must not be echoed or logged.
    errors = [
        {"where": [str(part) for part in error["loc"]], "what": error["msg"]}
        for error in exc.errors()
    ]
    return problem(422, "invalid_request", "See errors.", errors)


async def _http_error(_request: Request, exc: HTTPException) -> JSONResponse:
    code = {401: "unauthorised", 403: "forbidden", 404: "not_found", 405: "method_not_allowed"}
    if exc.status_code == 400:  # noqa: PLR2004  # HTTP
        return problem(422, "invalid_request", "The body is not JSON in UTF-8.")
    named = code.get(exc.status_code, "http_error")
    return problem(exc.status_code, named, str(exc.detail), headers=exc.headers)
