"""Values of records are sealed before they become columns; the place is part of the seal."""

from typing import Any

import orjson
from bridgework_contracts.outcomes import Conflict, RecordOutcome
from bridgework_eventlog.sealed import Sealer


def journal_aad(run_id: str, object_name: str, key: str) -> bytes:
    """Return what a journal row's values are bound to."""
    return f"journal:{run_id}:{object_name}:{key}".encode()


def expected_aad(job_id: str, object_name: str, key: str) -> bytes:
    """Return what an expected record is bound to."""
    return f"expected:{job_id}:{object_name}:{key}".encode()


def seal_values(sealer: Sealer, outcome: RecordOutcome) -> bytes | None:
    """Return what an outcome says about values, sealed; ``None`` where it says nothing."""
    if outcome.sent is None and outcome.before is None and not outcome.conflicts:
        return None
    plain = orjson.dumps(
        {
            "sent": outcome.sent,
            "before": outcome.before,
            "conflicts": [conflict.model_dump() for conflict in outcome.conflicts],
        }
    )
    return sealer.seal(plain, journal_aad(outcome.run_id, outcome.object, outcome.key))


def open_values(
    sealer: Sealer, run_id: str, object_name: str, key: str, blob: bytes | None
) -> dict[str, Any]:
    """Return ``{"sent", "before", "conflicts"}`` of a journal row; empty where it has none."""
    if blob is None:
        return {}
    values: dict[str, Any] = orjson.loads(sealer.open(blob, journal_aad(run_id, object_name, key)))
    return values


def conflicts_of(values: dict[str, Any]) -> list[Conflict]:
    """Return the conflicts inside opened values."""
    return [Conflict.model_validate(one) for one in values.get("conflicts", ())]
