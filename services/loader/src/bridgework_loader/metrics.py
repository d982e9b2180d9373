"""The loader's figures: what became of records."""

from collections.abc import Iterable

from bridgework_service.metrics import Metrics

from bridgework_loader.domain.deciding import Decision


class LoaderMetrics:
    """Counters and gauges; made once, several loaders in one process share them."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        made = metrics or Metrics()
        self._records = made.counter(
            "bridgework_loader_records_total",
            "Writes decided, by module and outcome.",
            ["module", "outcome"],
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

    def begun(self) -> None:
        """Note that a group of records is being written."""
        self._in_flight.inc()

    def ended(self) -> None:
        """Note that it no longer is."""
        self._in_flight.dec()
