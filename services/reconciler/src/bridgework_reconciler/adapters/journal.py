"""The journal and its counts in PostgreSQL."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import orjson
from bridgework_contracts.outcomes import FileOutcome, RecordOutcome
from bridgework_eventlog.sealed import Sealer
from bridgework_store.pool import Connection, Pool
from bridgework_store.statements import Statements

from bridgework_reconciler.adapters.sealing import seal_values
from bridgework_reconciler.domain.counting import Counted, Counts, delta

AnyOutcome = RecordOutcome | FileOutcome


class Journal:
    """Outcomes of runs, counted as they come."""

    def __init__(self, pool: Pool, schema: str = "reconciler") -> None:
        self.pool = pool
        self.sql = Statements.load("bridgework_reconciler", "sql/journal.sql", schema=schema)

    async def add(
        self,
        connection: Connection,
        run_id: str,
        outcomes: Sequence[AnyOutcome],
        sealer: Sealer,
    ) -> None:
        """Journal outcomes of one run and adjust its counts.

        Args:
            connection: In a transaction.
            run_id: The run all of them belong to.
            outcomes: In order; of several about one record the last stands.
            sealer: The tenant's.

        Idempotent: yes, the same outcomes again change nothing.
        """
        latest = {(outcome.object, outcome.key): outcome for outcome in outcomes}
        # One order everywhere, so that two batches that share records cannot deadlock.
        ordered = [latest[at] for at in sorted(latest)]
        objects = [outcome.object for outcome in ordered]
        keys = [outcome.key for outcome in ordered]
        rows = await connection.fetch(self.sql.earlier, run_id, objects, keys)
        earlier = {
            (row["object"], row["key"]): Counted(row["outcome"], row["parts"] or {}, row["credits"])
            for row in rows
        }
        await connection.execute(self.sql.put, run_id, objects, keys, *_columns(ordered, sealer))
        change = delta(ordered, earlier)
        if change.records:
            await connection.execute(
                self.sql.tally,
                run_id,
                [at[0] for at in change.records],
                [at[1] for at in change.records],
                list(change.records.values()),
            )
        for who, spent in sorted(change.credits.items()):
            await connection.execute(self.sql.spend, run_id, who, spent)

    async def put_extracted(
        self, connection: Connection, run_id: str, counts: dict[str, tuple[int, int]]
    ) -> None:
        """Note object → (extracted, unchanged) of a run."""
        await connection.execute(
            self.sql.put_extracted,
            run_id,
            list(counts),
            [pair[0] for pair in counts.values()],
            [pair[1] for pair in counts.values()],
        )

    async def counts(self, run_id: str) -> Counts:
        """Return the counts of a run."""
        extracted: dict[str, int] = {}
        unchanged: dict[str, int] = {}
        outcomes: dict[str, dict[str, int]] = {}
        for row in await self.pool.fetch(self.sql.counts, run_id):
            if row["outcome"]:
                outcomes.setdefault(row["object"], {})[row["outcome"]] = row["records"]
            else:
                extracted[row["object"]] = row["records"]
                unchanged[row["object"]] = row["unchanged"]
        return Counts(extracted, unchanged, outcomes)

    async def credits(self, run_id: str) -> float:
        """Return the credits a run has used so far."""
        return float(await self.pool.fetchval(self.sql.credits, run_id))

    async def page(
        self,
        run_id: str,
        object_name: str | None,
        outcome: str | None,
        after: tuple[str, str],
        limit: int,
    ) -> list[asyncpg.Record]:
        """Return outcomes for reading, in (object, key) order."""
        rows: list[asyncpg.Record] = await self.pool.fetch(
            self.sql.page, run_id, object_name, outcome, *after, limit
        )
        return rows


def _columns(outcomes: Sequence[AnyOutcome], sealer: Sealer) -> list[list[Any]]:
    rows = [_row(outcome, sealer) for outcome in outcomes]
    return [list(column) for column in zip(*rows, strict=True)]


def _row(outcome: AnyOutcome, sealer: Sealer) -> tuple[Any, ...]:
    record = outcome if isinstance(outcome, RecordOutcome) else None
    file = outcome if isinstance(outcome, FileOutcome) else None
    return (
        file is not None,
        outcome.outcome.value,
        outcome.effect.value,
        outcome.module,
        outcome.zoho_id,
        file.zoho_parent_id if file else None,
        file.parent.object if file else None,
        file.parent.key if file else None,
        record.merged_into if record else None,
        _json(outcome.reason.model_dump() if outcome.reason else None),
        record.content_hash if record else (file.sha256 or "" if file else ""),
        seal_values(sealer, record) if record else None,
        len(record.conflicts) if record else 0,
        _json(record.parts if record else None),
        _json([one.model_dump() for one in outcome.provenance]),
        _json([one.model_dump() for one in outcome.problems]),
        outcome.credits,
        outcome.decided_by,
    )


def _json(value: Any) -> str | None:
    # As text, cast in the statement: a list inside an array parameter would be taken for a
    # second dimension of the array.
    return orjson.dumps(value).decode() if value else None
