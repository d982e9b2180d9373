"""Reads what a write or a delete did, one result per element sent."""

from collections.abc import Sequence
from typing import Literal

from bridgework_zoho.costs import Operation
from bridgework_zoho.errors import PositionsLost
from bridgework_zoho.paging import chunks
from bridgework_zoho.requests import Call
from bridgework_zoho.results import ElementResult, element_result, elements_of
from bridgework_zoho.transport import Answer, Transport


def written(
    answer: Answer, call: Call, default_action: Literal["insert", "update", "delete"] | None
) -> list[ElementResult]:
    """Read the results of a write, one per element sent.

    Raises:
        PositionsLost: The number of results differs (a recurring event answers once per
            occurrence, §5) and nobody can say which row became what.
    """
    elements = elements_of(answer.body, "data")
    if elements is None or len(elements) != call.elements:
        got = "no list" if elements is None else str(len(elements))
        raise PositionsLost(
            f"{call.operation}: {call.elements} rows were sent and {got} results came back;"
            " read from Zoho what is there.",
            ids=call.ids,
            operation=call.operation.value,
            module=call.module,
            http_status=answer.status,
        )
    return [
        element_result(index, element, default_action=default_action, repeated=answer.repeated)
        for index, element in enumerate(elements)
    ]


async def delete_by_ids(
    transport: Transport, operation: Operation, module: str, ids: Sequence[str]
) -> list[ElementResult]:
    """Delete in steps of ``ids_per_call``; shared by records and notes."""
    results: list[ElementResult] = []
    for some in chunks(list(ids), transport.settings.ids_per_call):
        call = Call(
            operation,
            "DELETE",
            f"/{module}",
            elements=len(some),
            params={"ids": ",".join(some)},
            module=module,
            ids=some,
        )
        answer = await transport.send(call)
        results.extend(deleted(transport, answer, call, offset=len(results)))
    return results


def deleted(
    transport: Transport, answer: Answer, call: Call, *, offset: int
) -> list[ElementResult]:
    """Read the results of a delete; gone already is as good as deleted."""
    gone_is_fine = transport.settings.deleting_the_gone_is_success
    results = []
    for result in written(answer, call, "delete"):
        ok = result.ok or (gone_is_fine and _already_gone(result))
        results.append(
            ElementResult(
                index=offset + result.index,
                ok=ok,
                id=call.ids[result.index] if ok else None,
                action="delete" if ok else None,
                code=result.code,
                message=result.message,
                details=result.details,
                repeated=result.repeated,
            )
        )
    return results


def _already_gone(result: ElementResult) -> bool:
    return result.code == "ID_ALREADY_DELETED" or (
        result.code == "INVALID_DATA" and result.details.get("api_name") in (None, "id")
    )
