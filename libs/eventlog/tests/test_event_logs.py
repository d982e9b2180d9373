"""Both event logs keep the contract of the port."""

from bridgework_testkit.event_log_contract import EventLogContract


class TestEventLogs(EventLogContract):
    """Runs the suite for the embedded log and for a real Kafka."""
