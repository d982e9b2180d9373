"""Zoho accounts: codes, refresh tokens, access tokens and their limits (fact sheet §1)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import urlencode

from .call import Answer, answer_json
from .org import Org

ACCESS_TOKEN_LIFE_S = 3600
MINUTE_S = 60
ALL_SCOPES = (
    "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.users.ALL,ZohoCRM.org.ALL,"
    "ZohoCRM.bulk.ALL,ZohoCRM.coql.READ,ZohoCRM.Files.ALL,ZohoCRM.mass_delete.ALL,"
    "ZohoCRM.mass_update.ALL,ZohoCRM.composite_requests.CUSTOM,ZohoCRM.notifications.ALL,"
    "ZohoCRM.apis.READ,ZohoSearch.securesearch.READ,ZohoFiles.files.ALL"
)


@dataclass(frozen=True, slots=True)
class Grant:
    """One live token or code."""

    org: Org
    token: str
    kind: str
    client_id: str
    person: int
    scope: str
    parent: str | None
    created: float
    expires: float | None


class TokenBook:
    """Finds the org behind a token or client; every token lives in its org's database."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}
        self._clients: dict[str, tuple[Org, str]] = {}

    def adopt(self, org: Org) -> None:
        """Take over the clients and tokens of an org."""
        for client_id, secret in org.database.all("select client_id, client_secret from client"):
            self._clients[client_id] = (org, secret)
        for row in org.database.all(
            "select token, kind, client_id, person, scope, parent, created, expires"
            " from grant_token"
        ):
            self._grants[row[0]] = Grant(org, *row)

    def forget(self, org: Org) -> None:
        """Drop everything of an org."""
        self._grants = {k: v for k, v in self._grants.items() if v.org is not org}
        self._clients = {k: v for k, v in self._clients.items() if v[0] is not org}

    def add_client(self, org: Org, client_id: str, client_secret: str) -> None:
        """Register an app of an org."""
        org.database.execute(
            "insert or replace into client values (?, ?, null)", (client_id, client_secret)
        )
        self._clients[client_id] = (org, client_secret)

    def knows_client(self, client_id: str) -> bool:
        """Return whether an app with this id exists."""
        return client_id in self._clients

    def client(self, client_id: str) -> tuple[Org, str] | None:
        """Return an app's org and secret."""
        return self._clients.get(client_id)

    def live(self, token: str, kind: str) -> Grant | None:
        """Return a token that exists and has not expired."""
        grant = self._grants.get(token)
        if grant is None or grant.kind != kind:
            return None
        if grant.expires is not None and grant.org.clock.now() >= grant.expires:
            return None
        return grant

    def mint(
        self,
        org: Org,
        kind: str,
        *,
        client_id: str,
        person: int,
        scope: str,
        parent: str | None = None,
        life_s: float | None = None,
        token: str | None = None,
    ) -> Grant:
        """Create and store a token or code."""
        now = org.clock.now()
        text = token or f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"
        expires = None if life_s is None else now + life_s
        grant = Grant(org, text, kind, client_id, person, scope, parent, now, expires)
        org.database.execute(
            "insert or replace into grant_token values (?, ?, ?, ?, ?, ?, ?, ?)",
            (text, kind, client_id, person, scope, parent, now, expires),
        )
        self._grants[text] = grant
        return grant

    def drop(self, grant: Grant) -> None:
        """Invalidate a token; a refresh token takes its access tokens along."""
        for other in [g for g in self._grants.values() if g.parent == grant.token]:
            self.drop(other)
        grant.org.database.execute("delete from grant_token where token = ?", (grant.token,))
        self._grants.pop(grant.token, None)

    def of(self, org: Org, kind: str, **match: object) -> list[Grant]:
        """Return an org's tokens of a kind, oldest first."""
        found = [
            grant
            for grant in self._grants.values()
            if grant.org is org
            and grant.kind == kind
            and all(getattr(grant, name) == value for name, value in match.items())
        ]
        return sorted(found, key=lambda grant: grant.created)

    def expire_access_tokens(self, org: Org) -> int:
        """Invalidate every access token of an org and return how many there were."""
        tokens = self.of(org, "access")
        for grant in tokens:
            self.drop(grant)
        return len(tokens)

    def add_refresh_token(
        self, org: Org, *, client_id: str, person: int, scope: str, token: str | None = None
    ) -> Grant:
        """Create a refresh token; the one too many evicts the user's oldest."""
        mine = self.of(org, "refresh", client_id=client_id, person=person)
        surplus = len(mine) + 1 - org.behaviour.refresh_tokens_per_user
        for grant in mine[: max(0, surplus)]:
            self.drop(grant)
        return self.mint(
            org, "refresh", client_id=client_id, person=person, scope=scope, token=token
        )


def _refuse(error: str, status: int = 200) -> Answer:
    return answer_json(status, {"error": error})


def _throttled() -> Answer:
    return answer_json(
        400,
        {
            "error": "Access Denied",
            "error_description": "You have made too many requests continuously."
            " Please try again after some time.",
            "status": "failure",
        },
    )


class Accounts:
    """The accounts server: what it answers to ``/oauth/v2/…``."""

    def __init__(self, tokens: TokenBook) -> None:
        self.tokens = tokens

    def token(self, form: dict[str, str], base_url: str) -> Answer:
        """``POST /oauth/v2/token`` for all three grant types."""
        client = self.tokens.client(form.get("client_id", ""))
        if client is None:
            return _refuse("invalid_client")
        org, secret = client
        if not secrets.compare_digest(
            secret.encode(), form.get("client_secret", "").encode("utf-8", "replace")
        ):
            return _refuse("invalid_client_secret")
        kind = form.get("grant_type")
        if kind == "refresh_token":
            return self._refresh(org, form, base_url)
        if kind == "authorization_code":
            return self._exchange(org, form, base_url)
        if kind == "client_credentials":
            return self._client_credentials(org, form, base_url)
        return _refuse("general_error")

    def revoke(self, form: dict[str, str]) -> Answer:
        """``POST /oauth/v2/token/revoke?token=``: the refresh token and its access tokens die."""
        token = form.get("token", "")
        grant = self.tokens.live(token, "refresh") or self.tokens.live(token, "access")
        if grant is None:
            return _refuse("invalid_code")
        self.tokens.drop(grant)
        return answer_json(200, {"status": "success"})

    def authorise(self, params: dict[str, str], base_url: str) -> Answer:
        """``GET /oauth/v2/auth``: consents at once and redirects with a code."""
        client = self.tokens.client(params.get("client_id", ""))
        target = params.get("redirect_uri", "")
        if client is None:
            return _refuse("invalid_client", 400)
        if params.get("response_type") != "code" or not target.startswith(("http://", "https://")):
            return _refuse("general_error", 400)
        org = client[0]
        code = self.tokens.mint(
            org,
            "code",
            client_id=params["client_id"],
            person=next(iter(org.people)),
            scope=params.get("scope") or ALL_SCOPES,
            life_s=org.behaviour.grant_code_ttl_s,
        )
        query = {"code": code.token, "location": "us", "accounts-server": base_url}
        join = "&" if "?" in target else "?"
        location = target + join + urlencode(query)
        safe = location.encode("ascii", "ignore").decode().replace("\r", "").replace("\n", "")
        return Answer(302, headers={"location": safe})

    def _access(self, org: Org, parent: Grant, base_url: str) -> Answer:
        behaviour = org.behaviour
        window = org.clock.now() - behaviour.access_token_window_s
        recent = (org.database.get_meta("minted") or {}).get(parent.token, [])
        recent = [at for at in recent if at > window]
        if len(recent) >= behaviour.access_tokens_per_window:
            return _throttled()
        minted = org.database.get_meta("minted") or {}
        minted[parent.token] = [*recent, org.clock.now()]
        org.database.put_meta("minted", minted)
        live = self.tokens.of(org, "access", parent=parent.token)
        for grant in live[: max(0, len(live) + 1 - behaviour.live_access_tokens)]:
            self.tokens.drop(grant)
        grant = self.tokens.mint(
            org,
            "access",
            client_id=parent.client_id,
            person=parent.person,
            scope=parent.scope,
            parent=parent.token,
            life_s=ACCESS_TOKEN_LIFE_S,
        )
        return answer_json(
            200,
            {
                "access_token": grant.token,
                "scope": parent.scope.replace(",", " "),
                "api_domain": base_url,
                "token_type": "Bearer",
                "expires_in": ACCESS_TOKEN_LIFE_S,
            },
        )

    def _refresh(self, org: Org, form: dict[str, str], base_url: str) -> Answer:
        grant = self.tokens.live(form.get("refresh_token", ""), "refresh")
        if grant is None or grant.org is not org or grant.client_id != form["client_id"]:
            return _refuse("invalid_code")
        person = org.people.get(grant.person)
        if person is None or not person.active:
            return _refuse("invalid_code")
        return self._access(org, grant, base_url)

    def _exchange(self, org: Org, form: dict[str, str], base_url: str) -> Answer:
        code = self.tokens.live(form.get("code", ""), "code")
        if code is None or code.org is not org or code.client_id != form["client_id"]:
            return _refuse("invalid_code")
        minute_ago = org.clock.now() - MINUTE_S
        young = [g for g in self.tokens.of(org, "refresh") if g.created > minute_ago]
        if len(young) >= org.behaviour.refresh_tokens_per_minute:
            return _throttled()
        self.tokens.drop(code)
        refresh = self.tokens.add_refresh_token(
            org, client_id=code.client_id, person=code.person, scope=code.scope
        )
        answer = self._access(org, refresh, base_url)
        if answer.status == 200:  # noqa: PLR2004 - OK
            answer.body = answer.body[:-1] + b',"refresh_token":"' + refresh.token.encode() + b'"}'
        return answer

    def _client_credentials(self, org: Org, form: dict[str, str], base_url: str) -> Answer:
        if form.get("soid") != f"ZohoCRM.{org.id}":
            return _refuse("general_error")
        person = next(iter(org.people))
        scope = form.get("scope") or ALL_SCOPES
        holder = f"client-credentials.{form['client_id']}"
        parent = Grant(org, holder, "refresh", form["client_id"], person, scope, None, 0.0, None)
        return self._access(org, parent, base_url)
