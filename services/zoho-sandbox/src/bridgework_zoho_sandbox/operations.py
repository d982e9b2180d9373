"""The table of operations: every route with its price, weight, scopes and documented answers.

Routing, metering, scope checks, ``GET /__apis`` and the OpenAPI document all read this table.
"""

from __future__ import annotations

from . import prices
from .apis import Apis
from .composite import Composite
from .operation import Operation, Param
from .operation_parts import API, TEXT
from .operations_bulk import BULK
from .operations_children import FILES, NOTES
from .operations_records import RECORDS
from .operations_settings import BIN, METADATA, USERS
from .router import Router

_COMPOSITE = Composite(lambda: Router(OPERATIONS))
_APIS = Apis(lambda: OPERATIONS)
SPECIAL = (
    Operation(
        "composite.run",
        "POST",
        f"{API}/__composite_requests",
        _COMPOSITE.handle,
        ("ZohoCRM.composite_requests.CUSTOM",),
        (200, 207, 400),
        prices.composite_price,
        prices.always_heavy,
        units=5,
        body="json",
        wrapper="__composite_requests",
        listed_credits=(1, 2),
    ),
    Operation(
        "apis.list",
        "GET",
        f"{API}/__apis",
        _APIS.handle,
        ("ZohoCRM.apis.READ",),
        (200, 400),
        query=(Param("filters", TEXT),),
        wrapper="__apis",
    ),
)

OPERATIONS: tuple[Operation, ...] = (
    *RECORDS,
    *NOTES,
    *FILES,
    *USERS,
    *METADATA,
    *BIN,
    *BULK,
    *SPECIAL,
)
