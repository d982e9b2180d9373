"""The OpenAPI document, generated from the table of operations so that it cannot drift from it."""

from __future__ import annotations

import re

from .call import BATCH_MAX
from .errors import Json
from .operation import Operation

_PATH_PART = re.compile(r"\{(\w+)\}")
_ANY_CALL = (401, 404, 429)
_EMPTY = frozenset({204, 304})
_OBJECT: Json = {"type": "object"}
_ERROR = {"$ref": "#/components/schemas/Error"}
_ARRAYS = frozenset(
    {
        "data",
        "users",
        "fields",
        "modules",
        "layouts",
        "custom_views",
        "tags",
        "recycle_bin",
        "__composite_requests",
    }
)
_DESCRIPTIONS = {
    200: "Done; every element of the answer says whether it succeeded.",
    201: "Everything was added.",
    202: "Accepted; the rest is done later.",
    204: "There is nothing to return.",
    207: "Some elements failed.",
    304: "Nothing changed since.",
    400: "The request, or every element of it, was refused.",
    401: "The token is missing, dead or lacks a scope.",
    403: "The user may not do this.",
    404: "There is no such URL or resource.",
    412: "The record changed since the given time.",
    413: "The body or file is too large.",
    415: "A file is too large or of the wrong kind.",
    429: "Too many calls in flight, or no credits left.",
}
_SCHEMAS: Json = {
    "Error": {
        "type": "object",
        "required": ["code", "details", "message", "status"],
        "properties": {
            "code": {"type": "string"},
            "details": {"type": "object"},
            "message": {"type": "string"},
            "status": {"const": "error"},
        },
    },
    "Element": {
        "type": "object",
        "required": ["code", "details", "message", "status"],
        "properties": {
            "code": {"type": "string"},
            "details": {"type": "object"},
            "message": {"type": "string"},
            "status": {"enum": ["success", "error"]},
        },
    },
}


def _elements(operation: Operation) -> Json:
    element = {"$ref": "#/components/schemas/Element"} if operation.writes else _OBJECT
    items: Json = {"type": "array", "items": element, "minItems": 1}
    return {
        "type": "object",
        "required": [operation.wrapper],
        "properties": {operation.wrapper: items},
    }


def _success(operation: Operation) -> Json:
    if operation.wrapper == "count":
        count = {"type": "integer", "minimum": 0}
        return {"type": "object", "required": ["count"], "properties": {"count": count}}
    if operation.wrapper == "code":
        return {
            "type": "object",
            "required": ["code", "status"],
            "properties": {"code": {"type": "string"}, "status": {"const": "success"}},
        }
    if operation.wrapper == "status":
        status = {"type": "string"}
        return {
            "type": "object",
            "required": ["status", "id", "resource"],
            "properties": {"status": status},
        }
    if operation.name == "coql.query":
        return {
            "type": "object",
            "required": ["data", "info"],
            "properties": {"data": {"type": "array", "items": _OBJECT, "minItems": 1}},
        }
    return _elements(operation)


def _content(operation: Operation, status: int) -> Json:
    if status < 300:  # noqa: PLR2004 - the 2xx range
        if operation.binary:
            return {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        return {"application/json": {"schema": _success(operation)}}
    wrapped = operation.wrapper in _ARRAYS and operation.writes
    schema: Json = {"anyOf": [_ERROR, _elements(operation)]} if wrapped else _ERROR
    return {"application/json": {"schema": schema}}


def _responses(operation: Operation) -> Json:
    shown: Json = {}
    for status in sorted({*operation.statuses, *_ANY_CALL}):
        response: Json = {"description": _DESCRIPTIONS[status]}
        if status not in _EMPTY:
            response["content"] = _content(operation, status)
        shown[str(status)] = response
    return shown


def _parameters(operation: Operation) -> list[Json]:
    named: list[Json] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": 100},
        }
        for name in _PATH_PART.findall(operation.path)
    ]
    named += [
        {
            "name": param.name,
            "in": "query",
            "required": param.required,
            "schema": dict(param.schema),
        }
        for param in operation.query
    ]
    named += [
        {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}
        for name in operation.headers
    ]
    return named


def _request_body(operation: Operation) -> Json | None:
    if operation.body == "none":
        return None
    if operation.body == "multipart":
        properties = {"file": {"type": "string", "format": "binary"}}
        schema: Json = {"type": "object", "properties": properties}
        return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    schema = {"type": "object"}
    if operation.wrapper in _ARRAYS and operation.name.split(".")[0] not in {"coql", "bulk_read"}:
        schema["properties"] = {
            operation.wrapper: {"type": "array", "items": _OBJECT, "maxItems": BATCH_MAX}
        }
    if operation.name == "coql.query":
        schema["properties"] = {"select_query": {"type": "string"}}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def openapi_document(operations: tuple[Operation, ...]) -> Json:
    """Return an OpenAPI 3.1 document of the API part (the admin API is not Zoho's)."""
    paths: Json = {}
    for operation in operations:
        entry: Json = {
            "operationId": operation.name,
            "summary": _summary(operation),
            "parameters": _parameters(operation),
            "responses": _responses(operation),
            "x-credits": list(operation.listed_credits),
            "x-scopes": list(operation.scopes),
        }
        body = _request_body(operation)
        if body is not None:
            entry["requestBody"] = body
        paths.setdefault(operation.path, {})[operation.method.lower()] = entry
    return {
        "openapi": "3.1.0",
        "info": {"title": "zoho-sandbox: Zoho CRM v8, local", "version": "8"},
        "paths": paths,
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "Authorization"}
            },
        },
        "security": [{"token": []}],
    }


def _summary(operation: Operation) -> str:
    return (operation.handler.__doc__ or operation.name).strip().splitlines()[0]
