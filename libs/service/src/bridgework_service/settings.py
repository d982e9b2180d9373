"""What every service can be told, and how a missing value refuses the start.

A service subclasses :class:`ServiceSettings` with its own ``env_prefix`` and fields. Nothing here
has a default if it is a secret or an address.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from bridgework_contracts.errors import BridgeworkError, ConfigurationError
from bridgework_contracts.ids import TenantId
from bridgework_contracts.topics import check_tenant_id
from bridgework_eventlog.settings import EventLogSettings
from bridgework_store.pool import StoreSettings
from bridgework_store.sealing import MasterKey
from pydantic import Field, PositiveFloat, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

TenantsFilter = frozenset[TenantId] | Literal["*"]
"""Which tenants a process serves: the named ones, or all."""

S = TypeVar("S", bound=BaseSettings)


class ServiceSettings(BaseSettings):
    """Settings common to every service; read once, in ``__main__``, from the environment.

    Subclasses set ``model_config = SettingsConfigDict(env_prefix="LOADER_")`` and a default for
    ``service_name``. A nested value is reached with two underscores: ``LOADER_STORE__DSN``.
    """

    model_config = SettingsConfigDict(
        env_nested_delimiter="__", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    service_name: str = Field(description="In logs, metrics and pg_stat_activity.")
    host: str = Field(description="Address the HTTP port listens on, e.g. 0.0.0.0 in a container.")
    http_port: int = Field(
        ge=0, le=65535, description="Health, readiness, metrics (and the job API); 0 takes any."
    )
    store: StoreSettings
    event_log: EventLogSettings
    master_key: SecretStr = Field(
        description="Base64 of 32 random bytes; wraps tenants' keys. Never stored by us."
    )
    previous_master_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(), description="Earlier master keys, comma-separated, until keys are re-wrapped."
    )
    tenants: Annotated[TenantsFilter, NoDecode] = Field(
        default="*", description="Comma-separated tenant ids, or * for all of them."
    )
    instance_id: str | None = Field(
        default=None,
        description=(
            "Stable name of this process among its replicas (a StatefulSet's pod name, the host of "
            "a lone process): after a crash it has its partitions back at once. Two processes "
            "must never share one; leave it out where names are not stable."
        ),
    )
    start_timeout_s: PositiveFloat = Field(
        default=60.0, description="How long the start waits for PostgreSQL and the event log."
    )
    drain_timeout_s: PositiveFloat = Field(
        default=25.0, description="Below the pod's grace period of 30 s or more."
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"

    @field_validator("tenants", mode="before")
    @classmethod
    def _split_tenants(cls, value: Any) -> Any:
        if value == "*" or not isinstance(value, str):
            return value
        try:
            return frozenset(check_tenant_id(part) for part in _parts(value))
        except BridgeworkError as exc:
            raise ValueError(str(exc)) from None

    @field_validator("previous_master_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: Any) -> Any:
        return tuple(_parts(value)) if isinstance(value, str) else value

    def open_master_key(self) -> MasterKey:
        """Return the master key.

        Raises:
            ConfigurationError: a key is not base64 of 32 bytes.
        """
        return MasterKey(self.master_key, self.previous_master_keys)


def load_settings(kind: type[S], **given: Any) -> S:
    """Build settings from the environment, ``given`` values first.

    Raises:
        ConfigurationError: names every field that is missing or wrong together with its
            environment variable, and never the value that was found there.
    """
    try:
        return kind(**given)
    except ValidationError as exc:
        problems = [
            f"{'.'.join(map(str, error['loc']))} ({_variable(kind, error['loc'])}): "
            f"{_reason(error['type'])}"
            for error in exc.errors(include_input=False, include_url=False)
        ]
    except SettingsError as exc:
        problems = [f"{exc}: not the JSON this setting needs"]
    # Outside the handlers: pydantic's own text quotes what it found.
    raise ConfigurationError(
        f"{kind.__name__}: " + "; ".join(problems) + ". Set them and start again.",
        code="settings_invalid",
        problems=problems,
    )


def _variable(kind: type[BaseSettings], location: tuple[int | str, ...]) -> str:
    prefix = kind.model_config.get("env_prefix") or ""
    names = [str(part) for part in location if not isinstance(part, int)]
    return (prefix + "__".join(names)).upper()


def _reason(error_type: str) -> str:
    return "missing" if error_type == "missing" else f"wrong ({error_type})"


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]
