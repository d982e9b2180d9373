"""One run's extraction: seal, walk the canonical records in wave order, publish, count.

Everything here may be done again after a crash: message ids follow from content, so what was
published before is recognised by whoever reads it.
"""

import asyncio
import base64
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from bridgework_audit.quarantine import QuarantineCollector
from bridgework_contracts.codec import Message, encode, headers_for
from bridgework_contracts.ids import TenantId, message_id
from bridgework_contracts.outcomes import Outcome, RecordOutcome
from bridgework_contracts.records import (
    Change,
    FileExtracted,
    ObjectExtracted,
    ParentRef,
    RecordExtracted,
)
from bridgework_contracts.runs import RunSpec, SampleSpec
from bridgework_contracts.topics import Subject, topic_name
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.records import CanonicalFile, CanonicalRecord, Decided
from bridgework_eventlog.port import NewRecord, Producer

from bridgework_extractor import long_notes
from bridgework_extractor.hashes import BaseHashes, HashWriter
from bridgework_extractor.kept_files import KeptFiles
from bridgework_extractor.sampling import PLAN, ClosedWorld

T = TypeVar("T")
SERVICE = "extractor"
FILE_OBJECTS = ("document", "note_image")
_LONG_NOTES = 50
_STRANDED = "~"
"""Before the hash of a record whose parent is not there: it differs once the parent has come."""


class RunDropped(Exception):
    """The run was cancelled: nobody wants the rest of its records."""


async def always() -> bool:
    """Want everything."""
    return True


class Extraction:
    """Publishes one run's records.

    Args:
        tenant_id: Whose topics.
        spec: The run.
        source: Canonical records of the sealed snapshot.
        hashes: Keeps what the snapshot holds for later deltas; closed at the end.
        files: Keeps the files the export does not keep for us.
        base: Hashes of the base snapshot in a delta.
        producer: Seals and appends.
        batch: Records appended at once.
        inline_bytes: Smaller pictures travel inside their message.
        quarantine: Looks at everything that passes where a whole export is read.
        wanted: Asked before each batch whether the run still goes on.
    """

    def __init__(
        self,
        *,
        tenant_id: TenantId,
        spec: RunSpec,
        source: CanonicalSource,
        hashes: HashWriter,
        files: KeptFiles,
        base: BaseHashes | None,
        producer: Producer,
        batch: int,
        inline_bytes: int,
        quarantine: QuarantineCollector | None = None,
        wanted: Callable[[], Awaitable[bool]] = always,
    ) -> None:
        self._tenant_id = tenant_id
        self._spec = spec
        self._source = source
        self._hashes = hashes
        self._kept = files
        self._base = base
        self._producer = producer
        self._batch = batch
        self._inline_bytes = inline_bytes
        self._quarantine = quarantine
        self._wanted = wanted
        self._world: ClosedWorld | None = None
        self._long_notes: list[str] = []
        self._extracted: Counter[str] = Counter()
        self._unchanged: Counter[str] = Counter()

    async def run(self) -> dict[str, int]:
        """Publish everything; return object → records extracted.

        Returns:
            Counts as published in ``ObjectExtracted``: in a full run and a delta they are counted
            by the source itself, independently of what was published.

        Raises:
            RunDropped: it was cancelled meanwhile.
        """
        spec, source = self._spec, self._source
        if spec.sample is not None:
            self._world = await asyncio.to_thread(self._draw, spec.sample)
        whole = self._world is None
        if whole:
            self._extracted.update(await asyncio.to_thread(source.counts))
            await self._publish(Subject.OUTCOMES, self._decided(source.decided()))
        for object_name in self._in_wave_order():
            await self._publish(Subject.RECORDS, self._records(source.records(object_name)))
            await self._deleted(object_name)
            await self._counted([object_name])
        for object_name in FILE_OBJECTS:
            await self._publish(Subject.FILES, self._files(source.files(object_name)))
            if object_name == long_notes.FILE_OBJECT:
                await self._publish(Subject.FILES, self._files(self._full_texts()))
            await self._deleted(object_name)
            await self._counted([object_name])
        await asyncio.to_thread(self._hashes.close)
        # Parts, and objects of the plan without a record, which count nought.
        named = {name for wave in spec.waves for name in wave.objects}
        said = {*source.objects(), *FILE_OBJECTS}
        await self._counted(sorted((named | set(self._extracted)) - said))
        return dict(self._extracted)

    def _draw(self, sample: SampleSpec) -> ClosedWorld:
        rare = self._source.rare_patients(seed=sample.seed)
        return ClosedWorld(self._source.records(PLAN), sample, rare)

    def _in_wave_order(self) -> list[str]:
        """Return the source's record objects by the run's waves.

        A loader holds a partition at the first record of a closed wave, so no record of a later
        wave may stand before one of an earlier wave.
        """
        wave_of = {name: wave.index for wave in self._spec.waves for name in wave.objects}
        last = len(self._spec.waves) + 1
        return sorted(self._source.objects(), key=lambda name: wave_of.get(name, last))

    async def _publish(self, subject: Subject, records: Iterator[NewRecord]) -> None:
        """Append what the iterator gives, which does its work in a thread, batch by batch."""
        topic = topic_name(self._tenant_id, subject)
        while batch := await asyncio.to_thread(_take, records, self._batch):
            if not await self._wanted():
                raise RunDropped
            await self._producer.append(topic, batch)

    def _records(self, records: Iterable[CanonicalRecord]) -> Iterator[NewRecord]:
        for record in records:
            if self._world is not None:
                if not self._world.keeps(record):
                    continue
                self._extracted[record.object] += 1
                self._extracted.update(record.parts)
            stranded = self._quarantine is not None and self._quarantine.record(record)
            if long_notes.is_long(record):
                self._long_notes.append(record.key)
                if self._world is None:
                    self._extracted[long_notes.FILE_OBJECT] += 1
            change = self._change(
                record.object,
                record.key,
                record.content_hash,
                record.partition_key,
                stranded=stranded,
            )
            if change is None:
                self._unchanged[record.object] += 1
                self._unchanged.update(record.parts)
                continue
            yield self._new(
                RecordExtracted(
                    run_id=self._spec.run_id,
                    object=record.object,
                    key=record.key,
                    change=change,
                    content_hash=record.content_hash,
                    fields=record.fields,
                    parts=record.parts,
                    provenance=record.provenance,
                    problems=record.problems,
                ),
                record.partition_key,
                record.key,
                record.content_hash,
            )

    def _change(
        self, object_name: str, key: str, content_hash: str, partition_key: str, *, stranded: bool
    ) -> Change | None:
        """Keep a record's hash; return how it differs from the base, ``None`` where it does not.

        A stranded record is not in Zoho, so it never counts as unchanged: it travels again, under
        this run, whose undo then takes it back if its parent has come.
        """
        told = f"{_STRANDED}{content_hash}" if stranded else content_hash
        self._hashes.add(object_name, key, told, partition_key)
        if self._base is None:
            return Change.NEW
        before = self._base.take(object_name, key)
        if before is None:
            return Change.NEW
        return None if before == told and not stranded else Change.CHANGED

    def _decided(self, decided: Iterable[Decided]) -> Iterator[NewRecord]:
        for one in decided:
            if self._quarantine is not None:
                self._quarantine.decided(one)
            if self._base is not None:
                self._base.take(one.object, one.key)  # settled here: not gone as well
            outcome = RecordOutcome(
                run_id=self._spec.run_id,
                object=one.object,
                key=one.key,
                outcome=Outcome(one.outcome),
                merged_into=one.merged_into,
                reason=one.reason,
                provenance=one.provenance,
                problems=one.problems,
                decided_by=SERVICE,
            )
            yield self._new(outcome, f"{one.object}:{one.key}", one.key, one.outcome)

    def _files(self, files: Iterable[CanonicalFile]) -> Iterator[NewRecord]:
        for file in files:
            record = self._new_file(file)
            if file.temporary and file.path is not None:
                Path(file.path).unlink(missing_ok=True)
            if record is not None:
                yield record

    def _new_file(self, file: CanonicalFile) -> NewRecord | None:
        if self._world is not None:
            if not self._world.keeps_file(file):
                return None
            self._extracted[file.object] += 1
        stranded = self._quarantine is not None and self._quarantine.file(file)
        change = self._change(
            file.object, file.key, file.content_hash, file.partition_key, stranded=stranded
        )
        if change is None:
            self._unchanged[file.object] += 1
            return None
        return self._new(self._file(file, change), file.partition_key, file.key, file.content_hash)

    def _full_texts(self) -> Iterator[CanonicalFile]:
        """Yield the files of notes that were too long, read again a few at a time."""
        keys = iter(self._long_notes)
        while some := set(islice(keys, _LONG_NOTES)):
            for record in self._source.records(long_notes.NOTE, keys=some):
                yield long_notes.full_text(record)

    def _file(self, file: CanonicalFile, change: Change) -> FileExtracted:
        path, content_b64, sealed = file.path, None, False
        if file.content is not None and len(file.content) <= self._inline_bytes:
            content_b64 = base64.b64encode(file.content).decode()
        elif file.content is not None or file.temporary:
            path, sealed = str(self._kept.keep(file)), True
        return FileExtracted(
            run_id=self._spec.run_id,
            object=file.object,
            key=file.key,
            change=change,
            parent=ParentRef(object=file.parent_object, key=file.parent_key or ""),
            name=file.name,
            mime=file.mime,
            size_bytes=file.size_bytes,
            sha256=None if file.state == "missing" else file.sha256,
            path=path,
            sealed=sealed,
            content_b64=content_b64,
            missing_reason="file_missing" if file.state == "missing" else None,
            provenance=file.provenance,
            problems=file.problems,
        )

    async def _deleted(self, object_name: str) -> None:
        if self._base is None:
            return
        gone: list[NewRecord] = []
        for key, content_hash, partition_key in self._base.deleted(object_name):
            self._extracted[object_name] += 1
            message: Message
            if object_name in FILE_OBJECTS:
                message = FileExtracted(
                    run_id=self._spec.run_id,
                    object=object_name,
                    key=key,
                    change=Change.DELETED,
                    parent=ParentRef(object="patient", key=""),
                    name="",
                    mime="",
                    size_bytes=0,
                    sha256=None,
                )
            else:
                message = RecordExtracted(
                    run_id=self._spec.run_id,
                    object=object_name,
                    key=key,
                    change=Change.DELETED,
                    content_hash=content_hash,
                    fields={},
                )
            gone.append(self._new(message, partition_key, key, f"deleted:{content_hash}"))
        subject = Subject.FILES if object_name in FILE_OBJECTS else Subject.RECORDS
        if gone:
            await self._producer.append(topic_name(self._tenant_id, subject), gone)

    async def _counted(self, names: list[str]) -> None:
        """Publish how many records of some objects there are; what outcomes must add up to."""
        messages = [
            ObjectExtracted(
                run_id=self._spec.run_id,
                object=name,
                extracted=self._extracted[name],
                unchanged=self._unchanged[name],
            )
            for name in names
        ]
        if messages:
            await self._producer.append(
                topic_name(self._tenant_id, Subject.RECORDS),
                [self._new(message, message.object, message.object) for message in messages],
            )

    def _new(self, message: Message, partition_key: str, *identity: str) -> NewRecord:
        run_id = self._spec.run_id
        object_name = str(getattr(message, "object", ""))
        own = message_id(run_id, message.type, object_name, *identity)
        return NewRecord(
            partition_key.encode(), encode(message), headers_for(message, own, run_id=run_id)
        )


def _take(records: Iterator[T], count: int) -> list[T]:
    return list(islice(records, count))
