"""What a piece of work costs in credits, retries included, shared among the records it was for."""

from contextvars import ContextVar

from bridgework_zoho.transport import CallReport


class CreditMeter:
    """Counts the credits of the calls made by one task."""

    def __init__(self) -> None:
        self._credits = 0

    def add(self, credits_spent: int) -> None:
        """Count what one attempt of a call was charged."""
        self._credits += credits_spent

    def share(self, records: int) -> float:
        """Return each record's share of what was spent since the last call, and start anew."""
        if records == 0:
            return 0.0
        spent, self._credits = self._credits, 0
        return round(spent / records, 4)


_METER: ContextVar[CreditMeter | None] = ContextVar("bridgework_zoho_credit_meter", default=None)


def new_meter() -> CreditMeter:
    """Count the calls of this task, and of those it starts, on a fresh meter."""
    meter = CreditMeter()
    _METER.set(meter)
    return meter


def count_call(report: CallReport) -> None:
    """Charge one attempt to the task that made it; for the ``on_call`` of ``ZohoClient``."""
    meter = _METER.get()
    if meter is not None:
        meter.add(report.credits)
