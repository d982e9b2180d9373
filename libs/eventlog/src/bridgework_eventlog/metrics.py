"""What the consumer loops of a process count. Labels are service and subject, never an id."""

from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LABELS = ("service", "subject")
_BATCH_BUCKETS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)


class LoopMetrics:
    """The metrics of every loop, in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.records = Counter(
            "bridgework_records_total",
            "Records by what became of them: done, dead, postponed, held.",
            (*_LABELS, "result"),
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "bridgework_batch_seconds",
            "Time a handler took for a batch.",
            _LABELS,
            buckets=_BATCH_BUCKETS_S,
            registry=registry,
        )
        self.dead_letters = Counter(
            "bridgework_dead_letters_total",
            "Dead letters by the code of their error.",
            (*_LABELS, "code"),
            registry=registry,
        )
        self.paused = Gauge(
            "bridgework_partitions_paused",
            "Partitions not read because enough of them waits to be handled.",
            _LABELS,
            registry=registry,
        )
        self.waiting = Gauge(
            "bridgework_partitions_waiting",
            "Partitions that wait for a retry or a release.",
            _LABELS,
            registry=registry,
        )
        self.lag = Gauge(
            "bridgework_lag_records",
            "Records appended and not committed, over the partitions of the group.",
            _LABELS,
            registry=registry,
        )


@lru_cache(maxsize=8)
def loop_metrics(registry: CollectorRegistry) -> LoopMetrics:
    """Return the metrics of a registry; several loops of a process share them."""
    return LoopMetrics(registry)


class Level:
    """One loop's share of a gauge that several loops of a process add to."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._value = 0

    def set(self, value: int) -> None:
        """Make this loop's share ``value``."""
        self._gauge.inc(value - self._value)
        self._value = value
