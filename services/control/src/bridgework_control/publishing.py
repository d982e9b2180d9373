"""Commands leave control through its outbox, in order, keyed by what they are about."""

from collections.abc import Sequence

from bridgework_contracts.codec import Command, encode, headers_for
from bridgework_contracts.commands import AuditExport, StartRun
from bridgework_contracts.ids import TenantId, message_id
from bridgework_contracts.topics import Subject, topic_name
from bridgework_store.outbox import OutboxMessage


def command_messages(tenant_id: TenantId, commands: Sequence[Command]) -> list[OutboxMessage]:
    """Return commands as outbox messages; the outbox writer seals them."""
    topic = topic_name(tenant_id, Subject.COMMANDS)
    messages = []
    for command in commands:
        about = _about(command)
        identity = message_id(
            command.type,
            about,
            str(getattr(command, "wave", "")),
            str(getattr(command, "label", "")),
            str(getattr(command, "attempt", "")),
        )
        headers = headers_for(command, identity, run_id=about)
        messages.append(OutboxMessage(topic, about.encode(), encode(command), headers))
    return messages


def _about(command: Command) -> str:
    if isinstance(command, StartRun):
        return command.spec.run_id
    if isinstance(command, AuditExport):
        return command.audit_id
    return command.run_id
