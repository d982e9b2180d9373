"""What Zoho was asked shows in the metrics and on the meter of the task that asked."""

from bridgework_service.metrics import Metrics
from bridgework_service.zoho_calls import ZohoCalls
from bridgework_zoho.metering import new_meter
from bridgework_zoho.transport import CallReport
from prometheus_client import CollectorRegistry


def report(http_status: int | None) -> CallReport:
    """One attempt that cost three credits."""
    return CallReport(
        operation="insert",
        module="Contacts",
        http_status=http_status,
        credits=3,
        duration_s=0.5,
        waited_s=0.0,
        attempt=1,
    )


def test_an_attempt_is_counted_and_charged() -> None:
    """A lost answer counts as status 0; its credits are shared among the records it was for."""
    registry = CollectorRegistry()
    calls = ZohoCalls("loader", Metrics(registry))
    ZohoCalls("rehoster", Metrics(registry)).called(report(200))
    meter = new_meter()
    calls.called(report(201))
    calls.called(report(None))

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"service": "loader", **labels})

    for status in ("201", "0"):
        assert value("bridgework_zoho_calls_total", operation="insert", status=status) == 1
    assert value("bridgework_zoho_call_seconds_sum", operation="insert") == 1.0
    assert value("bridgework_zoho_credits_used_total") == 6
    assert meter.share(4) == 1.5
    assert meter.share(4) == 0.0
