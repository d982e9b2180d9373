"""Everything the extractor can be told, read once from the environment."""

from pathlib import Path

from bridgework_dental_exec.databases.connections import ConnectionName, ConnectionSettings
from bridgework_service.settings import ServiceSettings
from pydantic import Field, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


class SourceSettings(BaseSettings):
    """What reading a source needs; the local audit reads these alone."""

    model_config = SettingsConfigDict(
        env_prefix="EXTRACTOR_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    databases: dict[ConnectionName, ConnectionSettings] = Field(
        default_factory=dict,
        description="JSON: connection name → how a restored database is reached, and by whom.",
    )


class Settings(SourceSettings, ServiceSettings):
    """``EXTRACTOR_…``; see :class:`bridgework_service.settings.ServiceSettings`."""

    model_config = SettingsConfigDict(env_prefix="EXTRACTOR_", env_nested_delimiter="__")

    service_name: str = "extractor"
    snapshots_dir: Path = Field(description="Sealed snapshots are kept here, encrypted.")
    append_batch: PositiveInt = Field(
        default=500, description="Records appended at once; bounds memory."
    )
    inline_file_bytes: PositiveInt = Field(
        default=600_000, description="Smaller pictures travel inside their message."
    )
