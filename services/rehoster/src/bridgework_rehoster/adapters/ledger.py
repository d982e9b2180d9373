"""What was tried and what was decided about files, and where their parents are.

``record`` is the one place where a decision becomes true: file, decision, end of the intent,
parking and outgoing message commit together or not at all.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

from bridgework_contracts.codec import decode, encode, headers_for
from bridgework_contracts.errors import ContractViolation
from bridgework_contracts.ids import MessageId, RunId, message_id
from bridgework_contracts.outcomes import LANDED, Effect, FileOutcome, Outcome, RecordOutcome
from bridgework_contracts.records import FileExtracted
from bridgework_contracts.topics import Subject, topic_name
from bridgework_service.outbox import ServiceOutbox
from bridgework_service.tenants import Tenant
from bridgework_store.errors import translate_errors
from bridgework_store.outbox import OutboxMessage
from bridgework_store.pool import Connection, Pool
from bridgework_store.statements import Statements

from bridgework_rehoster.domain.deciding import is_gone, may_be_tried_again
from bridgework_rehoster.domain.moves import Hosted, Intent, Move, Place, RecordKey

_PACKAGE = "bridgework_rehoster"


class FileLedger:
    """One tenant's parents, files, intents, decisions and parked messages.

    Args:
        on_decided: Told of a decision once it is recorded.
        schema: The rehoster's PostgreSQL schema.
    """

    def __init__(
        self,
        pool: Pool,
        tenant: Tenant,
        outbox: ServiceOutbox,
        *,
        schema: str,
        on_decided: Callable[[FileOutcome], None],
    ) -> None:
        self._pool = pool
        self._tenant_id = tenant.tenant_id
        self._sealer = tenant.sealer
        self._outbox = outbox
        self._on_decided = on_decided
        self._parents = Statements.load(_PACKAGE, "sql/parents.sql", schema=schema)
        self._files = Statements.load(_PACKAGE, "sql/files.sql", schema=schema)
        self._parked = Statements.load(_PACKAGE, "sql/parked.sql", schema=schema)

    # ---- parents ----------------------------------------------------------------------------

    async def parents(self, keys: Collection[RecordKey]) -> dict[RecordKey, Place]:
        """Find where parents are; those not in Zoho are absent. One query."""
        if not keys:
            return {}
        pairs = list(keys)
        with translate_errors():
            rows = await self._pool.fetch(
                self._parents.find,
                self._tenant_id,
                [pair[0] for pair in pairs],
                [pair[1] for pair in pairs],
            )
        return {(r["object"], r["key"]): Place(r["module"], r["zoho_id"]) for r in rows}

    async def follow(self, outcomes: Iterable[RecordOutcome]) -> None:
        """Learn from outcomes, in order, where parents are."""
        here: dict[RecordKey, Place] = {}
        gone: dict[RecordKey, str] = {}
        for one in outcomes:
            at = (one.object, one.key)
            if one.zoho_id is None:
                continue
            if is_gone(one):
                here.pop(at, None)
                gone[at] = one.zoho_id
            elif one.module is not None and one.outcome in LANDED:
                here[at] = Place(one.module, one.zoho_id)
        # Sorted, so that two processes never lock the same rows in different orders.
        gone_keys, here_keys = sorted(gone), sorted(here)
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                if gone_keys:
                    await connection.execute(
                        self._parents.drop,
                        self._tenant_id,
                        [at[0] for at in gone_keys],
                        [at[1] for at in gone_keys],
                        [gone[at] for at in gone_keys],
                    )
                if here_keys:
                    await connection.execute(
                        self._parents.put,
                        self._tenant_id,
                        [at[0] for at in here_keys],
                        [at[1] for at in here_keys],
                        [here[at].module for at in here_keys],
                        [here[at].zoho_id for at in here_keys],
                    )

    # ---- files and intents ------------------------------------------------------------------

    async def hosted(self, object_name: str, key: str) -> Hosted | None:
        """Find the attachment we made of a file."""
        with translate_errors():
            row = await self._pool.fetchrow(self._files.find, self._tenant_id, object_name, key)
        return Hosted(**dict(row)) if row is not None else None

    async def others_of_ours(self, zoho_parent_id: str, file: FileExtracted) -> set[str]:
        """Name the attachments of a record that other files of ours are."""
        with translate_errors():
            rows = await self._pool.fetch(
                self._files.ours_at, self._tenant_id, zoho_parent_id, file.object, file.key
            )
        return {row["zoho_id"] for row in rows}

    async def intent(self, id_: MessageId) -> Intent | None:
        """Find an upload or deletion that may have reached Zoho already."""
        with translate_errors():
            row = await self._pool.fetchrow(self._files.intent, self._tenant_id, id_)
        return Intent(row["opened_at"], row["tried_at"]) if row is not None else None

    async def open_intent(self, id_: MessageId) -> None:
        """Note that an upload or deletion is about to be sent; durable on return."""
        with translate_errors():
            await self._pool.execute(self._files.open, self._tenant_id, id_)

    async def withdraw(self, id_: MessageId) -> None:
        """Forget an intent that certainly did not reach Zoho."""
        with translate_errors():
            await self._pool.execute(self._files.close, self._tenant_id, id_)

    # ---- decisions --------------------------------------------------------------------------

    async def repeat_decided(self, moves: Sequence[Move]) -> set[MessageId]:
        """Send again the outcomes of messages that were decided for good; return their ids."""
        by_id = {move.message_id: move for move in moves}
        if not by_id:
            return set()
        async with self._outbox.transaction() as connection:
            rows = await connection.fetch(self._files.decided, self._tenant_id, list(by_id))
            messages = [
                self._message(
                    self._opened(row["outcome"], row["message_id"]), by_id[row["message_id"]]
                )
                for row in rows
            ]
            await self._outbox.add_many(connection, messages)
        return {MessageId(row["message_id"]) for row in rows}

    async def record(self, move: Move, outcome: FileOutcome) -> None:
        """Make a decision true, all in one transaction."""
        id_ = move.message_id
        sealed = self._sealer.seal(encode(outcome), _decision_context(id_))
        async with self._outbox.transaction() as connection:
            await self._keep_file(connection, move, outcome)
            await connection.execute(
                self._files.decide, self._tenant_id, id_, sealed, may_be_tried_again(outcome)
            )
            await connection.execute(self._files.close, self._tenant_id, id_)
            if _waits_for_parent(outcome):
                await connection.execute(
                    self._parked.park,
                    self._tenant_id,
                    id_,
                    move.file.run_id,
                    *move.parent_key,
                    move.log_key,
                    self._sealer.seal(encode(move.file), _parked_context(id_)),
                )
            else:
                await connection.execute(self._parked.leave, self._tenant_id, id_)
            await self._outbox.add_many(connection, [self._message(outcome, move)])
        self._on_decided(outcome)

    async def _keep_file(self, connection: Connection, move: Move, outcome: FileOutcome) -> None:
        if outcome.effect in {Effect.CREATED, Effect.CHANGED}:
            await connection.execute(
                self._files.put,
                self._tenant_id,
                outcome.object,
                outcome.key,
                outcome.module,
                outcome.zoho_parent_id,
                outcome.zoho_id,
                outcome.sha256 or "",
                outcome.size_bytes,
                outcome.run_id,
            )
        elif move.file.op == "delete" and outcome.outcome in LANDED:
            # Deleted by us now, or found gone.
            await connection.execute(
                self._files.drop, self._tenant_id, outcome.object, outcome.key, outcome.zoho_id
            )

    # ---- parked -----------------------------------------------------------------------------

    async def claim_released(self, limit: int, claim_s: float) -> list[Move]:
        """Take parked files whose parent is in Zoho now, for ``claim_s`` seconds."""
        with translate_errors():
            rows = await self._pool.fetch(self._parked.claim_ready, self._tenant_id, limit, claim_s)
        moves = []
        for row in rows:
            id_ = MessageId(row["message_id"])
            message = decode(self._sealer.open(row["message"], _parked_context(id_)))
            if not isinstance(message, FileExtracted):
                raise ContractViolation("A parked message is no file.", message_id=id_)
            moves.append(Move(id_, row["log_key"], message))
        return moves

    async def unclaim(self, moves: Sequence[Move]) -> None:
        """Give claimed files back unchanged."""
        with translate_errors():
            await self._pool.execute(
                self._parked.unclaim, self._tenant_id, [move.message_id for move in moves]
            )

    async def forget_parked(self, run_id: RunId) -> None:
        """Drop the parked files of a run that is cancelled or taken back."""
        with translate_errors():
            await self._pool.execute(self._parked.forget_run, run_id)

    def _message(self, outcome: FileOutcome, move: Move) -> OutboxMessage:
        identity = message_id(
            outcome.run_id,
            outcome.type,
            outcome.object,
            outcome.key,
            outcome.outcome.value,
            move.message_id,
        )
        return OutboxMessage(
            topic_name(self._tenant_id, Subject.OUTCOMES),
            move.log_key,
            encode(outcome),
            headers_for(outcome, identity, run_id=outcome.run_id, caused_by=move.message_id),
        )

    def _opened(self, sealed: bytes, id_: str) -> FileOutcome:
        outcome = decode(self._sealer.open(sealed, _decision_context(id_)))
        if not isinstance(outcome, FileOutcome):
            raise ContractViolation("A stored decision is no outcome of a file.", message_id=id_)
        return outcome


def _waits_for_parent(outcome: FileOutcome) -> bool:
    reason = outcome.reason
    return (
        outcome.outcome is Outcome.PARKED and reason is not None and reason.code == "parent_missing"
    )


def _decision_context(id_: str) -> bytes:
    return f"rehoster.decisions\x00{id_}".encode()


def _parked_context(id_: str) -> bytes:
    return f"rehoster.parked\x00{id_}".encode()
