"""Publishing the writes that take a run back, from the journal, waves reversed.

The writes of a wave are published before its count is noted, so a crash in between publishes the
same messages again (same ids, same effect) and never lets a wave settle too early.
"""

from bridgework_contracts.codec import Message, encode, headers_for
from bridgework_contracts.ids import RunId, message_id
from bridgework_contracts.runs import RunSpec
from bridgework_contracts.topics import Subject, topic_name
from bridgework_eventlog.port import NewRecord, Producer
from bridgework_reconciler.adapters.journal import Journal
from bridgework_reconciler.adapters.sealing import open_values
from bridgework_reconciler.context import TenantContext
from bridgework_reconciler.domain.undo import undo_file, undo_write

_PAGE = 500


async def publish_undo(
    context: TenantContext, spec: RunSpec, journal: Journal, producer: Producer
) -> None:
    """Publish an undo write for everything run ``spec.undo_of`` created or changed.

    Args:
        context: The tenant.
        spec: The undo run.
        journal: Where the undone run's outcomes are.
        producer: Seals and appends.
    """
    undone = RunId(spec.undo_of or "")
    counts = {
        row["object"]: row["records"]
        for row in await journal.pool.fetch(journal.sql.undoable_counts, undone)
    }
    for wave in spec.waves:
        for object_name in wave.objects:
            if counts.get(object_name):
                await _publish_object(context, spec, journal, producer, undone, object_name)
        async with journal.pool.acquire() as connection, connection.transaction():
            await journal.put_extracted(
                connection,
                spec.run_id,
                {name: (counts.get(name, 0), 0) for name in wave.objects},
            )


async def _publish_object(
    context: TenantContext,
    spec: RunSpec,
    journal: Journal,
    producer: Producer,
    undone: RunId,
    object_name: str,
) -> None:
    is_record = context.document(spec).object(object_name).kind == "record"
    external_id = context.mapper(spec).external_id_field(object_name) if is_record else None
    after = ""
    while True:
        rows = await journal.pool.fetch(journal.sql.undoable, undone, object_name, after, _PAGE)
        if not rows:
            return
        writes: list[NewRecord] = []
        files: list[NewRecord] = []
        for row in rows:
            if row["is_file"]:
                files.append(_record(spec, undo_file(spec.run_id, dict(row)), row["key"]))
            else:
                values = open_values(
                    context.tenant.sealer, undone, object_name, row["key"], row["values_sealed"]
                )
                write = undo_write(spec.run_id, dict(row), values, external_id)
                writes.append(_record(spec, write, row["key"]))
        tenant_id = context.tenant.tenant_id
        if writes:
            await producer.append(topic_name(tenant_id, Subject.WRITES), writes)
        if files:
            await producer.append(topic_name(tenant_id, Subject.FILES), files)
        after = rows[-1]["key"]


def _record(spec: RunSpec, message: Message, key: str) -> NewRecord:
    # Spread by record: within one undo wave nothing depends on anything else.
    object_name = str(getattr(message, "object", ""))
    identity = message_id(spec.run_id, message.type, object_name, key)
    return NewRecord(
        f"{object_name}:{key}".encode(),
        encode(message),
        headers_for(message, identity, run_id=spec.run_id),
    )
