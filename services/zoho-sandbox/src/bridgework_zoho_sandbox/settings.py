"""What the process can be told from outside: address, place on disk, first orgs."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, NonNegativeInt, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of one sandbox process, read once from ``SANDBOX_*`` variables and flags."""

    model_config = SettingsConfigDict(env_prefix="SANDBOX_", frozen=True)

    host: str = "127.0.0.1"
    port: NonNegativeInt = Field(default=8765, description="0 lets the system choose a free port.")
    data: Path | None = Field(
        default=None, description="Folder that survives a restart; absent: a temporary folder."
    )
    seed: Path | None = Field(
        default=None, description="JSON file: one org or a list of orgs as POST /sandbox/orgs."
    )
    request_log_size: PositiveInt = Field(
        default=200_000, description="Requests remembered per org; older ones are forgotten."
    )
    max_body_bytes: PositiveInt = Field(
        default=100 * 1024 * 1024, description="OAS v8: attachment bodies up to 100 MB."
    )
    log_level: str = "warning"
