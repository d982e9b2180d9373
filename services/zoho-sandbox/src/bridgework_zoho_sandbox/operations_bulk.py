"""Bulk write and bulk read: routes, prices, weights, scopes, answers."""

from __future__ import annotations

from . import bulk_read, bulk_write, prices
from .operation import Operation
from .operation_parts import API

_BULK_SCOPE = ("ZohoCRM.bulk.CREATE",)
BULK = (
    Operation(
        "bulk_write.upload",
        "POST",
        f"{API}/upload",
        bulk_write.upload,
        ("ZohoFiles.files.ALL",),
        (200, 400, 413),
        prices.upload_price,
        body="multipart",
        wrapper="code",
        headers=("feature", "X-CRM-ORG"),
    ),
    Operation(
        "bulk_write.create",
        "POST",
        "/crm/bulk/v8/write",
        bulk_write.create,
        _BULK_SCOPE,
        (201, 400),
        prices.bulk_write_price,
        body="json",
        wrapper="code",
        listed_credits=(500, 500),
    ),
    Operation(
        "bulk_write.status",
        "GET",
        "/crm/bulk/v8/write/{id}",
        bulk_write.status,
        ("ZohoCRM.bulk.READ",),
        (200, 404),
        wrapper="status",
    ),
    Operation(
        "bulk_write.result",
        "GET",
        "/v8/crm/{zgid}/bulk-write/{id}/{file}",
        bulk_write.result,
        ("ZohoCRM.bulk.READ",),
        (200, 404),
        prices.download_price,
        binary=True,
    ),
    Operation(
        "bulk_read.create",
        "POST",
        "/crm/bulk/v8/read",
        bulk_read.create,
        ("ZohoCRM.bulk.READ",),
        (201, 400),
        prices.bulk_read_price,
        body="json",
        listed_credits=(50, 50),
    ),
    Operation(
        "bulk_read.status",
        "GET",
        "/crm/bulk/v8/read/{id}",
        bulk_read.status,
        ("ZohoCRM.bulk.READ",),
        (200, 404),
    ),
    Operation(
        "bulk_read.result",
        "GET",
        "/crm/bulk/v8/read/{id}/result",
        bulk_read.result,
        ("ZohoCRM.bulk.READ",),
        (200, 404),
        prices.download_price,
        binary=True,
    ),
)
