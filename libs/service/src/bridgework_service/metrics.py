"""Metrics with our naming rules checked where they are made.

Counters end in ``_total``; histograms and gauges end in their unit. Labels are few and bounded: a
tenant may be one, an id may not. Asking twice for a metric gives the same one, so several services
may share a process.
"""

from __future__ import annotations

import re
import resource
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

DURATION_BUCKETS_S: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
)  # fmt: skip
SIZE_BUCKETS_BYTES: Final = tuple(float(1024 * 4**power) for power in range(11))
BATCH_BUCKETS_RECORDS: Final = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 200.0, 500.0, 1000.0)

_NAME = re.compile(r"^[a-z][a-z0-9_]+$")
_UNITS = ("_seconds", "_bytes", "_records", "_messages", "_credits", "_ratio", "_info", "_count")

M = TypeVar("M", bound=MetricWrapperBase)


class Metrics:
    """Makes metrics in one registry, each name once."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.registry = registry

    def counter(self, name: str, doc: str, labels: Sequence[str] = ()) -> Counter:
        """Return the counter ``name``; it must end in ``_total``."""
        _check(name, ("_total",), labels)
        return self._once(name, Counter) or Counter(name, doc, labels, registry=self.registry)

    def gauge(self, name: str, doc: str, labels: Sequence[str] = ()) -> Gauge:
        """Return the gauge ``name``; it must end in a unit (``_bytes``, ``_records``, …)."""
        _check(name, _UNITS, labels)
        return self._once(name, Gauge) or Gauge(name, doc, labels, registry=self.registry)

    def histogram(
        self,
        name: str,
        doc: str,
        labels: Sequence[str] = (),
        buckets: Sequence[float] = DURATION_BUCKETS_S,
    ) -> Histogram:
        """Return the histogram ``name``; it must end in a unit, ``_seconds`` by default."""
        _check(name, _UNITS, labels)
        return self._once(name, Histogram) or Histogram(
            name, doc, labels, buckets=buckets, registry=self.registry
        )

    def register_process_memory(self) -> None:
        """Expose the process's peak memory; once per registry, however often called."""
        if "bridgework_process_peak_memory_bytes" not in _registered(self.registry):
            self.registry.register(_PeakMemory())

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def _once(self, name: str, kind: type[M]) -> M | None:
        found = _registered(self.registry).get(name)
        if found is not None and not isinstance(found, kind):
            raise ValueError(f"metric {name} exists and is not a {kind.__name__}")
        return found


def peak_rss_bytes() -> int:
    """Return the largest resident memory this process ever had.

    Linux: ``VmHWM``, which unlike ``getrusage`` is not inherited from the process that forked us.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        status = ""
    match = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    if match:
        return int(match[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class _PeakMemory(Collector):
    """Reads the figure when it is asked for."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(
            "bridgework_process_peak_memory_bytes",
            "Largest resident memory of this process since its start.",
            value=peak_rss_bytes(),
        )

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Give the name at registration, so that a second registration can be seen."""
        return self.collect()


def _registered(registry: CollectorRegistry) -> dict[str, object]:
    # prometheus_client has no public look-up by name, only an error on the second registration.
    return dict(registry._names_to_collectors)  # noqa: SLF001  # see above


def _check(name: str, endings: Iterable[str], labels: Sequence[str]) -> None:
    if not _NAME.match(name) or not name.endswith(tuple(endings)):
        raise ValueError(f"metric {name} must be snake_case and end in {', '.join(endings)}")
    unbounded = [label for label in labels if label.endswith(("_id", "_key")) or label == "key"]
    if unbounded:
        raise ValueError(f"metric {name}: label {unbounded[0]} has no bound; ids belong into logs")
