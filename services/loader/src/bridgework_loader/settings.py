"""Everything the loader can be told, read once from the environment."""

from bridgework_service.settings import ServiceSettings
from bridgework_zoho.settings import ZohoSettings
from pydantic import Field, PositiveInt
from pydantic_settings import SettingsConfigDict

from bridgework_loader.pacing import Pacing


class Settings(ServiceSettings):
    """``LOADER_…``; see :class:`bridgework_service.settings.ServiceSettings`."""

    model_config = SettingsConfigDict(env_prefix="LOADER_")

    service_name: str = "loader"
    zoho: ZohoSettings = ZohoSettings()
    pacing: Pacing = Pacing()
    batch_size: PositiveInt = 500
    keep_for_others: float = Field(
        default=0.1, ge=0.0, lt=1.0, description="Share of credits left to the org's other apps."
    )
