"""An operation of the Zoho API: its route, price, weight, scopes and documented answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from .call import Answer, Call
from .errors import ZohoError

Handler = Callable[[Call], Answer]
Price = Callable[[Call], int]
BodyKind = Literal["none", "json", "multipart"]
PER_CREDIT = 10
HEAVY_ABOVE = 10


@dataclass(frozen=True, slots=True)
class Param:
    """One query parameter, as documented."""

    name: str
    schema: dict[str, object]
    required: bool = False


def one_credit(_: Call) -> int:
    """Return the default price."""
    return 1


def never_heavy(_: Call) -> bool:
    """Say that the call takes no sub-concurrency."""
    return False


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table of operations.

    Attributes:
        price: Credits of this call; sees the parsed body.
        heavy: Whether it takes one of the ten sub-concurrency slots.
        units: Concurrency slots it takes (composite: 5).
        scopes: Needed scopes; ``{module}`` stands for the module in the path.
        statuses: What it may answer besides 401, 404, 429 and 5xx.
        writes: Whether it runs inside a transaction.
        listed_credits: (min, max) as ``GET /__apis`` tells.
    """

    name: str
    method: str
    path: str
    handler: Handler
    scopes: tuple[str, ...]
    statuses: tuple[int, ...]
    price: Price = one_credit
    heavy: Callable[[Call], bool] = never_heavy
    units: int = 1
    body: BodyKind = "none"
    query: tuple[Param, ...] = ()
    listed_credits: tuple[int, int] = (1, 1)
    binary: bool = False
    wrapper: str = "data"
    summary: str = ""
    headers: tuple[str, ...] = field(default=())

    @property
    def writes(self) -> bool:
        """Return whether the handler runs inside a transaction."""
        return self.method != "GET"


def batch_size(call: Call, key: str = "data") -> int:
    """Return how many elements a write carries; 1 when the body is not a batch."""
    try:
        items = call.json().get(key)
    except ZohoError:  # the handler will say what is wrong with it
        return 1
    return len(items) if isinstance(items, list) and items else 1
