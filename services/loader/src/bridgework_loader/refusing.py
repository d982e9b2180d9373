"""Zoho's refusals in our words: why a record failed, or why the whole run must stop."""

from enum import Enum, auto

from bridgework_contracts.outcomes import Reason
from bridgework_zoho.advice import Action
from bridgework_zoho.errors import RequestRefused, RunStopped
from bridgework_zoho.results import ElementResult

from bridgework_loader.domain import reasons


class End(Enum):
    """What one element's result means for its record."""

    DONE = auto()
    UNCLEAR = auto()
    """It may have been applied: look before trying again."""
    LATER = auto()
    """Refused for now, certainly not applied."""
    STOP = auto()
    """Refused, and so would be every other."""
    REFUSED = auto()
    """Refused for good."""


_ENDS = {
    Action.RETRY: End.LATER,
    Action.WAIT_FOR_CREDITS: End.LATER,
    Action.STOP_RUN: End.STOP,
    Action.REAUTHORISE: End.STOP,
    Action.ASK: End.UNCLEAR,
    Action.REJECT_RECORD: End.REFUSED,
}


def end_of(result: ElementResult) -> End:
    """Say what a result means; a success without an id is no success we can build on."""
    if result.ok:
        return End.DONE if result.id is not None else End.UNCLEAR
    return _ENDS[result.advice.action]


def element_refused(result: ElementResult) -> Reason:
    """Say why Zoho refused one record; Zoho's own text may quote values and is left out."""
    advice = result.advice
    return reasons.refused(result.code or "refused", advice.sentence, advice.remedy, result.field)


def element_stops(result: ElementResult, module: str) -> RunStopped:
    """Build the error for a refusal that the next record would meet as well."""
    advice = result.advice
    return RunStopped(
        f"{advice.sentence} {advice.remedy}",
        code=result.code,
        module=module,
        sentence=advice.sentence,
        remedy=advice.remedy,
    )


def request_refused(refused: RequestRefused) -> Reason:
    """Say why Zoho refused a request as a whole."""
    field_name = refused.details.get("api_name")
    return reasons.refused(
        refused.code,
        "Zoho refused the request this record was part of.",
        str(refused.details.get("remedy") or "Report it with the run and the code."),
        str(field_name) if field_name else None,
    )
