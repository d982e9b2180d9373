"""Up to five requests in one call for one credit (fact sheet §3.13).

It saves credits only for handfuls of unrelated small requests: writes take one record each, the
call uses five concurrency units and a heavy slot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridgework_zoho.costs import COSTS, Operation
from bridgework_zoho.errors import PositionsLost
from bridgework_zoho.requests import Base, Call, JsonObject, silenced
from bridgework_zoho.results import elements_of
from bridgework_zoho.transport import Transport

SUB_REQUESTS = 5


@dataclass(frozen=True, slots=True)
class SubRequest:
    """One request inside a composite call.

    Attributes:
        operation: Decides how it is silenced; its own price does not count.
        path: Path below ``/crm/v8``; may refer to ``@{id:$.data[0].details.id}``.
        sub_id: Name other requests refer to it by.
    """

    operation: Operation
    method: str
    path: str
    sub_id: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: JsonObject | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SubAnswer:
    """What became of one request inside a composite call.

    Attributes:
        status: Its HTTP status; None where it was not executed.
        code: Composite's own code, such as ``SUCCESS`` or ``ROLLBACK_PERFORMED``.
        body: Its answer, as the single call would have given it.
    """

    sub_id: str
    status: int | None
    code: str
    body: Any = field(repr=False)


class CompositeApi:
    """Composite calls; call the object itself."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def __call__(
        self, requests: Sequence[SubRequest], *, rollback_on_fail: bool = False
    ) -> list[SubAnswer]:
        """Send up to five requests as one.

        Args:
            requests: 1 to 5, executed in order if ``rollback_on_fail``, else side by side.
            rollback_on_fail: Undo all if one fails; two credits instead of one.

        Returns:
            One answer per request, in order.

        Idempotent: only if every request is a read.
        """
        if not 1 <= len(requests) <= SUB_REQUESTS:
            raise ValueError(f"a composite call takes 1 to {SUB_REQUESTS} requests")
        reads = not any(COSTS[one.operation].writes for one in requests)
        call = Call(
            Operation.COMPOSITE_ROLLBACK if rollback_on_fail else Operation.COMPOSITE,
            "POST",
            "/__composite_requests",
            elements=len(requests),
            body={
                "rollback_on_fail": rollback_on_fail,
                "parallel_execution": not rollback_on_fail,
                "__composite_requests": [self._sub(one) for one in requests],
            },
            repeatable=reads,
            price_of=_price_with_rollback if rollback_on_fail else None,
        )
        answer = await self._transport.send(call)
        rows = elements_of(answer.body, "__composite_requests")
        if rows is None or len(rows) != len(requests):
            raise PositionsLost(
                "composite: the answer does not match the requests; read from Zoho what is there.",
                operation=call.operation.value,
            )
        return [_answer(one, row) for one, row in zip(requests, rows, strict=True)]

    def _sub(self, request: SubRequest) -> JsonObject:
        body, params = silenced(
            request.operation,
            request.body,
            request.params,
            silence_notes=self._transport.settings.silence_notes,
        )
        sub: JsonObject = {
            "sub_request_id": request.sub_id,
            "method": request.method,
            "uri": f"{Base.CRM}{request.path}",
        }
        if params:
            sub["params"] = params
        if body is not None:
            sub["body"] = body
        return sub


def _price_with_rollback(body: Any) -> int:
    """Two credits if all went well, one if it was rolled back (§2.2, V7)."""
    rows = elements_of(body, "__composite_requests") or []
    return 2 if rows and all(row.get("status") == "success" for row in rows) else 1


def _answer(request: SubRequest, row: JsonObject) -> SubAnswer:
    details: JsonObject = row.get("details") or {}
    response = details.get("response")
    # Two layouts are published: everything under ``response``, or the body alone there.
    inner: JsonObject = response if isinstance(response, dict) and "status_code" in response else {}
    status = inner.get("status_code", details.get("status_code"))
    return SubAnswer(
        sub_id=request.sub_id,
        status=int(status) if status is not None else None,
        code=str(row.get("code") or ("SUCCESS" if status is not None else "")),
        body=inner.get("body") if inner else response,
    )
