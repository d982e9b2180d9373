"""What a service asks of Zoho: the same figures, under the same names, whoever asks."""

from bridgework_zoho.metering import count_call
from bridgework_zoho.transport import CallReport

from bridgework_service.metrics import Metrics


class ZohoCalls:
    """Calls, seconds and credits of one service; several in one process share the figures.

    Args:
        service: Value of the label ``service``.
        metrics: Where the figures are kept.
    """

    def __init__(self, service: str, metrics: Metrics | None = None) -> None:
        made = metrics or Metrics()
        self._service = service
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

    def called(self, report: CallReport) -> None:
        """Count one attempt of a call, and charge the task that made it."""
        count_call(report)
        self._calls.labels(self._service, report.operation, str(report.http_status or 0)).inc()
        self._seconds.labels(self._service, report.operation).observe(report.duration_s)
        self._credits.labels(self._service).inc(report.credits)
