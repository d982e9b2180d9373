"""What the source says, and where each record lives in Zoho, in PostgreSQL."""

from collections.abc import Iterable, Sequence

from bridgework_contracts.outcomes import LANDED, Effect, FileOutcome, RecordOutcome
from bridgework_contracts.records import FileExtracted, RecordExtracted
from bridgework_eventlog.sealed import Sealer
from bridgework_store.pool import Connection, Pool
from bridgework_store.statements import Statements

from bridgework_reconciler.adapters.sealing import expected_aad


class Truth:
    """Expected records and links of jobs."""

    def __init__(self, pool: Pool, schema: str = "reconciler") -> None:
        self.pool = pool
        self.sql = Statements.load("bridgework_reconciler", "sql/truth.sql", schema=schema)

    async def expect(
        self,
        connection: Connection,
        job_id: str,
        run_id: str,
        records: Sequence[tuple[RecordExtracted | FileExtracted, bytes]],
        sealer: Sealer,
    ) -> None:
        """Keep canonical records with their encoded form; of several of one key the last stands."""
        latest = {(record.object, record.key): (record, raw) for record, raw in records}
        ordered = [latest[at] for at in sorted(latest)]
        await connection.execute(
            self.sql.put_expected,
            job_id,
            run_id,
            [record.object for record, _ in ordered],
            [record.key for record, _ in ordered],
            [record.change == "deleted" for record, _ in ordered],
            [
                sealer.seal(raw, expected_aad(job_id, record.object, record.key))
                for record, raw in ordered
            ],
        )

    async def expected(
        self, job_id: str, object_name: str, keys: Sequence[str], sealer: Sealer
    ) -> dict[str, bytes]:
        """Return key → encoded canonical record, for those that the source still has."""
        rows = await self.pool.fetch(self.sql.expected, job_id, object_name, list(keys))
        return {
            row["key"]: sealer.open(
                row["record_sealed"], expected_aad(job_id, object_name, row["key"])
            )
            for row in rows
            if not row["deleted"]
        }

    async def follow(
        self,
        connection: Connection,
        job_id: str,
        run_id: str,
        outcomes: Iterable[RecordOutcome | FileOutcome],
    ) -> None:
        """Keep links in step with outcomes: records that landed are linked, deleted ones not."""
        here: dict[tuple[str, str], str] = {}
        gone: dict[tuple[str, str], str] = {}
        for outcome in outcomes:
            at = (outcome.object, outcome.key)
            if outcome.effect is Effect.DELETED:
                gone[at] = outcome.zoho_id or ""
                here.pop(at, None)
            elif outcome.zoho_id is not None and outcome.outcome in LANDED:
                here[at] = outcome.zoho_id
                gone.pop(at, None)
        if here:
            ordered = sorted(here)
            await connection.execute(
                self.sql.link,
                job_id,
                run_id,
                [at[0] for at in ordered],
                [at[1] for at in ordered],
                [here[at] for at in ordered],
            )
        if gone:
            left = sorted(gone)
            columns = (
                [at[0] for at in left],
                [at[1] for at in left],
                [gone[at] for at in left],
            )
            # The source's word goes first: which run it came from is told by the link.
            await connection.execute(self.sql.forget_expected, job_id, *columns)
            await connection.execute(self.sql.unlink, job_id, *columns)

    async def zoho_ids(
        self, job_id: str, wanted: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], str]:
        """Return (object, key) → Zoho id of records that are in Zoho."""
        pairs = sorted(set(wanted))
        rows = await self.pool.fetch(
            self.sql.zoho_ids, job_id, [at[0] for at in pairs], [at[1] for at in pairs]
        )
        return {(row["object"], row["key"]): row["zoho_id"] for row in rows}

    async def links(self, job_id: str, object_name: str) -> dict[str, str]:
        """Return key → Zoho id of every record of one object; used for files only."""
        rows = await self.pool.fetch(self.sql.links, job_id, object_name)
        return {row["key"]: row["zoho_id"] for row in rows}

    async def mark_seen(
        self, job_id: str, object_name: str, keys: Sequence[str], comparison: str
    ) -> None:
        """Mark records that a comparison found where they should be."""
        await self.pool.execute(self.sql.mark_seen, job_id, object_name, list(keys), comparison)

    async def unseen(
        self, job_id: str, object_name: str, comparison: str, limit: int, after: str = ""
    ) -> list[tuple[str, str]]:
        """Return (key, Zoho id) of records that should be in Zoho and were not found, by key."""
        rows = await self.pool.fetch(self.sql.unseen, job_id, object_name, comparison, limit, after)
        return [(row["key"], row["zoho_id"]) for row in rows]
