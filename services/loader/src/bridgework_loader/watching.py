"""The loader's figures: what became of records, and what it asked of Zoho."""

from collections.abc import Iterable

from bridgework_service.metrics import Metrics
from bridgework_zoho.transport import CallReport

from bridgework_loader.domain.deciding import SERVICE, Decision
from bridgework_loader.metering import count_call


class LoaderMetrics:
    """Counters and gauges; made once, several loaders in one process share them."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        made = metrics or Metrics()
        self._records = made.counter(
            "bridgework_loader_records_total",
            "Writes decided, by module and outcome.",
            ["module", "outcome"],
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
        self._in_flight = made.gauge(
            "bridgework_loader_batches_in_flight_count", "Groups of records being written now."
        )
        self.parked = made.gauge(
            "bridgework_loader_parked_records",
            "Records waiting for a parent, as last counted.",
            ["tenant"],
        )

    def decided(self, decisions: Iterable[Decision]) -> None:
        """Count recorded decisions."""
        for one in decisions:
            self._records.labels(one.arrival.write.module, one.outcome.outcome.value).inc()

    def called(self, report: CallReport) -> None:
        """Count one attempt of a call, and charge the task that made it."""
        count_call(report)
        self._calls.labels(SERVICE, report.operation, str(report.http_status or 0)).inc()
        self._seconds.labels(SERVICE, report.operation).observe(report.duration_s)
        self._credits.labels(SERVICE).inc(report.credits)

    def begun(self) -> None:
        """Note that a group of records is being written."""
        self._in_flight.inc()

    def ended(self) -> None:
        """Note that it no longer is."""
        self._in_flight.dec()
