"""How to reach one Zoho org, and every switch for what the documents leave open.

``ZohoConnection`` is the address and the grant of one org. ``ZohoSettings`` holds time limits,
retry limits and one named switch for each fact that no official source settles (fact sheet marks
S and U); the description of each says where the default comes from.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, SecretStr

from bridgework_zoho.costs import Operation
from bridgework_zoho.data_centres import HOSTS, DataCentre, Environment, api_domain_for

MEBIBYTE = 1024 * 1024


class ZohoConnection(BaseModel):
    """Address and grant of one Zoho org.

    ``accounts_url``, ``api_domain`` and ``content_url`` follow from ``data_centre``; give them
    only to reach something else that speaks Zoho, such as the local sandbox.
    """

    model_config = ConfigDict(frozen=True)

    data_centre: DataCentre
    accounts_url: str | None = Field(default=None, description="Overrides the data centre's host.")
    api_domain: str | None = Field(
        default=None, description="None: the token answer decides, as Zoho asks (fact sheet §1.1)."
    )
    content_url: str | None = Field(default=None, description="Overrides the upload host.")
    client_id: str
    client_secret: SecretStr
    refresh_token: SecretStr
    org_id: str = Field(description="Zoho's zgid; sent as X-CRM-ORG with bulk uploads.")
    environment: Environment = Environment.PRODUCTION

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        base = self.accounts_url or HOSTS[self.data_centre].accounts_url
        return f"{base.rstrip('/')}/oauth/v2/token"

    @property
    def fallback_api_domain(self) -> str:
        """The API host to use when a token answer names none."""
        return api_domain_for(self.data_centre, self.environment)

    @property
    def upload_url(self) -> str:
        """The upload host, without a trailing slash."""
        return (self.content_url or HOSTS[self.data_centre].content_url).rstrip("/")


Share = Annotated[float, Field(ge=0.0, lt=1.0)]


class ZohoSettings(BaseModel):
    """Time limits, retry limits, and the switches for undocumented behaviour.

    Every default is what the fact sheet names; a capability probe or an operator may turn one.
    """

    model_config = ConfigDict(frozen=True)

    # How long to wait.
    connect_timeout_s: PositiveFloat = 10.0
    request_timeout_s: PositiveFloat = Field(
        default=60.0, description="Longest silence of one answer; bounds a call in flight."
    )
    transfer_timeout_s: PositiveFloat = Field(
        default=600.0, description="Longest silence while a file goes up or comes down."
    )

    # How hard to try again.
    max_attempts: PositiveInt = 5
    retry_for_s: PositiveFloat = Field(default=120.0, description="Retries of one call end here.")
    backoff_base_s: PositiveFloat = 0.5
    backoff_max_s: PositiveFloat = 20.0
    wait_for_credits_s: float = Field(
        default=0.0,
        ge=0.0,
        description="Wait this long inside a call for credits; beyond it the caller is told when.",
    )
    wait_for_token_s: PositiveFloat = Field(
        default=30.0, description="Wait this long for another process's token refresh."
    )

    # Tokens (§1.2, §1.3).
    token_refresh_ahead_s: PositiveFloat = Field(
        default=300.0, description="Refresh while the current token still has this long to live."
    )

    # Limits of one request (§3).
    rows_per_call: PositiveInt = Field(default=100, le=100, description="V: 100 per write.")
    fields_per_call: PositiveInt = Field(default=50, le=50, description="V7: 50 names per read.")
    fields_characters: PositiveInt | None = Field(
        default=None, description="U: the OpenAPI text caps the list of names at 1,024 characters."
    )
    ids_per_call: PositiveInt = Field(
        default=50,
        le=100,
        description="V7 says 100; the OpenAPI text caps the string at 1,024 characters (U).",
    )
    coql_rows_per_call: PositiveInt = Field(
        default=2000, le=2000, description="V; falls to 200 when the org answers LIMIT_EXCEEDED."
    )
    coql_columns_per_call: PositiveInt = Field(
        default=50, le=500, description="V7 says 50, V8 says 500 (U)."
    )
    fields_per_create: PositiveInt = Field(
        default=5, le=25, description="V7 says 5, the newest OpenAPI text 25 (U)."
    )

    # Attachments (§3.9).
    attachment_limit_bytes: PositiveInt = Field(
        default=20 * MEBIBYTE, description="U: 20 MB in most editions, 100 MB in the OpenAPI text."
    )
    attachment_verify_size: bool = Field(
        default=True, description="List the parent after an upload and compare the size (1 credit)."
    )

    # Undocumented behaviour (§2.2, §3.8, §6).
    edition_override: str | None = Field(
        default=None, description="paid_type to assume instead of what GET /org says."
    )
    daily_credits: PositiveInt | None = Field(
        default=None,
        description="Credits of any 24 hours with add-ons, which no API shows; None: by edition.",
    )
    price_overrides: dict[Operation, PositiveInt] = Field(
        default_factory=dict, description="U: flat credits per call, where a probe measured another"
    )
    charge_refused_calls: bool = Field(
        default=True, description="U: whether a 4xx other than 401 and 429 costs credits."
    )
    charge_server_errors: bool = Field(
        default=True, description="U: whether a 5xx or a lost answer costs credits; true is safe."
    )
    silence_notes: bool = Field(
        default=True, description="U: send an empty trigger with notes, where none is documented."
    )
    deleting_the_gone_is_success: bool = Field(
        default=True, description="U: an id that a delete no longer knows counts as deleted."
    )
    unique_case_sensitive: bool = Field(
        default=False, description="U: unique values are compared without regard to case (§3.3)."
    )
    bulk_results_on_upload_host: bool = Field(
        default=False, description="U: which host a relative download_url belongs to."
    )
    bulk_poll_interval_s: PositiveFloat = 5.0
    bulk_poll_max_interval_s: PositiveFloat = 60.0
    bulk_wait_s: PositiveFloat = Field(
        default=7200.0, description="U: how long a bulk job may take before we stop watching it."
    )
