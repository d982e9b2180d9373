"""``POST /__composite_requests``: up to five sub-requests in one call (fact sheet §3.13).

Sub-requests run one after another on the same thread; ``rollback_on_fail`` is one savepoint.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from .call import Answer, Call, answer_json
from .errors import PARTLY, Json, ZohoError, error_body, invalid_url
from .router import Router

SUB_REQUESTS_MAX = 5
READS_MAX = 25
_REFERENCE = re.compile(r"@\{([^:}]+):\$([^}]*)\}")
_STEP = re.compile(r"\.([A-Za-z0-9_$]+)|\[(\d+)\]")
_OK = 300


class RollBack(Exception):
    """Undo what the sub-requests did."""


def _undo_unless(good: bool) -> None:  # noqa: FBT001 - reads as a sentence
    if not good:
        raise RollBack


def _invalid(code: str, message: str, index: int | None, **details: Any) -> ZohoError:
    path = "$.__composite_requests" + ("" if index is None else f"[{index}]")
    return ZohoError(400, code, message, {"json_path": path, **details})


def _lookup(answers: dict[str, Any], name: str, path: str) -> Any:
    value: Any = answers[name]
    position = 0
    for step in _STEP.finditer(path):
        if step.start() != position:
            raise KeyError(path)
        position = step.end()
        value = value[step[1]] if step[1] is not None else value[int(step[2])]
    if position != len(path):
        raise KeyError(path)
    return value


def _resolved(value: Any, answers: dict[str, Any]) -> Any:
    """Replace references ``@{id:$.path}`` by values of earlier answers."""
    if isinstance(value, dict):
        return {key: _resolved(item, answers) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, answers) for item in value]
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        if whole is not None:
            return _lookup(answers, whole[1], whole[2])
        return _REFERENCE.sub(lambda m: str(_lookup(answers, m[1], m[2])), value)
    return value


def _refuse_loops(subs: list[Json]) -> None:
    """Refuse sub-requests that wait for each other, or one for itself."""
    waits = {
        sub["sub_request_id"]: {m[1] for m in _REFERENCE.finditer(orjson.dumps(sub).decode())}
        for sub in subs
    }
    while ready := [name for name, others in waits.items() if not others & waits.keys()]:
        for name in ready:
            del waits[name]
    if waits:
        index = next(at for at, sub in enumerate(subs) if sub["sub_request_id"] in waits)
        raise _invalid("LOOPING_FOUND", "looping found", index, api_name="sub_request_id")


class Composite:
    """Runs sub-requests through the same table of operations; ``router`` is asked when needed."""

    def __init__(self, router: Callable[[], Router]) -> None:
        self._make_router = router
        self._made: Router | None = None

    def _router(self) -> Router:
        if self._made is None:
            self._made = self._make_router()
        return self._made

    def handle(self, call: Call) -> Answer:
        """``POST /__composite_requests``."""
        body = call.json()
        subs = call.batch("__composite_requests", limit=SUB_REQUESTS_MAX)
        rollback = body.get("rollback_on_fail") is True
        if rollback and body.get("parallel_execution") is True:
            raise ZohoError(
                400,
                "AMBIGUITY_DURING_PROCESSING",
                "ambiguity while processing the request",
                {
                    "ambiguity_due_to": [
                        {"api_name": "rollback_on_fail", "json_path": "$.rollback_on_fail"},
                        {"api_name": "parallel_execution", "json_path": "$.parallel_execution"},
                    ]
                },
            )
        self._check_ids(subs)
        _refuse_loops(subs)
        results: list[Json] = []
        with contextlib.suppress(RollBack), call.org.database.transaction():
            self._run(call, subs, results, stop=rollback)
            if rollback:
                _undo_unless(all(item["ok"] for item in results))
        call.charge = 1
        if rollback and all(item["ok"] for item in results):
            call.charge = 2
        elif rollback:
            results = _rolled_back(subs, results)
        failed = any(not item.pop("ok") for item in results)
        return answer_json(PARTLY if failed else 200, {"__composite_requests": results})

    def _check_ids(self, subs: list[Json]) -> None:
        seen: set[str] = set()
        for index, sub in enumerate(subs):
            name = sub.get("sub_request_id")
            if not isinstance(name, str) or not name:
                raise _invalid(
                    "MANDATORY_NOT_FOUND",
                    "required field not found",
                    index,
                    api_name="sub_request_id",
                )
            if name in seen:
                raise _invalid("DUPLICATE_DATA", "duplicate data", index, api_name="sub_request_id")
            seen.add(name)

    def _run(self, call: Call, subs: list[Json], results: list[Json], *, stop: bool) -> None:
        answers: dict[str, Any] = {}
        for index, sub in enumerate(subs):
            name = sub["sub_request_id"]
            answer = self._isolated(call, sub, answers, index)
            response = orjson.loads(answer.body) if answer.body else None
            answers[name] = response
            details = {
                "status_code": answer.status,
                "headers": {"Content-Type": answer.content_type},
                "response": response,
            }
            ok = answer.status < _OK
            results.append(
                {
                    "ok": ok,
                    "code": "SUCCESS" if ok else "EXECUTION_FAILED",
                    "details": details,
                    "message": "sub request executed" if ok else "sub request failed",
                    "status": "success" if ok else "error",
                    "sub_request_id": name,
                }
            )
            if stop and not ok:
                return

    def _isolated(self, call: Call, sub: Json, answers: dict[str, Any], index: int) -> Answer:
        """Run one sub-request in a savepoint of its own: a failed one leaves nothing behind."""
        try:
            resolved = _resolved(sub, answers)
        except (KeyError, IndexError, TypeError):
            return answer_json(400, error_body("INVALID_REFERENCE", "the reference is invalid"))
        answer = Answer(0)
        with contextlib.suppress(RollBack), call.org.database.transaction():
            try:
                answer = self._one(call, resolved, index)
            except ZohoError as error:
                answer = answer_json(error.status, error.body)
            _undo_unless(answer.status < _OK)
        return answer

    def _one(self, call: Call, sub: Json, index: int) -> Answer:
        uri, method = sub.get("uri"), sub.get("method")
        if not isinstance(uri, str) or not isinstance(method, str):
            raise _invalid("MANDATORY_NOT_FOUND", "required field not found", index, api_name="uri")
        parts = urlsplit(uri)
        if not parts.path.startswith("/crm/v8/"):
            raise invalid_url()
        route = self._router().find(method, parts.path)
        operation = None if route is None else route.operation
        if route is None or operation is None:
            raise invalid_url()
        if operation.name.startswith("composite") or operation.body == "multipart":
            raise _invalid("NOT_SUPPORTED", "not supported in composite", index)
        params = dict(parse_qsl(parts.query, keep_blank_values=True))
        given = sub.get("params")
        params.update({str(k): str(v) for k, v in given.items()} if isinstance(given, dict) else {})
        headers = dict(call.headers)
        extra = sub.get("headers")
        if isinstance(extra, dict):
            headers.update({str(k).lower(): str(v) for k, v in extra.items()})
        if method == "GET" and operation.name in {"records.list", "records.search"}:
            params.setdefault("per_page", str(READS_MAX))
        body = sub.get("body")
        child = replace(
            call,
            method=method,
            path=parts.path,
            args=route.args,
            params=params,
            headers=headers,
            body=orjson.dumps(body),
            parsed=body,
            elements=None,
        )
        items = body.get("data") if isinstance(body, dict) else None
        if operation.writes and isinstance(items, list) and len(items) > 1:
            raise _invalid("LIMIT_EXCEEDED", "one record per sub request", index, limit=1)
        answer = operation.handler(child)
        call.trigger_given = call.trigger_given or child.trigger_given
        call.trigger = child.trigger
        return answer


def _rolled_back(subs: list[Json], results: list[Json]) -> list[Json]:
    shown: list[Json] = []
    for index, sub in enumerate(subs):
        if index < len(results) and not results[index]["ok"]:
            shown.append(results[index])
            continue
        code = "ROLLBACK_PERFORMED" if index < len(results) else "PROCESSING_STOPPED"
        message = (
            "the sub request was rolled back"
            if index < len(results)
            else "the sub request was not processed"
        )
        shown.append(
            {"ok": False, **error_body(code, message), "sub_request_id": sub["sub_request_id"]}
        )
    return shown
