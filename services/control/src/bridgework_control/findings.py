"""Findings about people (providers, duplicate proposals) are sealed before they are stored."""

from typing import Any

import orjson
from bridgework_service.tenants import Tenant


def seal_findings(tenant: Tenant, job_id: str, findings: list[dict[str, Any]]) -> bytes:
    """Return findings that carry names, sealed for ``job_findings``."""
    return tenant.sealer.seal(orjson.dumps(findings), findings_aad(job_id))


def open_findings(tenant: Tenant, job_id: str, blob: bytes | None) -> list[dict[str, Any]]:
    """Return findings kept by :func:`seal_findings`; none where there is no blob."""
    if blob is None:
        return []
    found: list[dict[str, Any]] = orjson.loads(tenant.sealer.open(blob, findings_aad(job_id)))
    return found


def findings_aad(job_id: str) -> bytes:
    """Return what findings are bound to."""
    return f"findings:{job_id}".encode()
