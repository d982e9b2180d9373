"""What the practice told us: the short form that goes beside the export."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt

Edition = Literal["free", "standard", "professional", "enterprise", "ultimate"]
Access = Literal["bulk_api", "filtered_api", "database", "scripted_export", "manual_export", "none"]


class PracticeFacts(BaseModel):
    """Answers the export itself does not hold. The defaults are the usual small practice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    edition: Edition = Field(default="professional", description="Zoho CRM edition.")
    seats: PositiveInt = Field(default=10, description="Paid Zoho users; they add daily credits.")
    credit_share: float = Field(
        default=0.6, gt=0, le=1, description="Share of a day's credits the move may use."
    )
    practice_timezone: str = "America/New_York"
    access: Access = Field(default="manual_export", description="How exports are made.")
    locations: PositiveInt | None = Field(
        default=None, description="Offices; None = as many as the export lists."
    )
    window_h: NonNegativeFloat = Field(default=48.0, description="Hours to cut over in.")
    out_of_hours: bool = Field(default=False, description="Cut-over outside business hours.")
    phi: bool = Field(default=True, description="The export holds health information.")
    sandbox: bool = Field(default=False, description="A Zoho sandbox is there for the rehearsal.")
    delta: bool = Field(default=True, description="A second export will be picked up.")
    stable_keys: bool = Field(default=True, description="Keys are the same in every export.")
    provisioned_by_api: bool = Field(
        default=False, description="Modules and fields are made through the API the same day."
    )
    review_cycles: NonNegativeInt = Field(default=1, description="Reviews of the sample.")
    extra_rehearsals: NonNegativeInt = 0
    attachment_limit_bytes: PositiveInt | None = Field(
        default=None, description="Largest file the org takes, where it was read from the org."
    )
