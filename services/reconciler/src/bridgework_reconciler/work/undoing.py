"""Publishing the writes that take a run back, from the journal, waves reversed.

The writes of a wave are published before its count is noted, so a crash in between publishes the
same messages again (same ids, same effect) and never lets a wave settle too early.
"""

from collections.abc import Mapping
from typing import Any

from bridgework_contracts.codec import Message, encode, headers_for
from bridgework_contracts.ids import RunId, message_id
from bridgework_contracts.runs import RunSpec
from bridgework_contracts.topics import Subject, topic_name
from bridgework_eventlog.port import NewRecord, Producer

from bridgework_reconciler.adapters.journal import Journal
from bridgework_reconciler.adapters.sealing import open_values
from bridgework_reconciler.context import TenantContext
from bridgework_reconciler.domain.undo import undo_file, undo_write

_PAGE = 4000


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
        writes: list[tuple[str, NewRecord]] = []
        files: list[NewRecord] = []
        for row in rows:
            if row["is_file"]:
                file = undo_file(spec.run_id, dict(row))
                together = row["zoho_parent_id"] or row["key"]
                files.append(_record(spec, file, row["key"], together))
            else:
                values = open_values(
                    context.tenant.sealer, undone, object_name, row["key"], row["values_sealed"]
                )
                write = undo_write(spec.run_id, dict(row), values, external_id)
                together = _parent_of(values) or f"{object_name}:{row['key']}"
                writes.append((together, _record(spec, write, row["key"], together)))
        tenant_id = context.tenant.tenant_id
        if writes:
            # Zoho lists notes by their parent only: notes of one parent go side by side, so that
            # the loader reads each parent once.
            writes.sort(key=lambda pair: pair[0])
            topic = topic_name(tenant_id, Subject.WRITES)
            await producer.append(topic, [record for _, record in writes])
        if files:
            await producer.append(topic_name(tenant_id, Subject.FILES), files)
        after = rows[-1]["key"]


def _parent_of(values: Mapping[str, Any]) -> str | None:
    """Return the Zoho id of the record a note hangs on; ``None`` for other records."""
    parent = (values.get("sent") or {}).get("Parent_Id")
    return str(parent["id"]) if isinstance(parent, dict) and "id" in parent else None


def _record(spec: RunSpec, message: Message, key: str, together: str) -> NewRecord:
    # Within one undo wave nothing depends on anything else, so any spread would do.
    object_name = str(getattr(message, "object", ""))
    identity = message_id(spec.run_id, message.type, object_name, key)
    return NewRecord(
        together.encode(), encode(message), headers_for(message, identity, run_id=spec.run_id)
    )
