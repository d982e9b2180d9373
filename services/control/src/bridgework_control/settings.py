"""Everything control can be told, read once from the environment."""

from pathlib import Path

from bridgework_service.settings import ServiceSettings
from bridgework_zoho.settings import ZohoSettings
from pydantic import Field, PositiveFloat, SecretStr
from pydantic_settings import SettingsConfigDict


class Settings(ServiceSettings):
    """``CONTROL_…``; see :class:`bridgework_service.settings.ServiceSettings`."""

    model_config = SettingsConfigDict(env_prefix="CONTROL_")

    service_name: str = "control"
    bootstrap_api_key: SecretStr = Field(
        min_length=16, description="Reaches every tenant; issue scoped keys with it."
    )
    reconciler_url: str = Field(description="The reconciler's internal port.")
    reports_dir: Path = Field(description="Shared folder for audit reports.")
    zoho: ZohoSettings = ZohoSettings()
    request_timeout_s: PositiveFloat = 15.0
