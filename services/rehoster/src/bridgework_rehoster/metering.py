"""What moving one file costs in credits, retries included."""

from contextvars import ContextVar

from bridgework_contracts.outcomes import FileOutcome
from bridgework_service.metrics import Metrics
from bridgework_zoho.transport import CallReport

from bridgework_rehoster.domain.deciding import SERVICE


class CreditMeter:
    """Counts the credits of the calls made by one task."""

    def __init__(self) -> None:
        self.credits = 0


_METER: ContextVar[CreditMeter | None] = ContextVar("bridgework_rehoster_meter", default=None)


def new_meter() -> CreditMeter:
    """Count the calls of this task on a fresh meter."""
    meter = CreditMeter()
    _METER.set(meter)
    return meter


class RehosterMetrics:
    """Counters and gauges; several rehosters in one process share them."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        made = metrics or Metrics()
        self._files = made.counter(
            "bridgework_rehoster_files_total",
            "Files decided, by object and outcome.",
            ["object", "outcome"],
        )
        self._bytes = made.counter(
            "bridgework_rehoster_moved_bytes_total", "Bytes of files that landed."
        )
        self._in_flight = made.gauge(
            "bridgework_rehoster_files_in_flight_count", "Files being moved now."
        )
        self._calls = made.counter(
            "bridgework_zoho_calls_total",
            "Attempts of calls to Zoho; status 0 is a lost answer.",
            ["service", "operation", "status"],
        )
        self._seconds = made.histogram(
            "bridgework_zoho_call_seconds",
            "From holding a slot to the end of the answer.",
            ["service", "operation"],
        )
        self._credits = made.counter(
            "bridgework_zoho_credits_used_total", "Credits charged to our ledger.", ["service"]
        )

    def decided(self, outcome: FileOutcome) -> None:
        """Count a recorded decision."""
        self._files.labels(outcome.object, outcome.outcome.value).inc()
        if outcome.proof != "none":
            self._bytes.inc(outcome.size_bytes)

    def called(self, report: CallReport) -> None:
        """Count one attempt of a call, and charge the file it was for."""
        meter = _METER.get()
        if meter is not None:
            meter.credits += report.credits
        self._calls.labels(SERVICE, report.operation, str(report.http_status or 0)).inc()
        self._seconds.labels(SERVICE, report.operation).observe(report.duration_s)
        self._credits.labels(SERVICE).inc(report.credits)

    def begun(self) -> None:
        """Note that a file is being moved."""
        self._in_flight.inc()

    def ended(self) -> None:
        """Note that it no longer is."""
        self._in_flight.dec()
