"""Fingerprinting an org: every module we may touch, whole."""

from typing import Any

from bridgework_contracts.runs import RunSpec

from bridgework_reconciler.adapters.zoho_reader import ZohoReader
from bridgework_reconciler.context import TenantContext
from bridgework_reconciler.domain.fingerprint import Fingerprint


async def take_fingerprint(
    context: TenantContext, spec: RunSpec, reader: ZohoReader
) -> dict[str, dict[str, Any]]:
    """Return live module → {count, hash} over all records the org has, whoever made them."""
    mapper = context.mapper(spec)
    modules: dict[str, dict[str, Any]] = {}
    for entry in context.document(spec).records:
        module = mapper.module(entry.object)
        fields = mapper.live_fields(entry.object)
        print_ = Fingerprint()
        async for rows in reader.scan(module, fields):
            for row in rows:
                print_.add(row, fields)
        modules[module] = print_.result()
    return modules
