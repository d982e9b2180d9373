"""Everything the transformer can be told, read once from the environment."""

from bridgework_service.settings import ServiceSettings
from pydantic import PositiveInt
from pydantic_settings import SettingsConfigDict


class Settings(ServiceSettings):
    """``TRANSFORMER_…``; see :class:`bridgework_service.settings.ServiceSettings`."""

    model_config = SettingsConfigDict(env_prefix="TRANSFORMER_")

    service_name: str = "transformer"
    batch_size: PositiveInt = 500
