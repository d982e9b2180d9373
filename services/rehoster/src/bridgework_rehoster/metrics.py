"""The rehoster's figures: what became of files."""

from bridgework_contracts.outcomes import FileOutcome
from bridgework_service.metrics import Metrics


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

    def decided(self, outcome: FileOutcome) -> None:
        """Count a recorded decision."""
        self._files.labels(outcome.object, outcome.outcome.value).inc()
        if outcome.proof != "none":
            self._bytes.inc(outcome.size_bytes)

    def begun(self) -> None:
        """Note that a file is being moved."""
        self._in_flight.inc()

    def ended(self) -> None:
        """Note that it no longer is."""
        self._in_flight.dec()
