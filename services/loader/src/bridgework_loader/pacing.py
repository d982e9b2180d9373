"""How hard and how patiently one loader works; and where a test may stop it."""

from collections.abc import Callable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt


class Pacing(BaseModel):
    """Batch sizes, patience and pauses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    calls_in_flight: PositiveInt = Field(
        default=10,
        description="Of this process; Zoho takes ten heavy calls at once in every edition.",
    )
    settle_s: NonNegativeFloat = Field(
        default=10.0,
        description="After a lost answer, how long a request may still be working inside Zoho. "
        "Asking earlier could miss it and create the record twice.",
    )
    clock_tolerance_s: NonNegativeFloat = Field(
        default=300.0, description="By how much Zoho's clock may be behind ours."
    )
    attempts: PositiveInt = Field(
        default=4, description="Sendings of one record before its partition waits and tries later."
    )
    retry_pause_s: NonNegativeFloat = Field(
        default=1.0, description="Before a refused-for-now record is sent again; grows."
    )
    metadata_ttl_s: PositiveFloat = Field(
        default=600.0, description="How long live metadata is trusted."
    )
    release_interval_s: PositiveFloat = Field(
        default=1.0, description="How often parked records are looked at."
    )
    release_claim_s: PositiveFloat = Field(
        default=300.0, description="A released record is another loader's after this time."
    )


class Step(StrEnum):
    """Between which two effects a process may die."""

    INTENT_OPENED = "intent_opened"
    CALL_ANSWERED = "call_answered"
    DECISION_RECORDED = "decision_recorded"


OnStep = Callable[[Step], None]
"""Told after each effect; tests end the process here."""


def no_step(_step: Step) -> None:
    """Do nothing."""
