"""Everything the loader can be told, read once from the environment."""

from bridgework_service.settings import ServiceSettings
from bridgework_zoho.settings import ZohoSettings
from pydantic import Field, NonNegativeFloat, PositiveInt
from pydantic_settings import SettingsConfigDict

from bridgework_loader.pacing import Pacing


class Settings(ServiceSettings):
    """``LOADER_…``; see :class:`bridgework_service.settings.ServiceSettings`."""

    model_config = SettingsConfigDict(env_prefix="LOADER_")

    service_name: str = "loader"
    zoho: ZohoSettings = ZohoSettings()
    pacing: Pacing = Pacing()
    batch_size: PositiveInt = Field(
        default=500, description="Writes of one partition taken at once; five full calls."
    )
    linger_s: NonNegativeFloat = Field(
        default=0.2,
        description="How long a batch may wait to become full. Zoho charges a credit per started "
        "ten records, so trickling writes would cost up to ten times as much.",
    )
    keep_for_others: float = Field(
        default=0.1, ge=0.0, lt=1.0, description="Share of credits left to the org's other apps."
    )
