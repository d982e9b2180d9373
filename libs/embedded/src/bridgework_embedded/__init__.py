"""PostgreSQL and Kafka as child processes of a laptop or a test session."""

from bridgework_embedded.errors import LauncherError
from bridgework_embedded.kafka import KafkaServer, kafka_from_environment, running_kafka
from bridgework_embedded.postgres import PostgresServer, running_postgres

__all__ = [
    "KafkaServer",
    "LauncherError",
    "PostgresServer",
    "kafka_from_environment",
    "running_kafka",
    "running_postgres",
]
