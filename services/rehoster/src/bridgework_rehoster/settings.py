"""Everything the rehoster can be told, read once from the environment."""

from typing import Literal

from bridgework_service.settings import ServiceSettings
from bridgework_zoho.settings import ZohoSettings
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from bridgework_rehoster.pacing import Pacing


class Settings(ServiceSettings):
    """``REHOSTER_…``; see :class:`bridgework_service.settings.ServiceSettings`."""

    model_config = SettingsConfigDict(env_prefix="REHOSTER_")

    service_name: str = "rehoster"
    zoho: ZohoSettings = Field(
        default=ZohoSettings(attachment_verify_size=False),
        description="attachment_limit_bytes: largest file the org takes (20 MB unless told). The "
        "client's own check of sizes is off: the rehoster proves every file itself.",
    )
    verify: Literal["hash", "size"] = Field(
        default="hash",
        description="hash: read every file back (one more credit each); size: trust Zoho's list.",
    )
    empty_files: Literal["skip_and_list", "upload"] = Field(
        default="skip_and_list",
        description="A file without content shows nothing in Zoho; Zoho would store it.",
    )
    pacing: Pacing = Pacing()
    keep_for_others: float = Field(
        default=0.1, ge=0.0, lt=1.0, description="Share of credits left to the org's other apps."
    )
