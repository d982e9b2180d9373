"""What was tried and what was decided: intents, decisions and parked writes.

``record`` is the one place where a decision becomes true: crosswalk, decision, end of the intent,
parking and outgoing message commit together or not at all.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from bridgework_contracts.codec import decode, encode
from bridgework_contracts.errors import ContractViolation
from bridgework_contracts.ids import MessageId, RunId, TenantId
from bridgework_contracts.writes import WriteRecord
from bridgework_store.errors import translate_errors
from bridgework_store.outbox import OutboxWriter
from bridgework_store.pool import Connection, Pool
from bridgework_store.sealing import TenantSealer
from bridgework_store.statements import Statements

from bridgework_loader.adapters.announcing import Announcer, outcome_id
from bridgework_loader.adapters.crosswalk import Crosswalk
from bridgework_loader.domain.arrivals import Arrival, RecordKey
from bridgework_loader.domain.deciding import Decision


@dataclass(frozen=True, slots=True)
class Intent:
    """A write that may have reached Zoho without our learning of it.

    Attributes:
        opened_at: When we were first about to send it.
        tried_at: When we were last about to send it.
        sent: An update's fields; empty for creations and deletions.
        before: What those fields held before it.
    """

    opened_at: datetime
    tried_at: datetime
    sent: Mapping[str, Any] = field(default_factory=dict, repr=False)
    before: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class NewIntent:
    """A write about to be sent; ``sent`` and ``before`` for updates only."""

    arrival: Arrival
    sent: Mapping[str, Any] | None = field(default=None, repr=False)
    before: Mapping[str, Any] | None = field(default=None, repr=False)


class WriteLedger:
    """One tenant's intents, decisions and parked writes.

    Args:
        sealer: Seals updates on their way and parked writes.
        on_decided: Told of decisions once they are recorded.
        schema: The loader's PostgreSQL schema.
    """

    def __init__(
        self,
        pool: Pool,
        tenant: TenantId,
        sealer: TenantSealer,
        *,
        outbox: OutboxWriter,
        announcer: Announcer,
        crosswalk: Crosswalk,
        schema: str,
        on_decided: Callable[[Sequence[Decision]], None],
    ) -> None:
        self._on_decided = on_decided
        self._pool = pool
        self._tenant = tenant
        self._sealer = sealer
        self._outbox = outbox
        self._announcer = announcer
        self._crosswalk = crosswalk
        self._sql = Statements.load("bridgework_loader", "sql/writes.sql", schema=schema)
        self._parked = Statements.load("bridgework_loader", "sql/parked.sql", schema=schema)

    async def repeat_decided(self, ids: Sequence[MessageId]) -> set[MessageId]:
        """Send again the outcomes of those writes that were decided for good.

        Returns:
            Their ids; nothing more is to be done about them. A parked write counts as decided, a
            refused one does not: somebody may have repaired what was in its way.
        """
        if not ids:
            return set()
        async with self._outbox.transaction(self._pool) as connection:
            rows = await connection.fetch(self._sql.decided, self._tenant, list(ids))
            await self._announcer.add(
                connection,
                [
                    self._announcer.outcome(
                        row["outcome"],
                        log_key=row["log_key"],
                        outcome_id=row["outcome_id"],
                        run_id=row["run_id"],
                        caused_by=row["message_id"],
                    )
                    for row in rows
                ],
            )
        return {MessageId(row["message_id"]) for row in rows}

    async def open_intents(self, ids: Collection[MessageId]) -> dict[MessageId, Intent]:
        """Find those writes that may have reached Zoho already."""
        with translate_errors():
            rows = await self._pool.fetch(self._sql.open_intents, self._tenant, list(ids))
        found: dict[MessageId, Intent] = {}
        for row in rows:
            id_ = MessageId(row["message_id"])
            change: dict[str, Any] = {}
            if row["change"] is not None:
                change = orjson.loads(self._sealer.open(row["change"], _change_context(id_)))
            found[id_] = Intent(
                row["opened_at"],
                row["tried_at"],
                change.get("sent") or {},
                change.get("before") or {},
            )
        return found

    async def open(self, intents: Sequence[NewIntent]) -> None:
        """Note that these writes are about to be sent. One statement, durable on return."""
        with translate_errors():
            await self._pool.execute(
                self._sql.open,
                self._tenant,
                [one.arrival.message_id for one in intents],
                [one.arrival.write.run_id for one in intents],
                [one.arrival.write.module for one in intents],
                [self._seal_change(one) for one in intents],
            )

    async def withdraw(self, ids: Collection[MessageId]) -> None:
        """Forget intents that certainly did not reach Zoho."""
        if ids:
            with translate_errors():
                await self._pool.execute(self._sql.close, self._tenant, list(ids))

    async def open_count(self, module: str) -> int:
        """Count the writes of one module that may have reached Zoho."""
        with translate_errors():
            found: int = await self._pool.fetchval(self._sql.count_open, self._tenant, module)
        return found

    async def record(self, decisions: Sequence[Decision]) -> None:
        """Make decisions true, all in one transaction."""
        async with self._outbox.transaction(self._pool) as connection:
            await self._decide(connection, decisions)
        self._on_decided(decisions)

    async def _decide(self, connection: Connection, decisions: Sequence[Decision]) -> None:
        arrivals = [one.arrival for one in decisions]
        ids = [arrival.message_id for arrival in arrivals]
        runs = [arrival.write.run_id for arrival in arrivals]
        log_keys = [arrival.log_key for arrival in arrivals]
        outcome_ids = [outcome_id(one.outcome, one.arrival.message_id) for one in decisions]
        sealed = [
            self._announcer.seal_outcome(one.outcome, one.arrival.log_key) for one in decisions
        ]
        await self._crosswalk.apply(connection, decisions)
        await connection.execute(
            self._sql.decide,
            self._tenant,
            ids,
            runs,
            outcome_ids,
            log_keys,
            sealed,
            [one.may_be_tried_again for one in decisions],
        )
        await connection.execute(self._sql.close, self._tenant, ids)
        await self._park(connection, [one for one in decisions if one.waits_for is not None])
        done = [one.arrival.message_id for one in decisions if one.waits_for is None]
        if done:
            await connection.execute(self._parked.leave, self._tenant, done)
        await self._announcer.add(
            connection,
            [
                self._announcer.outcome(
                    value, log_key=log_key, outcome_id=own_id, run_id=run_id, caused_by=cause
                )
                for value, log_key, own_id, run_id, cause in zip(
                    sealed, log_keys, outcome_ids, runs, ids, strict=True
                )
            ],
        )

    async def _park(self, connection: Connection, decisions: Sequence[Decision]) -> None:
        waiting = [(one.arrival, one.waits_for) for one in decisions if one.waits_for is not None]
        if not waiting:
            return
        await connection.execute(
            self._parked.park,
            self._tenant,
            [arrival.message_id for arrival, _ in waiting],
            [arrival.write.run_id for arrival, _ in waiting],
            [arrival.write.object for arrival, _ in waiting],
            [arrival.write.key for arrival, _ in waiting],
            [ref.object for _, ref in waiting],
            [ref.key for _, ref in waiting],
            [arrival.log_key for arrival, _ in waiting],
            [
                self._sealer.seal(encode(arrival.write), _parked_context(arrival.message_id))
                for arrival, _ in waiting
            ],
        )

    async def claim_released(self, limit: int, claim_s: float) -> list[Arrival]:
        """Take parked writes whose missing record is in Zoho now, for ``claim_s`` seconds."""
        with translate_errors():
            rows = await self._pool.fetch(self._parked.claim_ready, self._tenant, limit, claim_s)
        return [self._opened(row["message_id"], row["log_key"], row["write"]) for row in rows]

    async def unclaim(self, ids: Collection[MessageId]) -> None:
        """Give claimed writes back unchanged."""
        with translate_errors():
            await self._pool.execute(self._parked.unclaim, self._tenant, list(ids))

    async def forget_parked(self, run_id: RunId) -> None:
        """Drop the parked writes of a run that is cancelled or taken back."""
        with translate_errors():
            await self._pool.execute(self._parked.forget_run, run_id)

    async def supersede_parked(self, arrivals: Sequence[Arrival]) -> set[RecordKey]:
        """Drop older parked writes of the same records.

        Returns:
            Records whose older write is being released at this moment: try them again later.
        """
        arrays = (
            [arrival.write.object for arrival in arrivals],
            [arrival.write.key for arrival in arrivals],
            [arrival.message_id for arrival in arrivals],
        )
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(self._parked.supersede, self._tenant, *arrays)
                rows = await connection.fetch(self._parked.claimed, self._tenant, *arrays)
        return {(row["object"], row["key"]) for row in rows}

    async def waiting(self) -> int:
        """Count parked writes."""
        with translate_errors():
            found: int = await self._pool.fetchval(self._parked.waiting, self._tenant)
        return found

    def _opened(self, id_: str, log_key: bytes | None, sealed: bytes) -> Arrival:
        write = decode(self._sealer.open(sealed, _parked_context(id_)))
        if not isinstance(write, WriteRecord):
            raise ContractViolation("A parked message is no write.", message_id=id_)
        return Arrival(MessageId(id_), log_key, write)

    def _seal_change(self, intent: NewIntent) -> bytes | None:
        if intent.sent is None:
            return None
        plain = orjson.dumps({"sent": intent.sent, "before": intent.before or {}})
        return self._sealer.seal(plain, _change_context(intent.arrival.message_id))


def _change_context(id_: str) -> bytes:
    return f"loader.intents\x00{id_}".encode()


def _parked_context(id_: str) -> bytes:
    return f"loader.parked\x00{id_}".encode()
