"""Where Zoho lives, and what our client does with what the accounts server says (fact sheet §1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.data_centres import HOSTS, DataCentre, Environment, api_domain_for
from bridgework_zoho.errors import GrantLost, TokenThrottled
from bridgework_zoho.memory import InMemoryCreditLedger, InMemorySlotLimiter, InMemoryTokenStore
from bridgework_zoho.settings import ZohoConnection

from tests.contract.zoho.kit import Org, fact

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TABLE = [
    ("us", "accounts.zoho.com", "www.zohoapis.com", "content.zohoapis.com"),
    ("eu", "accounts.zoho.eu", "www.zohoapis.eu", "content.zohoapis.eu"),
    ("in", "accounts.zoho.in", "www.zohoapis.in", "content.zohoapis.in"),
    ("au", "accounts.zoho.com.au", "www.zohoapis.com.au", "content.zohoapis.com.au"),
    ("jp", "accounts.zoho.jp", "www.zohoapis.jp", "content.zohoapis.jp"),
    ("cn", "accounts.zoho.com.cn", "www.zohoapis.com.cn", "content.zohoapis.com.cn"),
    ("ca", "accounts.zohocloud.ca", "www.zohoapis.ca", "upload.zohocloud.ca"),
    ("sa", "accounts.zoho.sa", "www.zohoapis.sa", "files.zoho.sa"),
    ("uk", "accounts.zoho.uk", "www.zohoapis.uk", None),
    ("ae", "accounts.zoho.ae", "www.zohoapis.ae", None),
]
NAMES = [row[0] for row in TABLE]


@pytest.mark.parametrize(
    ("name", "accounts", "api", "upload"), TABLE, ids=[row[0] for row in TABLE]
)
@fact("§1.1", "V", "hosts of every data centre (UK and AE: marks S and U, and so flagged)")
def test_hosts_of_a_data_centre(name: str, accounts: str, api: str, upload: str | None) -> None:
    """Accounts, API, upload; nobody knows the upload hosts of UK and AE."""
    hosts = HOSTS[DataCentre(name)]
    assert (hosts.accounts_url, hosts.api_domain) == (f"https://{accounts}", f"https://{api}")
    assert hosts.verified is (upload is not None)
    if upload is not None:
        assert hosts.content_url == f"https://{upload}"


@pytest.mark.parametrize(
    ("name", "accounts", "api", "upload"), TABLE, ids=[row[0] for row in TABLE]
)
@fact("§1.1", "V", "sandbox. and developer. stand in the place of www.")
def test_environments(name: str, accounts: str, api: str, upload: str | None) -> None:
    """The same domain after it."""
    del accounts, upload
    bare = api.removeprefix("www.")
    for environment in (Environment.SANDBOX, Environment.DEVELOPER):
        wanted = f"https://{environment.value}.{bare}"
        assert api_domain_for(DataCentre(name), environment) == wanted


def test_every_data_centre_is_in_the_table() -> None:
    """A new one needs its line."""
    assert {row[0] for row in TABLE} == {one.value for one in DataCentre} == set(HOSTS)


def client_of(org: Org, **changes: Any) -> ZohoClient:
    """Return our client; only the accounts server's address is given."""
    url = str(org.http.base_url).rstrip("/")
    keys = ("org_id", "client_id", "client_secret", "refresh_token")
    told = {"data_centre": "eu", "accounts_url": url, **{key: getattr(org, key) for key in keys}}
    return ZohoClient(
        ZohoConnection.model_validate({**told, **changes}),
        tokens=InMemoryTokenStore(),
        credits=InMemoryCreditLedger(10**6),
        slots=InMemorySlotLimiter(20),
    )


@pytest.fixture
async def zoho_client(zoho: Org) -> AsyncIterator[ZohoClient]:
    """Our client of a fresh org."""
    async with client_of(zoho) as client:
        yield client


@fact("§1.1", "V", "the API domain of the token answer wins over the table")
async def test_api_domain_comes_with_the_token(zoho: Org, zoho_client: ZohoClient) -> None:
    """Before the first token the data centre's; then where the accounts server says."""
    assert zoho_client.transport.api_domain == "https://www.zohoapis.eu"
    assert await zoho_client.records.count("Leads") == 0
    assert zoho_client.transport.api_domain == str(zoho.http.base_url).rstrip("/")


@pytest.mark.parametrize("wrong", ["refresh_token", "client_id", "client_secret"])
@fact("§1.4", "S", "an error in a 200 body of the accounts server is understood: authorise again")
async def test_error_in_a_200_body(zoho: Org, wrong: str) -> None:
    """GrantLost names the code and says what to do; no second question is asked."""
    async with client_of(zoho, **{wrong: "nonsense"}) as client:
        for _ in range(2):
            with pytest.raises(GrantLost, match="Connect the org again") as caught:
                await client.records.count("Leads")
            assert caught.value.code.startswith("invalid_")


@fact("§1.2", "S", "a revoked grant stops the client with a clear reason")
async def test_revoked_grant(zoho: Org, zoho_client: ZohoClient) -> None:
    """At the next call, because its access token died with it."""
    assert await zoho_client.records.count("Leads") == 0
    await zoho.http.post("/oauth/v2/token/revoke", params={"token": zoho.refresh_token})
    with pytest.raises(GrantLost, match="no longer accepts the connection") as caught:
        await zoho_client.records.count("Leads")
    assert caught.value.code == "invalid_code"


@fact("§1.4", "S", "a throttled accounts server: the client says when to come back")
async def test_throttled_accounts_server(zoho: Org, zoho_client: ZohoClient) -> None:
    """Somebody else used the ten tokens of ten minutes."""
    while (await zoho.refresh()).status == 200:
        pass
    with pytest.raises(TokenThrottled) as caught:
        await zoho_client.records.count("Leads")
    assert caught.value.retry_after_s == 600
