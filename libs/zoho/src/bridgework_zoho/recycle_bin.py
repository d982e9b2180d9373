"""The recycle bin: what was deleted can be put back for 60 days (fact sheet §3.7)."""

from collections.abc import AsyncIterator, Sequence
from typing import Literal

from bridgework_zoho.costs import Operation
from bridgework_zoho.errors import PositionsLost
from bridgework_zoho.paging import Page, TokenChain, chunks
from bridgework_zoho.requests import Call
from bridgework_zoho.results import ElementResult, ElementResults, element_result, elements_of
from bridgework_zoho.transport import Transport

RESTORE_IDS = 200
_SCHEDULED = 202


class RecycleBinApi:
    """Calls on the recycle bin."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self) -> AsyncIterator[Page]:
        """Read what lies in the bin: id, display_name, module, deleted_time, deleted_by."""
        chain = TokenChain(
            self._transport,
            Call(Operation.RECYCLE_BIN_LIST, "GET", "/settings/recycle_bin"),
            key="recycle_bin",
        )
        while not chain.ended:
            rows = await chain.next()
            if rows:
                yield Page(rows, more=not chain.ended)

    async def restore(self, ids: Sequence[str]) -> ElementResults:
        """Put records back, with the children they were deleted with.

        Returns:
            One result per id, in order. Where more than 1,000 records come back Zoho does it
            later: ``ok`` is true and ``code`` is ``SCHEDULED``.

        Idempotent: yes.
        """
        results: ElementResults = []
        for some in chunks(list(ids), RESTORE_IDS):
            one = some[0] if len(some) == 1 else None
            path = f"{one}/actions/restore" if one else "actions/restore"
            call = Call(
                Operation.RECYCLE_BIN_RESTORE,
                "POST",
                f"/settings/recycle_bin/{path}",
                elements=len(some),
                body=None if one else {"ids": some},
                ids=some,
            )
            answer = await self._transport.send(call)
            rows = elements_of(answer.body, "recycle_bin")
            action: Literal["insert"] = "insert"
            if answer.status == _SCHEDULED:
                start = len(results)
                results.extend(
                    ElementResult(start + at, ok=True, id=one, action=action, code="SCHEDULED")
                    for at, one in enumerate(some)
                )
                continue
            if rows is None or len(rows) != len(some):
                raise PositionsLost(
                    "recycle_bin.restore: the answer does not match the ids; read them again.",
                    ids=some,
                    operation=call.operation.value,
                )
            start = len(results)
            results.extend(
                element_result(start + at, row, default_action=action, repeated=answer.repeated)
                for at, row in enumerate(rows)
            )
        return results
