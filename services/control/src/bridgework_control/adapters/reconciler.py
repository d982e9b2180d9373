"""Record-level outcomes, read from the reconciler's internal HTTP port (ADR 4)."""

from typing import Any

import httpx
from bridgework_contracts.errors import StoreUnavailable
from bridgework_contracts.outcomes import Outcome


class ReconcilerClient:
    """Pages of the journal.

    Args:
        base_url: The reconciler's internal port.
        http: Shared client; its timeout bounds every call.
    """

    def __init__(self, base_url: str, http: httpx.AsyncClient) -> None:
        self._base_url = base_url.rstrip("/")
        self._http = http

    async def records(
        self,
        run_id: str,
        *,
        object_name: str | None,
        outcome: Outcome | None,
        after: tuple[str, str],
        limit: int,
    ) -> list[dict[str, Any]]:
        """Return up to ``limit`` outcomes after (object, key), in that order.

        Raises:
            StoreUnavailable: the reconciler does not answer.
        """
        params = {"after_object": after[0], "after_key": after[1], "limit": str(limit)}
        if object_name is not None:
            params["object"] = object_name
        if outcome is not None:
            params["outcome"] = outcome.value
        try:
            answer = await self._http.get(
                f"{self._base_url}/internal/runs/{run_id}/records", params=params
            )
            answer.raise_for_status()
        except httpx.HTTPError as exc:
            raise StoreUnavailable(
                "The reconciler does not answer; try again.", code="reconciler_unavailable"
            ) from exc
        rows: list[dict[str, Any]] = answer.json()
        return rows
