"""aiokafka's errors in our words, translated where they enter."""

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka import errors as kafka  # type: ignore[import-untyped] # it ships no types
from bridgework_contracts.errors import BridgeworkError, ConfigurationError, StoreUnavailable

from bridgework_eventlog.errors import UnknownTopic, ValueTooLarge

_REFUSED = (
    kafka.AuthenticationFailedError,
    kafka.TopicAuthorizationFailedError,
    kafka.GroupAuthorizationFailedError,
    kafka.ClusterAuthorizationFailedError,
    kafka.SaslAuthenticationFailed,
    kafka.UnsupportedSaslMechanismError,
    kafka.IncompatibleBrokerVersion,
)


@contextmanager
def translate_kafka_errors() -> Iterator[None]:
    """Let no exception of aiokafka out of the block, only ours, chained to their cause.

    Raises:
        StoreUnavailable: No broker answers, or not in time.
        UnknownTopic: The topic does not exist.
        ValueTooLarge: The broker refuses a value of this size.
        ConfigurationError: The broker refuses our credentials or rights.
    """
    try:
        yield
    except (kafka.KafkaError, OSError) as exc:
        raise _translated(exc) from exc


def _translated(exc: Exception) -> BridgeworkError:
    name = type(exc).__name__
    if isinstance(exc, _REFUSED):
        return ConfigurationError(f"Kafka refuses us ({name}): check credentials and ACLs.")
    if isinstance(exc, kafka.UnknownTopicOrPartitionError):
        return UnknownTopic("Kafka does not know the topic; create it first.")
    if isinstance(exc, kafka.MessageSizeTooLargeError | kafka.RecordListTooLargeError):
        return ValueTooLarge("Kafka refuses a value of this size; see max.message.bytes.")
    return StoreUnavailable(f"Kafka does not answer ({name}).", error=name)
