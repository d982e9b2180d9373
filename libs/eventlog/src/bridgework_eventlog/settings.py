"""What a process can be told about its event log."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, SecretStr


class KafkaSettings(BaseModel):
    """How to reach Kafka."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap_servers: str
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    ca_file: str | None = Field(default=None, description="PEM; None trusts the system's.")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str | None = None
    password: SecretStr | None = None
    replication_factor: PositiveInt = Field(
        default=1, description="Of topics created by us; 3 on a real cluster."
    )
    request_timeout_s: PositiveFloat = 40.0


class EventLogSettings(BaseModel):
    """Which log, where it is, and how members of groups watch each other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["embedded", "kafka"] = "embedded"
    dsn: SecretStr | None = Field(
        default=None, description="PostgreSQL of the embedded log; required for that kind."
    )
    db_schema: str = Field(default="eventlog", description="Schema of the embedded log.")
    max_connections: PositiveInt = Field(default=6, description="Of the embedded log's pool.")
    kafka: KafkaSettings | None = Field(default=None, description="Required for kind kafka.")
    client_id: str = Field(default="bridgework", description="Shown by the broker and server.")
    session_timeout_s: PositiveFloat = Field(
        default=30.0,
        description="A member that is silent for so long has died. Heartbeats share the event "
        "loop with handlers, so this must exceed the longest blocking call.",
    )
    rebalance_timeout_s: PositiveFloat = Field(
        default=60.0, description="How long a member may drain partitions it has to give up."
    )
    retention_s: PositiveFloat | None = Field(
        default=60.0 * 86_400,
        description="Age at which records may be deleted; None keeps them for ever. A job with "
        "its deltas takes weeks and must stay replayable.",
    )
    poll_interval_s: PositiveFloat = Field(
        default=1.0, description="Embedded: how often to look without having been woken."
    )
