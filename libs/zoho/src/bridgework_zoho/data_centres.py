"""Where each Zoho data centre answers: one table, no guessing elsewhere.

Source: fact sheet §1.1. The API domain in the token answer wins over this table; the table is
what we use before the first token has been minted and for the upload host, which no answer names.
"""

from dataclasses import dataclass
from enum import StrEnum


class DataCentre(StrEnum):
    """A Zoho region. An org lives in exactly one; a token of another one is refused."""

    US = "us"
    EU = "eu"
    IN = "in"
    AU = "au"
    JP = "jp"
    CN = "cn"
    CA = "ca"
    SA = "sa"
    UK = "uk"
    AE = "ae"


class Environment(StrEnum):
    """Which copy of the org is meant; it changes the API host name (fact sheet §1.1, V)."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"
    DEVELOPER = "developer"


@dataclass(frozen=True, slots=True)
class Hosts:
    """The three addresses of one data centre, without a trailing slash.

    Attributes:
        accounts_url: Token endpoint host.
        api_domain: API host of the production environment.
        content_url: Bulk and file upload host.
        verified: False where no official source names all three (UK, AE).
    """

    accounts_url: str
    api_domain: str
    content_url: str
    verified: bool = True


HOSTS: dict[DataCentre, Hosts] = {
    DataCentre.US: Hosts(
        "https://accounts.zoho.com", "https://www.zohoapis.com", "https://content.zohoapis.com"
    ),
    DataCentre.EU: Hosts(
        "https://accounts.zoho.eu", "https://www.zohoapis.eu", "https://content.zohoapis.eu"
    ),
    DataCentre.IN: Hosts(
        "https://accounts.zoho.in", "https://www.zohoapis.in", "https://content.zohoapis.in"
    ),
    DataCentre.AU: Hosts(
        "https://accounts.zoho.com.au",
        "https://www.zohoapis.com.au",
        "https://content.zohoapis.com.au",
    ),
    DataCentre.JP: Hosts(
        "https://accounts.zoho.jp", "https://www.zohoapis.jp", "https://content.zohoapis.jp"
    ),
    DataCentre.CN: Hosts(
        "https://accounts.zoho.com.cn",
        "https://www.zohoapis.com.cn",
        "https://content.zohoapis.com.cn",
    ),
    DataCentre.CA: Hosts(
        "https://accounts.zohocloud.ca", "https://www.zohoapis.ca", "https://upload.zohocloud.ca"
    ),
    DataCentre.SA: Hosts(
        "https://accounts.zoho.sa", "https://www.zohoapis.sa", "https://files.zoho.sa"
    ),
    DataCentre.UK: Hosts(
        "https://accounts.zoho.uk",
        "https://www.zohoapis.uk",
        "https://content.zohoapis.uk",
        verified=False,
    ),
    DataCentre.AE: Hosts(
        "https://accounts.zoho.ae",
        "https://www.zohoapis.ae",
        "https://content.zohoapis.ae",
        verified=False,
    ),
}


def api_domain_for(data_centre: DataCentre, environment: Environment) -> str:
    """Say which API host serves this environment of an org, before a token has told us."""
    domain = HOSTS[data_centre].api_domain
    if environment is Environment.PRODUCTION:
        return domain
    return domain.replace("://www.", f"://{environment.value}.", 1)
