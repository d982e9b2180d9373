"""What an edition buys: daily credits, calls in flight, custom fields and modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Edition = Literal["free", "standard", "professional", "enterprise", "ultimate"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Limits of one edition (fact sheet §2.1, §2.3, §4.5, §7); per-user parts by licence."""

    base_credits: int
    credits_per_user: int
    ceiling: int | None
    in_flight: int
    custom_fields: int
    custom_modules: int
    paid_type: str
    data_kb: int
    data_kb_per_user: int
    file_bytes: int
    file_bytes_per_user: int


_MB, _GB = 10**3, 10**6  # in KB, as Zoho counts: 5 GB are about 2.5 million records of 2 KB
_GIB = 1024**3
PLANS: dict[Edition, Plan] = {
    "free": Plan(
        *(5_000, 0, 5_000, 5, 0, 0, "free"),
        *(10 * _MB, 0, _GIB, 0),
    ),
    "standard": Plan(
        *(50_000, 250, 100_000, 10, 10, 10, "standard"),
        *(200 * _MB, 0, _GIB, _GIB // 2),
    ),
    "professional": Plan(
        *(50_000, 500, 3_000_000, 15, 155, 25, "professional"),
        *(5 * _GB, 10 * _MB, _GIB, _GIB // 2),
    ),
    "enterprise": Plan(
        *(50_000, 1_000, 5_000_000, 20, 300, 200, "enterprise"),
        *(10 * _GB, 20 * _MB, _GIB, _GIB),
    ),
    "ultimate": Plan(
        *(50_000, 2_000, None, 25, 500, 500, "ultimate"),
        *(10 * _GB, 100 * _MB, _GIB, _GIB),
    ),
}
SUB_CONCURRENCY = 10


def daily_credits(edition: Edition, seats: int) -> int:
    """Return the plan's allowance for 24 hours, add-ons left out."""
    plan = PLANS[edition]
    wanted = plan.base_credits + plan.credits_per_user * seats
    return wanted if plan.ceiling is None else min(wanted, plan.ceiling)
