"""How often each defect strikes: the rates of SOURCE_DATA §3.5, met exactly rather than by luck.

A quota fills with every opportunity and strikes when full. So a class that is asked for is present
at least once even in a small practice, and its count is the rate times the opportunities.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from bridgework_synthetic.dice import Dice


class Rate(NamedTuple):
    """Share of the opportunities, and about how many of them one patient brings."""

    share: float
    per_patient: float


RATES: Final[dict[str, Rate]] = {
    "duplicate patient": Rate(0.05, 1.0),
    "look-alike: twins": Rate(0.05, 0.08),
    "look-alike: junior-senior": Rate(0.035, 0.12),
    "patient number used twice": Rate(0.002, 1.0),
    "chart number used twice": Rate(0.002, 1.0),
    "drug flag only in alerts": Rate(0.005, 0.5),
    "impossible date": Rate(0.005, 6.0),
    "impossible birth date": Rate(0.005, 1.0),
    "phone": Rate(0.09, 2.0),
    "orphan row": Rate(0.006, 30.0),
    "stored balance differs from ledger": Rate(0.012, 0.6),
    "tooth notation": Rate(0.2, 0.1),
    "surface order variant": Rate(0.15, 1.0),
    "code without D": Rate(0.20, 12.0),
    "code as decimal": Rate(0.05, 12.0),
    "retired code": Rate(0.01, 3.0),
    "control character in text": Rate(0.01, 6.0),
    "smart quotes": Rate(0.004, 6.0),
    "text decoded twice (mojibake)": Rate(0.02, 0.3),
    "zip without leading zero": Rate(0.08, 1.0),
    "dicom identity differs": Rate(0.05, 0.05),
    "document file missing": Rate(0.01, 1.2),
    "document file empty": Rate(0.002, 1.2),
    "document file above the limit": Rate(0.005, 1.2),
    "document type wrong": Rate(0.03, 1.2),
    "inline image broken": Rate(0.02, 0.15),
}
"""Defects at factor 1.0. The look-alikes are shares of the families that could hold them, together
about 0.8 % of patients. ``tooth notation`` is of the teeth one departed provider wrote: about 0.4 %
of all; ``dicom identity differs`` is 5 % of the DICOM files: about 0.3 % of the X-rays."""


class Quotas:
    """Decides for each opportunity whether the defect strikes."""

    def __init__(self, seed: object, factor: float, patients: int) -> None:
        """``factor`` scales every rate (0 = never); ``patients`` says how soon each must come."""
        self._dice = Dice(seed, "quotas")
        self._factor = factor
        self._patients = patients
        self._full: dict[str, float] = {}

    def strikes(self, kind: str) -> bool:
        """One opportunity for this defect; true when it is to be used."""
        if not self._factor:
            return False
        rate = RATES[kind]
        share = min(0.9, rate.share * self._factor)
        full = self._full.get(kind)
        if full is None:
            reach = min(1 / share, 0.5 * rate.per_patient * self._patients)
            full = 1 - share * (1 + self._dice.random() * max(0.0, reach - 1))
        full += share
        if full < 1 - 1e-9:
            self._full[kind] = full
            return False
        self._full[kind] = full - 1 - (self._dice.random() - 0.5) * 0.8
        return True
