"""``records`` → ``writes`` and ``outcomes``. Keeps nothing: effect is the append itself."""

from functools import lru_cache

from bridgework_contracts.codec import Message, encode, headers_for
from bridgework_contracts.commands import StartRun
from bridgework_contracts.ids import RunId, message_id
from bridgework_contracts.records import RecordExtracted
from bridgework_contracts.runs import RunSpec
from bridgework_contracts.topics import Subject, topic_name
from bridgework_contracts.writes import WriteRecord
from bridgework_eventlog.loop import Batch, Hold
from bridgework_eventlog.port import NewRecord, Producer
from bridgework_mapping.compile import Mapper, compile_mapping
from bridgework_mapping.document import MappingDocument
from bridgework_service.runs import RunRegistry, RunUnknown
from bridgework_service.tenants import Tenant

from bridgework_transformer.domain import transform


class CommandsHandler:
    """``commands``: remembers the runs."""

    def __init__(self, registry: RunRegistry) -> None:
        self._registry = registry

    async def handle(self, batch: Batch) -> None:
        """Keep the specification of every new run."""
        for delivery in batch:
            if isinstance(delivery.message, StartRun):
                await self._registry.put(delivery.message.spec)


class RecordsHandler:
    """``records`` of one tenant.

    Args:
        tenant: Whose.
        registry: Specifications of runs.
        producer: Seals and appends; returns when durable.
    """

    def __init__(self, tenant: Tenant, registry: RunRegistry, producer: Producer) -> None:
        self._tenant = tenant
        self._registry = registry
        self._producer = producer
        self._mappers = lru_cache(maxsize=4)(_Compiled)

    async def handle(self, batch: Batch) -> None:
        """Append one write or outcome per record, in the batch's order.

        A crash between append and commit appends the same messages again: their ids are derived
        from the record, so the loader and the reconciler recognise them.
        """
        writes: list[NewRecord] = []
        outcomes: list[NewRecord] = []
        held: Hold | None = None
        for index, delivery in enumerate(batch):
            record = delivery.message
            if not isinstance(record, RecordExtracted):
                continue
            try:
                mapper = await self._mapper(record.run_id)
            except RunUnknown:
                # StartRun travels on another topic and may be behind; nothing is wrong yet.
                held = Hold(index, "run_unknown")
                break
            made = transform(record, mapper)
            kept = writes if isinstance(made, WriteRecord) else outcomes
            kept.append(_new_record(made, record, delivery.record.key))
        tenant_id = self._tenant.tenant_id
        if writes:
            await self._producer.append(topic_name(tenant_id, Subject.WRITES), writes)
        if outcomes:
            await self._producer.append(topic_name(tenant_id, Subject.OUTCOMES), outcomes)
        if held is not None:
            raise held

    async def _mapper(self, run_id: RunId) -> Mapper:
        spec = await self._registry.get(run_id)
        return self._mappers(_Key(spec)).mapper


class _Key:
    """A run specification as a cache key: equal where the compiled mapping would be equal."""

    def __init__(self, spec: RunSpec) -> None:
        self.spec = spec

    def __hash__(self) -> int:
        return hash(self.spec.run_id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.spec.run_id == self.spec.run_id


class _Compiled:
    def __init__(self, key: _Key) -> None:
        spec = key.spec
        self.mapper = compile_mapping(
            MappingDocument.parse(spec.mapping),
            live_names=spec.live_names,
            owners=spec.owners,
            fallback_user_id=spec.fallback_user_id,
            practice_timezone=spec.source.practice_timezone,
        )


def _new_record(message: Message, record: RecordExtracted, key: bytes | None) -> NewRecord:
    identity = message_id(
        record.run_id, message.type, record.object, record.key, record.content_hash
    )
    return NewRecord(key, encode(message), headers_for(message, identity, run_id=record.run_id))
