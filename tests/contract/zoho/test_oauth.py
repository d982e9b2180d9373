"""Tokens (fact sheet §1)."""

from __future__ import annotations

import pytest

from tests.contract.zoho.kit import ANY, Answer, Like, Maker, Org, answers, fact

TOKEN = Like(r"1000\.[0-9a-f]{32}\.[0-9a-f]{32}")


@fact("§1.2", "V", "refresh answers token, api_domain, type and 3600 s, and no refresh token")
async def test_refresh_answers_an_access_token_for_an_hour(zoho: Org) -> None:
    """The whole body of a refresh."""
    (await zoho.refresh()).is_(
        200,
        {
            "access_token": TOKEN,
            "scope": ANY,
            "api_domain": str(zoho.http.base_url).rstrip("/"),
            "token_type": "Bearer",
            "expires_in": 3600,
        },
    )


@fact("§1.2", "V", "refresh takes its parameters in the query string as well")
async def test_refresh_takes_its_parameters_in_the_query(zoho: Org) -> None:
    """Query string instead of form body."""
    params = {
        "grant_type": "refresh_token",
        "client_id": zoho.client_id,
        "client_secret": zoho.client_secret,
        "refresh_token": zoho.refresh_token,
    }
    answer = await zoho.http.post("/oauth/v2/token", params=params)
    assert answer.json()["access_token"] == TOKEN


@fact("§1.2", "V", "a code becomes an access token and a refresh token, once")
async def test_code_is_exchanged_once(zoho: Org) -> None:
    """The second use of a code is refused with HTTP 200."""
    code = (await zoho.admin("POST", "/credentials", {"grant_code": True})).json["code"]
    form = {
        "grant_type": "authorization_code",
        "client_id": zoho.client_id,
        "client_secret": zoho.client_secret,
        "redirect_uri": "https://localhost",
        "code": code,
    }
    answer = await zoho.accounts(form)
    assert answer.status == 200
    assert answer.json["refresh_token"] == TOKEN
    assert answer.json["expires_in"] == 3600
    (await zoho.accounts(form)).is_(200, {"error": "invalid_code"})


@fact("§1.2", "S", "a code lives minutes")
async def test_code_expires_after_minutes(zoho: Org) -> None:
    """An old code is refused."""
    code = (await zoho.admin("POST", "/credentials", {"grant_code": True})).json["code"]
    await zoho.pass_time(181)
    form = {
        "grant_type": "authorization_code",
        "client_id": zoho.client_id,
        "client_secret": zoho.client_secret,
        "code": code,
    }
    (await zoho.accounts(form)).is_(200, {"error": "invalid_code"})


@fact("§1.2", "V", "authorise redirects with code, location and accounts-server")
async def test_authorise_redirects_with_a_code(zoho: Org) -> None:
    """The multi-data-centre redirect."""
    params = {
        "response_type": "code",
        "client_id": zoho.client_id,
        "scope": "ZohoCRM.modules.ALL",
        "redirect_uri": "https://localhost/back",
        "access_type": "offline",
    }
    answer = await zoho.http.get("/oauth/v2/auth", params=params)
    assert answer.status_code == 302
    assert answer.headers["location"] == Like(
        r"https://localhost/back\?code=1000\.\w+\.\w+&location=us&accounts-server=http.+"
    )


@fact("§1.2", "V", "client credentials answer like a refresh, for the org named by soid")
async def test_client_credentials_name_their_org(zoho: Org) -> None:
    """A self client without a user."""
    form = {
        "grant_type": "client_credentials",
        "client_id": zoho.client_id,
        "client_secret": zoho.client_secret,
        "soid": f"ZohoCRM.{zoho.org_id}",
    }
    assert (await zoho.accounts(form)).json["access_token"] == TOKEN
    (await zoho.accounts({**form, "soid": "ZohoCRM.1"})).is_(200, {"error": "general_error"})


@fact("§1.2", "S", "revoke kills a refresh token and its access tokens")
async def test_revoked_refresh_token_is_dead(zoho: Org) -> None:
    """After revoke neither refresh nor API call works."""
    answer = await zoho.http.post("/oauth/v2/token/revoke", params={"token": zoho.refresh_token})
    assert (answer.status_code, answer.json()) == (200, {"status": "success"})
    (await zoho.refresh()).is_(200, {"error": "invalid_code"})
    (await zoho.get("/org")).refused(401, "INVALID_TOKEN")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        pytest.param({"refresh_token": "1000.no.no"}, "invalid_code", id="refresh token"),
        pytest.param({"client_id": "1000.NO"}, "invalid_client", id="client id"),
        pytest.param({"client_secret": "no"}, "invalid_client_secret", id="client secret"),
        pytest.param({"grant_type": "password"}, "general_error", id="grant type"),
    ],
)
@fact("§1.4", "S", "a refused token request is HTTP 200 with an error key")
async def test_refused_token_request_is_http_200(
    zoho: Org, change: dict[str, str], word: str
) -> None:
    """A client must look into the body."""
    (await zoho.refresh(**change)).is_(200, {"error": word})


@fact("§1.3", "V", "ten access tokens per refresh token in ten minutes, then refused")
async def test_eleventh_token_in_ten_minutes_is_refused(zoho: Org) -> None:
    """The throttle and the end of its window."""
    for _ in range(9):
        assert "access_token" in (await zoho.refresh()).json
    (await zoho.refresh()).is_(
        400,
        {
            "error": "Access Denied",
            "error_description": "You have made too many requests continuously."
            " Please try again after some time.",
            "status": "failure",
        },
    )
    await zoho.pass_time(601)
    assert "access_token" in (await zoho.refresh()).json


@fact("§1.3", "U", "the 16th live access token evicts the oldest (15 or 30, a setting)")
async def test_oldest_access_token_is_evicted(make: Maker) -> None:
    """Eviction is silent and shows as INVALID_TOKEN."""
    org = await make(settings={"live_access_tokens": 2})
    first = org.token
    await org.sign_in()
    await org.sign_in()
    second = org.token
    org.token = first
    (await org.get("/org")).refused(401, "INVALID_TOKEN")
    org.token = second
    assert (await org.get("/org")).status == 200


@fact("§1.3", "V", "the 21st refresh token of a user and client evicts the oldest")
async def test_oldest_refresh_token_is_evicted(make: Maker) -> None:
    """With the limit set to two for speed."""
    org = await make(settings={"refresh_tokens_per_user": 2})
    for _ in range(2):
        await org.admin("POST", "/credentials", {})
    (await org.refresh()).is_(200, {"error": "invalid_code"})


@fact("§1.3", "S", "five refresh tokens a minute, then refused")
async def test_sixth_refresh_token_in_a_minute_is_refused(zoho: Org) -> None:
    """And free again a minute later."""

    async def exchange() -> Answer:
        code = (await zoho.admin("POST", "/credentials", {"grant_code": True})).json["code"]
        return await zoho.accounts(
            {
                "grant_type": "authorization_code",
                "client_id": zoho.client_id,
                "client_secret": zoho.client_secret,
                "code": code,
            }
        )

    for _ in range(4):  # the org's own refresh token is the first of the minute
        assert "refresh_token" in (await exchange()).json
    assert (await exchange()).json["error"] == "Access Denied"
    await zoho.pass_time(61)
    assert "refresh_token" in (await exchange()).json


@fact("§1.2", "V", "an access token lives 3600 s")
async def test_access_token_dies_after_an_hour(zoho: Org) -> None:
    """One second before the hour it works, after it does not."""
    await zoho.pass_time(3590)
    assert (await zoho.get("/org")).status == 200
    await zoho.pass_time(20)
    (await zoho.get("/org")).refused(401, "INVALID_TOKEN")


@fact("§1.2", "V", "a dead user's refresh token is dead")
async def test_token_of_a_deactivated_user_is_dead(zoho: Org) -> None:
    """Deactivation ends both kinds of tokens."""
    desk = zoho.users[2]
    made = (await zoho.admin("POST", "/credentials", {"user": desk["id"]})).json
    admin_token = zoho.token
    desk_token = await zoho.sign_in(made["refresh_token"])
    zoho.token = admin_token
    await zoho.put(f"/users/{desk['id']}", {"users": [{"status": "disabled"}]})
    (await zoho.refresh(made["refresh_token"])).is_(200, {"error": "invalid_code"})
    zoho.token = desk_token
    (await zoho.get("/org")).refused(401, "INVALID_TOKEN")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        pytest.param("Zoho-oauthtoken 1000.no.no", "INVALID_TOKEN", id="unknown token"),
        pytest.param("1000.no.no", "AUTHENTICATION_FAILURE", id="no scheme"),
        pytest.param("", "AUTHENTICATION_FAILURE", id="empty"),
    ],
)
@fact("§1.4", "V", "a dead token is 401 INVALID_TOKEN, a malformed header AUTHENTICATION_FAILURE")
async def test_bad_authorization_is_401(zoho: Org, header: str, code: str) -> None:
    """Two codes, one status."""
    (await zoho.get("/org", headers={"Authorization": header})).refused(401, code)


@fact("§1.2", "U", "the Bearer prefix is not relied on (a setting)")
async def test_bearer_prefix_is_a_setting(zoho: Org) -> None:
    """Refused by default, accepted when switched on."""
    headers = {"Authorization": f"Bearer {zoho.token}"}
    (await zoho.get("/org", headers=headers)).refused(401, "INVALID_TOKEN")
    await zoho.set(accept_bearer=True)
    assert (await zoho.get("/org", headers=headers)).status == 200


@pytest.mark.parametrize(
    ("scope", "method", "path", "allowed"),
    [
        ("ZohoCRM.modules.ALL", "GET", "/Contacts?fields=id", True),
        ("ZohoCRM.modules.contacts.READ", "GET", "/Contacts?fields=id", True),
        ("ZohoCRM.modules.contacts.ALL", "GET", "/Contacts?fields=id", True),
        ("ZohoCRM.modules.READ", "GET", "/Contacts?fields=id", True),
        ("ZohoCRM.modules.leads.READ", "GET", "/Contacts?fields=id", False),
        ("ZohoCRM.modules.contacts.CREATE", "GET", "/Contacts?fields=id", False),
        ("ZohoCRM.modules.ALL", "GET", "/Contacts/search?word=ab", False),
        (
            "ZohoCRM.modules.ALL,ZohoSearch.securesearch.READ",
            "GET",
            "/Contacts/search?word=ab",
            True,
        ),
        ("ZohoCRM.modules.ALL", "POST", "/coql", False),
        ("ZohoCRM.modules.ALL", "GET", "/org", False),
        ("ZohoCRM.org.READ", "GET", "/org", True),
        ("ZohoCRM.users.READ", "GET", "/users", True),
        ("ZohoCRM.settings.fields.READ", "GET", "/settings/fields?module=Contacts", True),
        ("ZohoCRM.settings.ALL", "GET", "/settings/fields?module=Contacts", True),
        ("ZohoCRM.settings.layouts.READ", "GET", "/settings/fields?module=Contacts", False),
        ("ZohoCRM.modules.contacts.READ", "GET", "/Notes?fields=id", False),
        ("ZohoCRM.modules.notes.READ", "GET", "/Notes?fields=id", True),
        ("ZohoCRM.bulk.ALL", "POST", "/crm/bulk/v8/write", True),
        pytest.param(
            *("ZohoCRM.bulk.READ", "POST", "/crm/bulk/v8/write", False),
            marks=answers("OAUTH_SCOPE_MISMATCH"),
        ),
        ("ZohoCRM.apis.READ", "GET", "/__apis", True),
    ],
)
@fact("§1.5", "V", "a call outside the token's scopes is 401 OAUTH_SCOPE_MISMATCH")
async def test_scope_decides(zoho: Org, scope: str, method: str, path: str, allowed: bool) -> None:
    """Families, modules and operations of scopes."""
    made = (await zoho.admin("POST", "/credentials", {"scopes": scope})).json
    await zoho.sign_in(made["refresh_token"])
    answer = await zoho.call(method, path)
    if allowed:
        assert answer.status != 401
    else:
        answer.refused(401, "OAUTH_SCOPE_MISMATCH")
