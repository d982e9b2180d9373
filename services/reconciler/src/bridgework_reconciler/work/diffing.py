"""Reading everything back and comparing it with what the source says."""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from bridgework_contracts.codec import decode
from bridgework_contracts.errors import ContractViolation
from bridgework_contracts.outcomes import Conflict
from bridgework_contracts.progress import DiffFinished
from bridgework_contracts.records import FileExtracted, RecordExtracted
from bridgework_contracts.runs import RunSpec

from bridgework_reconciler.adapters.journal import Journal
from bridgework_reconciler.adapters.sealing import conflicts_of, journal_aad, open_values
from bridgework_reconciler.adapters.truth import Truth
from bridgework_reconciler.adapters.zoho_reader import MODIFIED_BY, ZohoReader
from bridgework_reconciler.context import TenantContext
from bridgework_reconciler.domain.comparing import (
    ACCEPTED,
    Difference,
    Tally,
    compare_record,
    lookup_id,
)
from bridgework_reconciler.domain.masking import shape

_LISTED = 200
_UNSEEN_PAGE = 500
_FILE_PAGE = 1000

ConflictMap = Mapping[tuple[str, str], Mapping[str, Conflict]]


@dataclass(slots=True)
class _Totals:
    records: int = 0
    fields: int = 0
    mismatches: int = 0
    accepted: int = 0
    listed: list[dict[str, Any]] = field(default_factory=list)


class Comparison:
    """One comparison of everything a job has in Zoho."""

    def __init__(
        self,
        context: TenantContext,
        spec: RunSpec,
        *,
        journal: Journal,
        truth: Truth,
        reader: ZohoReader,
    ) -> None:
        self._context = context
        self._spec = spec
        self._journal = journal
        self._truth = truth
        self._reader = reader
        self._mapper = context.mapper(spec)
        self._totals = _Totals()
        # New each time, so that a comparison done again after a crash sees with its own eyes.
        self._comparison = f"{spec.run_id}:{secrets.token_hex(4)}"

    async def run(self) -> DiffFinished:
        """Compare every record and file; keep every difference; return the totals."""
        started = time.perf_counter()
        spec = self._spec
        await self._truth.pool.execute(self._truth.sql.clear_mismatches, spec.run_id)
        conflicts = await self._conflicts()
        for entry in self._context.document(spec).records:
            await self._compare_object(entry.object, conflicts)
        for entry in self._context.document(spec).objects:
            if entry.kind == "file":
                await self._compare_files(entry.object)
        totals = self._totals
        await self._truth.pool.execute(
            self._truth.sql.put_diff,
            spec.run_id,
            totals.records,
            totals.fields,
            totals.mismatches,
            totals.accepted,
            time.perf_counter() - started,
        )
        return DiffFinished(
            run_id=spec.run_id,
            compared_records=totals.records,
            compared_fields=totals.fields,
            mismatches=totals.mismatches,
            mismatch_list=totals.listed,
            accepted_conflicts=totals.accepted,
        )

    async def _conflicts(self) -> ConflictMap:
        found: dict[tuple[str, str], dict[str, Conflict]] = {}
        for run_id in await self._context.runs_of_job(self._spec.job_id):
            rows = await self._journal.pool.fetch(
                self._journal.sql.with_conflicts, run_id, 1_000_000
            )
            for row in rows:
                values = open_values(
                    self._context.tenant.sealer,
                    run_id,
                    row["object"],
                    row["key"],
                    row["values_sealed"],
                )
                kept = {c.field: c for c in conflicts_of(values) if c.kept == "theirs"}
                found.setdefault((row["object"], row["key"]), {}).update(kept)
        return found

    async def _compare_object(self, object_name: str, conflicts: ConflictMap) -> None:
        module = self._mapper.module(object_name)
        fields = list(self._mapper.live_fields(object_name))
        async for rows in self._reader.scan(module, fields):
            by_key: dict[str, list[dict[str, Any]]] = {}
            for row in rows:
                key = self._mapper.key_from(object_name, row)
                if key is not None:
                    by_key.setdefault(key, []).append(row)
            if by_key:
                await self._compare_page(object_name, by_key, conflicts)
        await self._missing(object_name)

    async def _compare_page(
        self,
        object_name: str,
        by_key: Mapping[str, Sequence[dict[str, Any]]],
        conflicts: ConflictMap,
    ) -> None:
        spec, truth = self._spec, self._truth
        raw = await truth.expected(
            spec.job_id, object_name, list(by_key), self._context.tenant.sealer
        )
        expected = {
            key: said
            for key, message in raw.items()
            if (said := self._mapper.expected_for(_record(message))) is not None
        }
        wanted = {(ref.object, ref.key) for one in expected.values() for ref in one.refs}
        own = {(object_name, key) for key in by_key}
        zoho_ids = await truth.zoho_ids(spec.job_id, wanted | own)
        tally = Tally()
        seen: list[str] = []
        for key, rows in by_key.items():
            home = zoho_ids.get((object_name, key))
            for row in rows:
                if str(row["id"]) != home:
                    # Ours by its key, but not the record the outcome named: written twice.
                    tally.differences.append(
                        Difference(object_name, key, "", "duplicate", str(row["id"]))
                    )
                    continue
                seen.append(key)
                if key not in expected:
                    continue
                modified_by = lookup_id(row.get(MODIFIED_BY))
                compare_record(
                    object_name,
                    key,
                    row,
                    expected[key],
                    comparator=self._mapper,
                    zoho_ids=zoho_ids,
                    conflicts=conflicts.get((object_name, key), {}),
                    edited_by_person=spec.migration_user_id is not None
                    and modified_by != spec.migration_user_id,
                    tally=tally,
                )
        if seen:
            await truth.mark_seen(spec.job_id, object_name, seen, self._comparison)
        await self._keep(tally)

    async def _missing(self, object_name: str) -> None:
        after = ""
        while missing := await self._truth.unseen(
            self._spec.job_id, object_name, self._comparison, _UNSEEN_PAGE, after
        ):
            await self._keep(
                Tally(
                    records=len(missing),
                    differences=[
                        Difference(object_name, key, "", "missing", zoho_id)
                        for key, zoho_id in missing
                    ],
                )
            )
            after = missing[-1][0]

    async def _compare_files(self, object_name: str) -> None:
        """Compare names and sizes of files, parent by parent."""
        links = await self._truth.links(self._spec.job_id, object_name)
        at_parent: dict[tuple[str, str], list[tuple[str, str, FileExtracted]]] = {}
        keys = list(links)
        for start in range(0, len(keys), _FILE_PAGE):
            some = keys[start : start + _FILE_PAGE]
            raw = await self._truth.expected(
                self._spec.job_id, object_name, some, self._context.tenant.sealer
            )
            for key, message in raw.items():
                file = decode(message)
                if isinstance(file, FileExtracted):
                    parent = (file.parent.object, file.parent.key)
                    at_parent.setdefault(parent, []).append((key, links[key], file))
        homes = await self._truth.zoho_ids(self._spec.job_id, at_parent)
        for parent, files in at_parent.items():
            tally = Tally()
            there: dict[str, tuple[str, int | None]] = {}
            if parent in homes:
                module = self._mapper.module(parent[0])
                listed = await self._reader.attachments(module, homes[parent])
                there = {file_id: (name, size) for file_id, name, size in listed}
            for key, zoho_id, file in files:
                tally.records += 1
                tally.fields += 2
                if there.get(zoho_id) != (file.name, file.size_bytes):
                    tally.differences.append(
                        Difference(object_name, key, "File_Name, Size", "file", zoho_id)
                    )
            await self._keep(tally)

    async def _keep(self, tally: Tally) -> None:
        totals = self._totals
        totals.records += tally.records
        totals.fields += tally.fields
        for difference in tally.differences:
            if difference.kind in ACCEPTED:
                totals.accepted += 1
            else:
                totals.mismatches += 1
            if len(totals.listed) < _LISTED:
                totals.listed.append(
                    {
                        "object": self._context.document(self._spec).report_name(difference.object),
                        "key": difference.key,
                        "field": difference.field,
                        "kind": difference.kind,
                        "expected": shape(difference.expected),
                        "actual": shape(difference.actual),
                    }
                )
        if tally.differences:
            sealer, run_id = self._context.tenant.sealer, self._spec.run_id
            await self._truth.pool.execute(
                self._truth.sql.put_mismatches,
                run_id,
                [one.object for one in tally.differences],
                [one.key for one in tally.differences],
                [one.field for one in tally.differences],
                [one.kind for one in tally.differences],
                [one.zoho_id for one in tally.differences],
                [
                    sealer.seal(
                        orjson.dumps({"expected": one.expected, "actual": one.actual}, default=str),
                        journal_aad(run_id, one.object, one.key),
                    )
                    for one in tally.differences
                ],
            )


def _record(raw: bytes) -> RecordExtracted:
    message = decode(raw)
    if not isinstance(message, RecordExtracted):
        raise ContractViolation("An expected record is not a record.", code="expected_record")
    return message
