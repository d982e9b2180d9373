"""Does a tenant's queued audits and extractions, oldest first.

A source that does not answer keeps nobody else waiting: its work is tried again later, and control
is told each time, so that the job shows what it waits for.
"""

import asyncio
import secrets
import shutil
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import structlog
from bridgework_audit.quarantine import QuarantineCollector
from bridgework_contracts.codec import Message, decode, encode, headers_for
from bridgework_contracts.commands import AuditExport, StartRun
from bridgework_contracts.errors import ConfigurationError, SourceUnavailable, TerminalError
from bridgework_contracts.ids import message_id
from bridgework_contracts.progress import (
    AuditWaiting,
    ExportAudited,
    QuarantinedPlace,
    RunFailed,
    RunWaiting,
    SnapshotSealed,
)
from bridgework_contracts.runs import RunKind, RunSpec, SourceSpec
from bridgework_contracts.topics import Subject, topic_name
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.corrections import Fix, Fixed
from bridgework_dental_exec.databases.connections import Connections
from bridgework_dental_exec.export import Export, open_export
from bridgework_dental_exec.export_sealer import seal_snapshot
from bridgework_dental_exec.snapshot import Snapshot
from bridgework_eventlog.port import Producer
from bridgework_mapping.document import MappingDocument
from bridgework_service.outbox import ServiceOutbox
from bridgework_service.tenants import Tenant
from bridgework_store.pool import Connection, Pool
from bridgework_store.statements import Statements

from bridgework_extractor import correcting
from bridgework_extractor.auditing import audit_export
from bridgework_extractor.correcting import SeenRows
from bridgework_extractor.extraction import SERVICE, Extraction, RunDropped, always
from bridgework_extractor.handlers import work_aad
from bridgework_extractor.hashes import BaseHashes, HashWriter
from bridgework_extractor.kept_files import KeptFiles
from bridgework_extractor.settings import Settings

log = structlog.get_logger(__name__)

_KEY_BYTES = 32
_LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class _Sealed:
    """What a run reads from."""

    source: CanonicalSource
    folder: Path
    key: bytes = field(repr=False)
    corrections: list[Fixed]


class Worker:
    """One tenant's long work."""

    def __init__(
        self,
        *,
        tenant: Tenant,
        pool: Pool,
        statements: Statements,
        producer: Producer,
        outbox: ServiceOutbox,
        settings: Settings,
        connections: Connections,
        wake: asyncio.Event,
    ) -> None:
        self._tenant = tenant
        self._pool = pool
        self._sql = statements
        self._producer = producer
        self._outbox = outbox
        self._settings = settings
        self._connections = connections
        self._wake = wake

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``; a piece that is cut off is done again from its start."""
        while not stop.is_set():
            self._wake.clear()
            row = await self._pool.fetchrow(self._sql.next_work, self._tenant.tenant_id)
            if row is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await self._wake.wait()
                continue
            aad = work_aad(row["kind"], row["subject_id"])
            command = decode(self._tenant.sealer.open(row["command_sealed"], aad))
            work = asyncio.create_task(self._do(row, command))
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not work.done():
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work
                return
            await work

    async def _do(self, work: asyncpg.Record, command: Message) -> None:
        said: Message
        if not isinstance(command, AuditExport | StartRun):
            raise TypeError(type(command))  # the handler queues nothing else
        try:
            if isinstance(command, AuditExport):
                said = await self._audit(command)
            else:
                said = await self._extract(command.spec, partial(self._wanted, work["work_id"]))
        except SourceUnavailable as exc:
            await self._postpone(work, command, exc)
            return
        except RunDropped:
            log.info("extraction_dropped", run_id=work["subject_id"])
            return
        async with self._outbox.transaction() as connection:
            # Dropped meanwhile: nobody waits for the word any more.
            if await connection.fetchval(self._sql.work_done, work["work_id"]) is not None:
                await self._say(connection, said, work["subject_id"])

    async def _postpone(
        self, work: asyncpg.Record, command: AuditExport | StartRun, error: SourceUnavailable
    ) -> None:
        """Leave work whose source does not answer for later, and say what it waits for."""
        pause_s = min(2.0 ** min(work["tries"], 10), _LONGEST_PAUSE_S)
        log.warning("source_waited_for", code=error.code, pause_s=pause_s)
        waiting = _waiting(command, error)
        async with self._outbox.transaction() as connection:
            left = await connection.fetchval(self._sql.postpone, work["work_id"], pause_s)
            if left is not None:
                await self._say(connection, waiting, work["subject_id"], str(work["tries"]))

    async def _say(self, connection: Connection, word: Message, about: str, *identity: str) -> None:
        topic = topic_name(self._tenant.tenant_id, Subject.PROGRESS)
        headers = headers_for(word, message_id(about, word.type, *identity), run_id=about)
        await self._outbox.add(connection, topic, about.encode(), encode(word), headers)

    async def _wanted(self, work_id: int) -> bool:
        return bool(await self._pool.fetchval(self._sql.wanted, work_id))

    async def _audit(self, command: AuditExport) -> ExportAudited:
        folder = self._folder("audits", command.audit_id)
        try:
            return await asyncio.to_thread(
                audit_export,
                command,
                folder,
                secrets.token_bytes(_KEY_BYTES),
                await self._hash_key(),
                await self._fixes(command.source),
                self._connections,
            )
        except (TerminalError, ConfigurationError) as exc:
            log.error("audit_failed", job_id=command.job_id, code=exc.code)  # noqa: TRY400  # ours, no trace
            return ExportAudited(
                job_id=command.job_id,
                audit_id=command.audit_id,
                ok=False,
                report={},
                error=f"{exc} {exc.details.get('remedy', '')}".strip(),
            )
        finally:
            # The report stays; this snapshot was only for it, and its key is forgotten with it.
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _extract(
        self, spec: RunSpec, wanted: Callable[[], Awaitable[bool]] = always
    ) -> SnapshotSealed | RunFailed:
        began = time.perf_counter()
        sealed: _Sealed | None = None
        base: BaseHashes | None = None
        hashes: HashWriter | None = None
        try:
            sealed = await self._sealed(spec)
            source, done = sealed.source, sealed.corrections
            collector = _collector(spec, source)
            base = await self._base(spec)
            hashes = HashWriter(sealed.folder, sealed.key)
            counts = await Extraction(
                tenant_id=self._tenant.tenant_id,
                spec=spec,
                source=source,
                hashes=hashes,
                files=KeptFiles(sealed.folder / "files", self._tenant.sealer),
                base=base,
                producer=self._producer,
                batch=self._settings.append_batch,
                inline_bytes=self._settings.inline_file_bytes,
                quarantine=collector,
                wanted=wanted,
            ).run()
            quarantined, left_out = await self._quarantined(spec, source, collector, done)
        except (TerminalError, ConfigurationError) as exc:
            log.error("extraction_failed", run_id=spec.run_id, code=exc.code)  # noqa: TRY400  # ours, no trace
            return RunFailed(
                run_id=spec.run_id,
                service=SERVICE,
                code=exc.code,
                sentence=str(exc),
                remedy=str(exc.details.get("remedy", "Repair the export and start another run.")),
            )
        finally:
            if base is not None:
                base.close()
            if hashes is not None:
                hashes.discard()
            if sealed is not None:
                await asyncio.to_thread(sealed.source.close)
        seconds = time.perf_counter() - began
        log.info("snapshot_sealed", run_id=spec.run_id, count=sum(counts.values()))
        return SnapshotSealed(
            run_id=spec.run_id,
            extracted=counts,
            seconds=seconds,
            findings=findings_of(source.snapshot),
            quarantined=quarantined,
            quarantined_left_out=left_out,
            corrections=correcting.told(done),
        )

    async def _quarantined(
        self,
        spec: RunSpec,
        source: CanonicalSource,
        collector: QuarantineCollector | None,
        done: list[Fixed],
    ) -> tuple[tuple[QuarantinedPlace, ...] | None, int]:
        """Return every place of a whole export that a person should look at."""
        if collector is None:
            return None, 0
        hash_key = await self._hash_key()
        marks = correcting.exported_marks(done)

        def look() -> tuple[tuple[QuarantinedPlace, ...], int]:
            for provider in source.providers():
                collector.problems("provider", provider.key, provider.problems)
            if not source.snapshot.quarantine:
                return collector.places(source.snapshot, None, hash_key, marks)
            work = source.snapshot.folder.parent / "look"
            with open_export(Path(spec.source.export_path), work, spec.source.dialect_pins) as one:
                return collector.places(source.snapshot, one, hash_key, marks)

        return await asyncio.to_thread(look)

    async def _fixes(self, source: SourceSpec) -> list[Fix]:
        """Open the corrections of a source, bound to rows as earlier runs saw them."""
        wanted: dict[str, dict[str, set[int]]] = {}
        for one in source.corrections:
            if one.row_mark is None and one.seen_in is not None:
                lines = wanted.setdefault(one.seen_in, {})
                lines.setdefault(one.file, set()).add(one.line)
        hash_key = await self._hash_key()
        seen: dict[str, SeenRows] = {}
        for run_id, lines in wanted.items():
            row = await self._pool.fetchrow(self._sql.snapshot, run_id)
            if row is not None:
                key = self._tenant.sealer.open(row["key_sealed"], _key_aad(run_id))
                folder = Path(row["folder"])
                seen[run_id] = await asyncio.to_thread(SeenRows, folder, key, lines, hash_key)
        return correcting.opened(source.corrections, self._tenant.sealer, seen)

    async def _sealed(self, spec: RunSpec) -> _Sealed:
        """Seal the export for this run and correct it, or open what was sealed before a crash."""
        row = await self._pool.fetchrow(self._sql.snapshot, spec.run_id)
        hash_key = await self._hash_key()
        if row is not None:
            folder = Path(row["folder"])
            key = self._tenant.sealer.open(row["key_sealed"], _key_aad(spec.run_id))

            def reopen() -> CanonicalSource:
                snapshot = Snapshot.load(folder / "snapshot", key)
                export = _opened(spec.source, folder)
                return CanonicalSource(snapshot, spec.source, export=export, hash_key=hash_key)

            source = await asyncio.to_thread(reopen)
            return _Sealed(source, folder, key, correcting.remembered(folder))
        fixes = await self._fixes(spec.source)
        folder = self._folder("runs", spec.run_id)
        key = secrets.token_bytes(_KEY_BYTES)

        def seal() -> tuple[CanonicalSource, list[Fixed]]:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            export = _opened(spec.source, folder)
            snapshot = seal_snapshot(
                export,
                folder / "snapshot",
                seal=key,
                profile=spec.source.profile,
                connections=self._connections,
            )
            done = correcting.apply(folder, snapshot, export, fixes, hash_key)
            made = CanonicalSource(snapshot, spec.source, export=export, hash_key=hash_key)
            return made, done

        source, done = await asyncio.to_thread(seal)
        await self._pool.execute(
            self._sql.put_snapshot,
            spec.run_id,
            self._tenant.tenant_id,
            str(folder),
            self._tenant.sealer.seal(key, _key_aad(spec.run_id)),
        )
        return _Sealed(source, folder, key, done)

    async def _base(self, spec: RunSpec) -> BaseHashes | None:
        if spec.kind is not RunKind.DELTA or spec.base_run_id is None:
            return None
        row = await self._pool.fetchrow(self._sql.snapshot, spec.base_run_id)
        if row is None:
            raise TerminalError(
                "The snapshot this delta must be compared with is not here.", code="base_missing"
            )
        key = self._tenant.sealer.open(row["key_sealed"], _key_aad(spec.base_run_id))
        return await asyncio.to_thread(BaseHashes, Path(row["folder"]), key)

    async def _hash_key(self) -> bytes:
        aad = b"extractor.hash_key"
        fresh = self._tenant.sealer.seal(secrets.token_bytes(_KEY_BYTES), aad)
        kept = await self._pool.fetchval(self._sql.hash_key, self._tenant.tenant_id, fresh)
        return self._tenant.sealer.open(kept, aad)

    def _folder(self, kind: str, name: str) -> Path:
        return self._settings.snapshots_dir / self._tenant.tenant_id / kind / name


def findings_of(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return what concerns whole files and unreadable lines, in the form of report lines."""
    base = {"object": "", "key": "", "outcome": ""}
    whole = [
        {
            **base,
            "file": one.file,
            "line": 0,
            "field": "",
            "code": one.code,
            "shape": "",
            "effect": "noted",
            "sentence": one.sentence,
            "remedy": "Export the file again as the program writes it, or accept what is missing.",
        }
        for one in snapshot.findings
    ]
    lines = [
        {
            **base,
            "file": one.file,
            "line": one.line,
            "field": one.column,
            "code": one.code,
            "shape": one.shape,
            "effect": "quarantined",
            "sentence": f"{one.rows} rows could not be read.",
            "remedy": one.remedy,
        }
        for one in snapshot.quarantine
    ]
    return whole + lines


def _waiting(command: AuditExport | StartRun, error: SourceUnavailable) -> Message:
    told = {
        "service": SERVICE,
        "code": error.code,
        "sentence": f"{error} It is asked again by itself; nothing is lost.",
    }
    if isinstance(command, AuditExport):
        return AuditWaiting(job_id=command.job_id, audit_id=command.audit_id, **told)
    return RunWaiting(run_id=command.spec.run_id, **told)


def _collector(spec: RunSpec, source: CanonicalSource) -> QuarantineCollector | None:
    """Return what looks for places to correct; nothing where only a sample is read."""
    if spec.sample is not None:
        return None
    return QuarantineCollector(source.snapshot.profile, MappingDocument.parse(spec.mapping))


def _opened(source: SourceSpec, folder: Path) -> Export:
    """Open a run's export; what an earlier attempt unpacked is removed."""
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    return open_export(Path(source.export_path), work, source.dialect_pins)


def _key_aad(run_id: str) -> bytes:
    return f"extractor.snapshots:{run_id}".encode()
