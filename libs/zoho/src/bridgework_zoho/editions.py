"""What an edition allows: credits a day and calls in flight (fact sheet §2.1 and §2.3, V)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HEAVY_SLOTS = 10
"""Sub-concurrency of heavy calls, the same in every edition (§2.3, V)."""


@dataclass(frozen=True, slots=True)
class Edition:
    """Allowance of one edition.

    Attributes:
        name: Our name of the edition.
        base_credits: Credits a day without any licence.
        credits_per_user: More credits a day for each purchased licence.
        credit_ceiling: Most credits a day with add-ons; None means unlimited.
        slots: Calls in flight per org and app.
    """

    name: str
    base_credits: int
    credits_per_user: int
    credit_ceiling: int | None
    slots: int

    def daily_credits(self, licences: int) -> int:
        """Credits in any 24 hours for this many purchased licences, without add-ons."""
        earned = self.base_credits + self.credits_per_user * licences
        return earned if self.credit_ceiling is None else min(earned, self.credit_ceiling)


FREE = Edition("free", 5_000, 0, 5_000, 5)
STANDARD = Edition("standard", 50_000, 250, 100_000, 10)
PROFESSIONAL = Edition("professional", 50_000, 500, 3_000_000, 15)
ENTERPRISE = Edition("enterprise", 50_000, 1_000, 5_000_000, 20)
ULTIMATE = Edition("ultimate", 50_000, 2_000, None, 25)

_BY_PAID_TYPE = {
    "free": FREE,
    "starter": STANDARD,
    "standard": STANDARD,
    "zohoonestandard": STANDARD,
    "professional": PROFESSIONAL,
    "enterprise": ENTERPRISE,
    "zohoone": ENTERPRISE,
    "zohooneenterprise": ENTERPRISE,
    "ultimate": ULTIMATE,
    "crmplus": ULTIMATE,
}


def edition_for(paid_type: str | None) -> Edition:
    """Recognise ``license_details.paid_type`` of GET /org; the unknown counts as free.

    Free is the safe reading: too small a budget slows a run, too large a one is refused.
    """
    return _BY_PAID_TYPE.get((paid_type or "").replace("_", "").replace(" ", "").lower(), FREE)


def licensed_edition(org: Mapping[str, Any]) -> Edition:
    """Read the edition out of ``org[0]`` of GET /org: what is paid for, else what is on trial."""
    licence: Mapping[str, Any] = org.get("license_details") or {}
    paid_type = licence.get("paid_type") if licence.get("paid", True) else None
    return edition_for(paid_type or licence.get("trial_type"))
