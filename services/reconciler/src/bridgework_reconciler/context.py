"""What handlers and work of one tenant share: its run specifications, compiled mappings, topics."""

from collections.abc import Sequence
from functools import lru_cache

from bridgework_contracts.codec import Message, encode, headers_for
from bridgework_contracts.ids import RunId, message_id
from bridgework_contracts.runs import RunSpec
from bridgework_contracts.topics import Subject, topic_name
from bridgework_mapping.compile import Mapper, compile_mapping
from bridgework_mapping.document import MappingDocument
from bridgework_service.runs import RunRegistry
from bridgework_service.tenants import Tenant
from bridgework_store.outbox import OutboxMessage


class TenantContext:
    """One tenant, its runs and how they are mapped."""

    def __init__(self, tenant: Tenant, registry: RunRegistry) -> None:
        self.tenant = tenant
        self.registry = registry
        self._compiled = lru_cache(maxsize=8)(_compile)

    async def spec(self, run_id: str) -> RunSpec:
        """Return a run's specification.

        Raises:
            RunUnknown: ``StartRun`` has not arrived yet.
        """
        return await self.registry.get(RunId(run_id))

    async def runs_of_job(self, job_id: str) -> list[str]:
        """Return the ids of a job's runs."""
        runs = await self.registry.list(tenant_id=self.tenant.tenant_id)
        return [run.spec.run_id for run in runs if run.spec.job_id == job_id]

    def document(self, spec: RunSpec) -> MappingDocument:
        """Return the mapping document of a run."""
        return self._compiled(_Hashable(spec))[0]

    def mapper(self, spec: RunSpec) -> Mapper:
        """Return the compiled mapping of a run."""
        return self._compiled(_Hashable(spec))[1]

    def message(
        self, subject: Subject, key: str, message: Message, *identity: str
    ) -> OutboxMessage:
        """Return a message for the outbox, which seals it."""
        run_id = str(getattr(message, "run_id", ""))
        return OutboxMessage(
            topic_name(self.tenant.tenant_id, subject),
            key.encode(),
            encode(message),
            headers_for(message, message_id(run_id, message.type, *identity), run_id=run_id),
        )

    def progress(self, messages: Sequence[Message], *identity: str) -> list[OutboxMessage]:
        """Return words of progress for the outbox, in order."""
        return [
            self.message(Subject.PROGRESS, str(getattr(m, "run_id", "")), m, *identity)
            for m in messages
        ]


class _Hashable:
    """A run specification that compares by what the mapping depends on."""

    def __init__(self, spec: RunSpec) -> None:
        self.spec = spec
        self._key = (spec.job_id, spec.mapping_hash, spec.run_id)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashable) and other._key == self._key


def _compile(hashable: _Hashable) -> tuple[MappingDocument, Mapper]:
    spec = hashable.spec
    document = MappingDocument.parse(spec.mapping)
    mapper = compile_mapping(
        document,
        live_names=spec.live_names,
        owners=spec.owners,
        fallback_user_id=spec.fallback_user_id,
        practice_timezone=spec.source.practice_timezone,
    )
    return document, mapper
