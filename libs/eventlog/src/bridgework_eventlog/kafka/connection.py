"""How every client of ours reaches Kafka: the same addresses, security and patience."""

from typing import Any

from aiokafka.helpers import create_ssl_context  # type: ignore[import-untyped] # it ships no types
from bridgework_contracts.errors import ConfigurationError

from bridgework_eventlog.settings import EventLogSettings, KafkaSettings


def kafka_settings(settings: EventLogSettings) -> KafkaSettings:
    """Return the Kafka part of the settings.

    Raises:
        ConfigurationError: There is none.
    """
    if settings.kafka is None:
        raise ConfigurationError("The Kafka event log needs its settings.", code="kafka_missing")
    return settings.kafka


def connection_arguments(settings: EventLogSettings) -> dict[str, Any]:
    """Return the arguments shared by producer, consumers and admin client."""
    kafka = kafka_settings(settings)
    arguments: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers,
        "client_id": settings.client_id,
        "request_timeout_ms": int(kafka.request_timeout_s * 1000),
        "security_protocol": kafka.security_protocol,
    }
    if kafka.security_protocol.endswith("SSL"):
        arguments["ssl_context"] = create_ssl_context(cafile=kafka.ca_file)
    if kafka.security_protocol.startswith("SASL"):
        arguments |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.username,
            "sasl_plain_password": kafka.password.get_secret_value() if kafka.password else None,
        }
    return arguments
