"""Everything the extractor can be told, read once from the environment."""

from pathlib import Path

from bridgework_service.settings import ServiceSettings
from pydantic import Field, PositiveInt
from pydantic_settings import SettingsConfigDict


class Settings(ServiceSettings):
    """``EXTRACTOR_…``; see :class:`bridgework_service.settings.ServiceSettings`."""

    model_config = SettingsConfigDict(env_prefix="EXTRACTOR_")

    service_name: str = "extractor"
    snapshots_dir: Path = Field(description="Sealed snapshots are kept here, encrypted.")
    append_batch: PositiveInt = Field(
        default=500, description="Records appended at once; bounds memory."
    )
    inline_file_bytes: PositiveInt = Field(
        default=600_000, description="Smaller pictures travel inside their message."
    )
