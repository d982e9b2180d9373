"""Metrics: names, labels, and one of each."""

import subprocess
import sys

import pytest
from bridgework_service.metrics import Metrics, peak_rss_bytes
from prometheus_client import CollectorRegistry


@pytest.fixture
def metrics() -> Metrics:
    """Metrics of this test."""
    return Metrics(CollectorRegistry())


def test_asking_twice_gives_the_same_metric(metrics: Metrics) -> None:
    """Several services in one process count into one counter."""
    metrics.counter("bridgework_x_total", "X.").inc()
    metrics.counter("bridgework_x_total", "X.").inc()
    assert metrics.registry.get_sample_value("bridgework_x_total") == 2
    assert metrics.histogram("a_seconds", "A.") is metrics.histogram("a_seconds", "A.")
    assert metrics.gauge("a_bytes", "A.") is metrics.gauge("a_bytes", "A.")


def test_a_name_keeps_its_kind(metrics: Metrics) -> None:
    """A gauge cannot take a histogram's name."""
    metrics.histogram("a_seconds", "A.")
    with pytest.raises(ValueError, match="is not a Gauge"):
        metrics.gauge("a_seconds", "A.")


def test_names_without_unit_and_ids_as_labels_are_refused(metrics: Metrics) -> None:
    """The naming rules hold where the metric is made."""
    with pytest.raises(ValueError, match="end in _total"):
        metrics.counter("loaded", "X.")
    with pytest.raises(ValueError, match="end in"):
        metrics.gauge("Depth", "X.")
    with pytest.raises(ValueError, match="no bound"):
        metrics.counter("x_total", "X.", ["run_id"])
    metrics.counter("y_total", "Y.", ["tenant", "outcome"]).labels("harbor", "inserted").inc()


def test_peak_memory_grows_with_an_allocation_and_stays_after_its_end() -> None:
    """In a fresh process 64 MB taken and given back are still the peak."""
    program = """if True:
        from bridgework_service.metrics import peak_rss_bytes
        before = peak_rss_bytes()
        block = bytearray(b"x") * 64_000_000
        del block
        print(peak_rss_bytes() - before)
    """
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    )
    assert 50_000_000 < int(done.stdout) < 90_000_000


def test_peak_memory_is_exposed_once(metrics: Metrics) -> None:
    """Registering again, as a second service of the process does, changes nothing."""
    metrics.register_process_memory()
    metrics.register_process_memory()
    assert metrics.exposition().count(b"\nbridgework_process_peak_memory_bytes ") == 1
    assert peak_rss_bytes() > 10_000_000
