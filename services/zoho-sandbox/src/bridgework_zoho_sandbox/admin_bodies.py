"""What the admin API takes as bodies."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt

from .oauth import ALL_SCOPES
from .plan import Edition


class Advance(BaseModel):
    """How far virtual time moves."""

    model_config = ConfigDict(extra="forbid")
    seconds: NonNegativeFloat


class Freeze(BaseModel):
    """Where virtual time stops; ``None``: now."""

    model_config = ConfigDict(extra="forbid")
    at: float | None = None


class Plan(BaseModel):
    """What an org has bought; absent keys stay."""

    model_config = ConfigDict(extra="forbid")
    edition: Edition | None = None
    seats: PositiveInt | None = None
    hipaa: bool | None = None


class NewCredentials(BaseModel):
    """A further refresh token or grant code, for a user and with scopes of choice."""

    model_config = ConfigDict(extra="forbid")
    user: str | None = None
    scopes: str = ALL_SCOPES
    client_id: str | None = None
    client_secret: str | None = None
    grant_code: bool = False


class Lock(BaseModel):
    """A record that must not be touched; ``code`` ``None`` releases it."""

    model_config = ConfigDict(extra="forbid")
    id: str
    code: str | None = Field(
        default="RECORD_LOCKED",
        description="RECORD_LOCKED, RECORD_IN_BLUEPRINT, NOT_APPROVED or NOT_REVIEWED",
    )
