"""Everything the reconciler can be told, read once from the environment."""

from bridgework_service.settings import ServiceSettings
from bridgework_zoho.settings import ZohoSettings
from pydantic import PositiveInt
from pydantic_settings import SettingsConfigDict


class Settings(ServiceSettings):
    """``RECONCILER_…``; see :class:`bridgework_service.settings.ServiceSettings`."""

    model_config = SettingsConfigDict(env_prefix="RECONCILER_")

    service_name: str = "reconciler"
    zoho: ZohoSettings = ZohoSettings()
    batch_size: PositiveInt = 500
