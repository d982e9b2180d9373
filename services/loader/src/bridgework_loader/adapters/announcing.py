"""Our messages on their way out: sealed as the event log wants them, then owed by the outbox."""

from collections.abc import Sequence

from bridgework_contracts.codec import encode
from bridgework_contracts.ids import MessageId, RunId, TenantId, message_id
from bridgework_contracts.outcomes import RecordOutcome
from bridgework_contracts.topics import Subject, topic_name
from bridgework_eventlog.sealed import associated_data
from bridgework_store.outbox import OutboxMessage, OutboxWriter
from bridgework_store.pool import Connection
from bridgework_store.sealing import TenantSealer


class Announcer:
    """Puts one tenant's outcomes into the outbox."""

    def __init__(self, outbox: OutboxWriter, tenant: TenantId, sealer: TenantSealer) -> None:
        self._outbox = outbox
        self._sealer = sealer
        self._outcomes = topic_name(tenant, Subject.OUTCOMES)

    def seal_outcome(self, outcome: RecordOutcome, log_key: bytes | None) -> bytes:
        """Return an outcome as the topic carries it."""
        return self._sealer.seal(encode(outcome), associated_data(self._outcomes, log_key))

    def outcome(
        self,
        sealed: bytes,
        *,
        log_key: bytes | None,
        outcome_id: str,
        run_id: str,
        caused_by: str,
    ) -> OutboxMessage:
        """Address a sealed outcome."""
        headers = {
            "type": "RecordOutcome",
            "message_id": outcome_id,
            "correlation_id": run_id,
            "causation_id": caused_by,
        }
        return OutboxMessage(self._outcomes, log_key, sealed, headers)

    async def add(self, connection: Connection, messages: Sequence[OutboxMessage]) -> None:
        """Owe the event log some messages, within the caller's transaction."""
        await self._outbox.add_many(connection, messages)


def outcome_id(outcome: RecordOutcome, caused_by: MessageId) -> MessageId:
    """Derive the id of an outcome: equal whenever the same write ends the same way."""
    return message_id(
        RunId(outcome.run_id),
        outcome.type,
        outcome.object,
        outcome.key,
        outcome.outcome.value,
        caused_by,
    )
