"""Everything the rehoster can be told, read once from the environment."""

from typing import Literal

from pydantic import Field, PositiveInt
from pydantic_settings import SettingsConfigDict

from bridgework_service.settings import ServiceSettings
from bridgework_zoho.settings import ZohoSettings


class Settings(ServiceSettings):
    """``REHOSTER_…``; see :class:`bridgework_service.settings.ServiceSettings`."""

    model_config = SettingsConfigDict(env_prefix="REHOSTER_")

    service_name: str = "rehoster"
    zoho: ZohoSettings = ZohoSettings()
    verify: Literal["hash", "size"] = Field(
        default="hash",
        description="hash: read every file back (one more credit each); size: trust Zoho's list.",
    )
    files_in_flight: PositiveInt = 8
    keep_for_others: float = Field(default=0.1, ge=0.0, lt=1.0)
