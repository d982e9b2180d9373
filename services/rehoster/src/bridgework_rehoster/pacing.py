"""How hard and how patiently one rehoster works; and where a test may stop it."""

from collections.abc import Callable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt


class Pacing(BaseModel):
    """Files at once, patience and pauses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files_in_flight: PositiveInt = 8
    settle_s: NonNegativeFloat = Field(
        default=10.0,
        description="After a lost answer, how long an upload may still be working inside Zoho. "
        "Asking earlier could miss it and store the file twice.",
    )
    clock_tolerance_s: NonNegativeFloat = Field(
        default=300.0, description="By how much Zoho's clock may be behind ours."
    )
    attempts: PositiveInt = Field(
        default=4, description="Sendings of one file before its partition waits and tries later."
    )
    retry_pause_s: NonNegativeFloat = Field(
        default=1.0, description="Before a file is sent again; grows."
    )
    release_interval_s: PositiveFloat = Field(
        default=1.0, description="How often files that wait for their parent are looked at."
    )
    release_claim_s: PositiveFloat = Field(
        default=900.0, description="A released file is another rehoster's after this time."
    )


class Step(StrEnum):
    """Between which two effects a process may die."""

    INTENT_OPENED = "intent_opened"
    CALL_ANSWERED = "call_answered"
    PROVEN = "proven"
    DECISION_RECORDED = "decision_recorded"


OnStep = Callable[[Step], None]
"""Told after each effect; tests end the process here."""


def no_step(_step: Step) -> None:
    """Do nothing."""
