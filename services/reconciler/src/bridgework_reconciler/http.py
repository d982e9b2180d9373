"""The reconciler's internal port: record-level outcomes for the job API (ADR 4)."""

from typing import Annotated, Any

from fastapi import FastAPI, Query

from bridgework_reconciler.adapters.journal import Journal


def build_http(journal: Journal) -> FastAPI:
    """Return the internal API over the journal; not reachable from outside the cluster."""
    app = FastAPI(title="Bridgework reconciler, internal", version="1")

    @app.get("/internal/runs/{run_id}/records")
    async def records(
        run_id: str,
        object_name: Annotated[str | None, Query(alias="object")] = None,
        outcome: str | None = None,
        after_object: str = "",
        after_key: str = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[dict[str, Any]]:
        rows = await journal.page(run_id, object_name, outcome, (after_object, after_key), limit)
        return [dict(row) for row in rows]

    return app
