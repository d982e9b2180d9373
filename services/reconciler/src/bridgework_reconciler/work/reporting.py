"""The run's part of the acceptance report, from the journal alone."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from bridgework_contracts.outcomes import Outcome
from bridgework_contracts.runs import RunSpec

from bridgework_reconciler.adapters.journal import Journal
from bridgework_reconciler.adapters.sealing import conflicts_of, open_values
from bridgework_reconciler.adapters.truth import Truth
from bridgework_reconciler.context import TenantContext
from bridgework_reconciler.domain.reporting import conflict_rows, object_counts, quarantine_rows

_MOST_LINES = 5000


async def run_report(
    context: TenantContext, spec: RunSpec, journal: Journal, truth: Truth
) -> dict[str, Any]:
    """Return the report of one run; its form is described in ``docs/report.md``."""
    document = context.document(spec)
    counts = await journal.counts(spec.run_id)
    unbalanced = counts.unbalanced()
    diff = await truth.pool.fetchrow(truth.sql.diff, spec.run_id)
    problems = await journal.pool.fetch(journal.sql.with_problems, spec.run_id, _MOST_LINES)
    conflicts = []
    for row in await journal.pool.fetch(journal.sql.with_conflicts, spec.run_id, _MOST_LINES):
        values = open_values(
            context.tenant.sealer, spec.run_id, row["object"], row["key"], row["values_sealed"]
        )
        conflicts.append((row, conflicts_of(values)))
    fingerprints = {
        row["label"]: row["modules"]
        for row in await truth.pool.fetch(truth.sql.fingerprints, spec.run_id)
    }
    started_at = (await context.registry.get_run(spec.run_id)).started_at
    seconds = (datetime.now(UTC) - started_at).total_seconds()
    files: dict[str, int] = {}
    for row in await journal.pool.fetch(journal.sql.file_proofs, spec.run_id):
        files[row["outcome"]] = files.get(row["outcome"], 0) + row["files"]
    return {
        "run_id": spec.run_id,
        "kind": spec.kind.value,
        "undo_of": spec.undo_of,
        "objects": object_counts(counts, document.report_name),
        "balanced": not unbalanced,
        "unbalanced": {
            document.report_name(name): {"extracted": pair[0], "accounted": pair[1]}
            for name, pair in unbalanced.items()
        },
        "diff": {
            "compared_records": diff["compared_records"] if diff else 0,
            "compared_fields": diff["compared_fields"] if diff else 0,
            "mismatches": diff["mismatches"] if diff else 0,
            "accepted_conflicts": diff["accepted_conflicts"] if diff else 0,
            "seconds": round(diff["seconds"], 3) if diff else 0.0,
        },
        "credits": round(await journal.credits(spec.run_id), 2),
        "seconds": round(seconds, 3),
        "files": {outcome.value: files.get(outcome.value, 0) for outcome in Outcome},
        "fingerprints": fingerprints,
        "conflicts": conflict_rows(conflicts, document.report_name),
        "quarantined": quarantine_rows((dict(row) for row in problems), document.report_name),
        "reasons": [
            {
                "object": document.report_name(row["object"]),
                "outcome": row["outcome"],
                "code": row["code"],
                "sentence": row["sentence"],
                "records": row["records"],
            }
            for row in await journal.pool.fetch(journal.sql.reasons, spec.run_id)
        ],
        "journal_hash": await _journal_hash(journal, spec.run_id),
        "mapping_hash": spec.mapping_hash,
    }


async def _journal_hash(journal: Journal, run_id: str) -> str:
    """Return the SHA-256 chain over the journal in (object, key) order.

    Anyone with the exported outcomes can compute it again: each link hashes the previous link and
    ``object, key, outcome, effect, Zoho id``.
    """
    link = hashlib.sha256(run_id.encode()).digest()
    after = ("", "")
    while True:
        rows = await journal.page(run_id, None, None, after, 2000)
        if not rows:
            return link.hex()
        for row in rows:
            line = "\x1f".join(
                (row["object"], row["key"], row["outcome"], row["effect"], row["zoho_id"] or "")
            )
            link = hashlib.sha256(link + line.encode()).digest()
        after = (rows[-1]["object"], rows[-1]["key"])
