"""What was tried and what was decided about files, in PostgreSQL."""

from collections.abc import Iterable
from dataclasses import dataclass

from bridgework_contracts.codec import decode, encode, headers_for
from bridgework_contracts.ids import MessageId, message_id
from bridgework_contracts.outcomes import Effect, FileOutcome, RecordOutcome
from bridgework_contracts.progress import RunFailed
from bridgework_contracts.topics import Subject, topic_name
from bridgework_service.outbox import ServiceOutbox
from bridgework_service.tenants import Tenant
from bridgework_store.outbox import OutboxMessage
from bridgework_store.pool import Pool
from bridgework_store.statements import Statements

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record is in Zoho."""

    module: str
    zoho_id: str


@dataclass(frozen=True, slots=True)
class Known:
    """A file of ours that is in Zoho."""

    module: str
    zoho_parent_id: str
    zoho_id: str
    sha256: str


class FileLedger:
    """One tenant's parents, files, intents and decisions."""

    def __init__(self, pool: Pool, tenant: Tenant, outbox: ServiceOutbox, sql: Statements) -> None:
        self._pool = pool
        self._tenant = tenant
        self._outbox = outbox
        self._sql = sql

    async def parents(self, keys: Iterable[Key]) -> dict[Key, Place]:
        """Return where parents are; those not in Zoho are absent."""
        pairs = sorted(set(keys))
        rows = await self._pool.fetch(
            self._sql.parents,
            self._tenant.tenant_id,
            [pair[0] for pair in pairs],
            [pair[1] for pair in pairs],
        )
        return {(r["object"], r["key"]): Place(r["module"], r["zoho_id"]) for r in rows}

    async def follow(self, outcomes: Iterable[RecordOutcome]) -> None:
        """Learn from outcomes where parents are, in order."""
        here: dict[Key, Place] = {}
        gone: dict[Key, str] = {}
        for one in outcomes:
            at = (one.object, one.key)
            if one.effect is Effect.DELETED and one.zoho_id is not None:
                here.pop(at, None)
                gone[at] = one.zoho_id
            elif one.zoho_id is not None and one.module is not None:
                here[at] = Place(one.module, one.zoho_id)
                gone.pop(at, None)
        tenant_id = self._tenant.tenant_id
        async with self._pool.acquire() as connection, connection.transaction():
            if gone:
                ordered = sorted(gone)
                await connection.execute(
                    self._sql.drop_parents,
                    tenant_id,
                    [at[0] for at in ordered],
                    [at[1] for at in ordered],
                    [gone[at] for at in ordered],
                )
            if here:
                ordered = sorted(here)
                await connection.execute(
                    self._sql.put_parents,
                    tenant_id,
                    [at[0] for at in ordered],
                    [at[1] for at in ordered],
                    [here[at].module for at in ordered],
                    [here[at].zoho_id for at in ordered],
                )

    async def known(self, object_name: str, key: str) -> Known | None:
        """Return the file of this key that is in Zoho."""
        row = await self._pool.fetchrow(self._sql.file, self._tenant.tenant_id, object_name, key)
        return Known(**dict(row)) if row is not None else None

    async def known_ids(self, zoho_parent_id: str) -> set[str]:
        """Return the attachments of one parent that we know."""
        rows = await self._pool.fetch(self._sql.known_ids, self._tenant.tenant_id, zoho_parent_id)
        return {row["zoho_id"] for row in rows}

    async def open_intent(self, identity: MessageId) -> bool:
        """Note an upload about to be sent; return whether one was noted before."""
        tenant_id = self._tenant.tenant_id
        before = await self._pool.fetchval(self._sql.has_intent, tenant_id, identity)
        await self._pool.execute(self._sql.open_intent, tenant_id, identity)
        return before is not None

    async def withdraw(self, identity: MessageId) -> None:
        """Forget an intent that certainly did not reach Zoho."""
        await self._pool.execute(self._sql.close_intent, self._tenant.tenant_id, identity)

    async def repeat(self, identity: MessageId, log_key: bytes | None) -> bool:
        """Send a message's earlier outcome again; return whether there was one."""
        blob = await self._pool.fetchval(self._sql.decided, self._tenant.tenant_id, identity)
        if blob is None:
            return False
        outcome = decode(self._tenant.sealer.open(blob, _aad(identity)))
        if isinstance(outcome, FileOutcome):
            async with self._outbox.transaction() as connection:
                await self._outbox.add_many(connection, [self._message(outcome, identity, log_key)])
        return True

    async def record(
        self, identity: MessageId, log_key: bytes | None, outcome: FileOutcome
    ) -> None:
        """Make a decision true: file, decision, end of the intent and outcome in one transaction."""
        tenant_id = self._tenant.tenant_id
        sealed = self._tenant.sealer.seal(encode(outcome), _aad(identity))
        async with self._outbox.transaction() as connection:
            if outcome.effect in {Effect.CREATED, Effect.CHANGED}:
                await connection.execute(
                    self._sql.put_file,
                    tenant_id,
                    outcome.object,
                    outcome.key,
                    outcome.module,
                    outcome.zoho_parent_id,
                    outcome.zoho_id,
                    outcome.sha256 or "",
                    outcome.run_id,
                )
            elif outcome.effect is Effect.DELETED:
                await connection.execute(
                    self._sql.drop_file, tenant_id, outcome.object, outcome.key
                )
            await connection.execute(self._sql.decide, tenant_id, identity, sealed)
            await connection.execute(self._sql.close_intent, tenant_id, identity)
            await self._outbox.add_many(connection, [self._message(outcome, identity, log_key)])

    async def say(self, message: RunFailed) -> None:
        """Tell control that a run cannot go on."""
        key = message.run_id.encode()
        identity = message_id(message.run_id, message.type, message.service, message.code)
        async with self._outbox.transaction() as connection:
            await self._outbox.add(
                connection,
                topic_name(self._tenant.tenant_id, Subject.PROGRESS),
                key,
                encode(message),
                headers_for(message, identity, run_id=message.run_id),
            )

    def _message(
        self, outcome: FileOutcome, cause: MessageId, log_key: bytes | None
    ) -> OutboxMessage:
        identity = message_id(
            outcome.run_id, outcome.type, outcome.object, outcome.key, outcome.outcome, cause
        )
        return OutboxMessage(
            topic_name(self._tenant.tenant_id, Subject.OUTCOMES),
            log_key,
            encode(outcome),
            headers_for(outcome, identity, run_id=outcome.run_id, caused_by=cause),
        )


def _aad(identity: MessageId) -> bytes:
    return f"rehoster.decisions:{identity}".encode()
