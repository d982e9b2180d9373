"""What the cases are written with: an org behind plain HTTP, and patterns for exact answers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]


class Like:
    """Equals every text that matches a pattern in full."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self._pattern.fullmatch(other) is not None

    def __hash__(self) -> int:
        return hash(self._pattern)

    def __repr__(self) -> str:
        return f"Like({self._pattern.pattern!r})"


class Anything:
    """Equals everything, for parts a case is not about."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "ANY"


ANY = Anything()
ANSWERED: set[str] = set()
"""Every code that was answered since the current case began."""
ID = Like(r"\d{17,19}")
STAMP = Like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
WHO: Json = {"name": ANY, "id": ID}
STAMPS: Json = {
    "id": ID,
    "Created_Time": STAMP,
    "Modified_Time": STAMP,
    "Created_By": WHO,
    "Modified_By": WHO,
}
APPROVED: Json = {**STAMPS, "$approval_state": "approved"}


def fact(section: str, mark: str, says: str) -> pytest.MarkDecorator:
    """Name the fact a case proves: section and mark of the fact sheet, and the fact itself."""
    return pytest.mark.fact(section, mark, says)


def answers(*codes: str) -> pytest.MarkDecorator:
    """Name codes of the error taxonomy a case makes the sandbox answer; checked when it ran."""
    return pytest.mark.answers(*codes)


def declared_codes(item: Any) -> set[str]:
    """Return the codes a collected case names: by its mark, or by ``code`` or ``refusal``."""
    codes = {code for mark in item.iter_markers("answers") for code in mark.args}
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    refusal = parameters.get("refusal")
    for given in (parameters.get("code"), refusal.get("code") if refusal else None):
        if isinstance(given, str):
            codes.add(given)
    return codes


def success(message: str, details: Any, **more: Any) -> Json:
    """Return a successful element."""
    return {
        "code": "SUCCESS",
        **more,
        "details": details,
        "message": message,
        "status": "success",
    }


ADDED = success("record added", APPROVED)
UPDATED = success("record updated", APPROVED)


def error(code: str, message: Any = ANY, **details: Any) -> Json:
    """Return an error object with exactly these details."""
    return {"code": code, "details": details, "message": message, "status": "error"}


def invalid(name: str, path: str, **details: Any) -> Json:
    """Return the error of a value that is refused."""
    return error("INVALID_DATA", api_name=name, json_path=path, **details)


@dataclass
class Answer:
    """One HTTP answer."""

    status: int
    json: Any
    headers: httpx.Headers
    content: bytes

    @property
    def first(self) -> Json:
        """Return the first element of ``data``."""
        element: Json = self.json["data"][0]
        return element

    @property
    def id(self) -> str:
        """Return the id of the first element."""
        return str(self.first["details"]["id"])

    def is_(self, status: int, body: Any) -> None:
        """Assert status and whole body."""
        assert (self.status, self.json) == (status, body)

    def refused(self, status: int, code: str, **details: Any) -> None:
        """Assert a refusal of the whole request with exactly these details."""
        self.is_(status, error(code, **details))


@dataclass
class Org:
    """One org and an app with a token for it."""

    http: httpx.AsyncClient
    org_id: str
    client_id: str
    client_secret: str
    refresh_token: str
    users: list[Json]
    token: str = ""
    names: dict[str, str] = field(default_factory=dict)

    async def sign_in(self, refresh_token: str | None = None) -> str:
        """Get an access token and use it from now on."""
        answer = await self.refresh(refresh_token)
        self.token = answer.json["access_token"]
        return self.token

    async def refresh(self, refresh_token: str | None = None, **changes: str) -> Answer:
        """Ask the accounts server for an access token."""
        form = {
            "grant_type": "refresh_token",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": refresh_token or self.refresh_token,
        }
        return await self.accounts({**form, **changes})

    async def accounts(self, form: dict[str, str]) -> Answer:
        """Post a form to the token endpoint."""
        return _answer(await self.http.post("/oauth/v2/token", data=form))

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        """Call the API; paths without ``/crm`` are below ``/crm/v8``."""
        if not path.startswith(("/crm", "/v8")):
            path = f"/crm/v8{path}"
        headers = {"Authorization": f"Zoho-oauthtoken {self.token}"}
        headers.update(options.pop("headers", {}))
        return _answer(await self.http.request(method, path, headers=headers, **options))

    async def get(self, path: str, **params: Any) -> Answer:
        """GET with query parameters."""
        headers = params.pop("headers", {})
        return await self.call("GET", path, params=params, headers=headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """POST a JSON body."""
        return await self.call("POST", path, json=body, headers=_dashed(headers))

    async def put(self, path: str, body: Any = None, **headers: str) -> Answer:
        """PUT a JSON body."""
        return await self.call("PUT", path, json=body, headers=_dashed(headers))

    async def patch(self, path: str, body: Any) -> Answer:
        """PATCH a JSON body."""
        return await self.call("PATCH", path, json=body)

    async def delete(self, path: str, **params: Any) -> Answer:
        """DELETE with query parameters."""
        return await self.call("DELETE", path, params=params)

    async def insert(self, module: str, *records: Json, **siblings: Any) -> Answer:
        """Insert records, silently unless told otherwise."""
        body = {"data": list(records), "trigger": [], **siblings}
        return await self.post(f"/{module}", body)

    async def add(self, module: str, **values: Any) -> str:
        """Insert one record that must succeed; return its id."""
        answer = await self.insert(module, values)
        assert answer.status == 201, answer.json
        return answer.id

    async def contact(self, **values: Any) -> str:
        """Insert one Contact; return its id."""
        return await self.add("Contacts", **{"Last_Name": "Okafor", **values})

    async def read(self, module: str, record: str) -> Json:
        """Return one record in full."""
        answer = await self.get(f"/{module}/{record}")
        assert answer.status == 200, answer.json
        return answer.first

    async def new_field(self, module: str, label: str, data_type: str = "text", **more: Any) -> str:
        """Create a field that must be accepted; return its API name from the metadata."""
        body = {"fields": [{"field_label": label, "data_type": data_type, **more}]}
        answer = await self.post(f"/settings/fields?module={module}", body)
        assert answer.status == 201, answer.json
        field_id = answer.json["fields"][0]["details"]["id"]
        return str((await self.field(module, field_id))["api_name"])

    async def unique_field(self, module: str = "Contacts", label: str = "Source Patient ID") -> str:
        """Create a unique text field; return its API name."""
        return await self.new_field(module, label, unique={"case_sensitive": False})

    async def field(self, module: str, field_id: str) -> Json:
        """Return a field's metadata by id or API name."""
        answer = await self.get("/settings/fields", module=module)
        found: Json = next(
            item for item in answer.json["fields"] if field_id in (item["id"], item["api_name"])
        )
        return found

    async def coql(self, query: str, **more: Any) -> Answer:
        """Run a query."""
        return await self.post("/coql", {"select_query": query, **more})

    async def count(self, module: str) -> int:
        """Return how many live records a module holds."""
        return int((await self.get(f"/{module}/actions/count")).json["count"])

    async def attach(self, record: str, content: bytes, name: str = "x-ray.png") -> Answer:
        """Upload a file to a Contact."""
        return await self.call(
            "POST", f"/Contacts/{record}/Attachments", files={"file": (name, content)}
        )

    # The sandbox's own admin API.

    async def admin(self, method: str, path: str, body: Any = None) -> Answer:
        """Call the admin API of this org."""
        return _answer(
            await self.http.request(method, f"/sandbox/orgs/{self.org_id}{path}", json=body)
        )

    async def set(self, **settings: Any) -> None:
        """Change settings of this org."""
        answer = await self.admin("PATCH", "/settings", settings)
        assert answer.status == 200, answer.json

    async def pass_time(self, seconds: float) -> None:
        """Let virtual time pass."""
        await self.admin("POST", "/clock/advance", {"seconds": seconds})

    async def fault(self, kind: str, **spec: Any) -> None:
        """Script a fault."""
        answer = await self.admin("POST", "/faults", {"kind": kind, **spec})
        assert answer.status == 201, answer.json

    async def fired(self) -> list[Json]:
        """Return the automations that ran."""
        entries: list[Json] = (await self.admin("GET", "/fired")).json["fired"]
        return entries

    async def requests(self) -> list[Json]:
        """Return the request log."""
        entries: list[Json] = (await self.admin("GET", "/requests")).json["requests"]
        return entries

    async def spent(self) -> int:
        """Return the credits spent in the last 24 virtual hours."""
        return int((await self.admin("GET", "/meters")).json["credits"]["used"])

    async def cost_of(self, answer: Any) -> int:
        """Return what one call costs; takes the coroutine of the call."""
        before = await self.spent()
        await answer
        return await self.spent() - before


@dataclass
class Maker:
    """Makes orgs and removes them again."""

    http: httpx.AsyncClient
    made: list[Org] = field(default_factory=list)

    async def __call__(self, **wanted: Any) -> Org:
        """Make an org; ``settings`` are behaviours that differ from the default."""
        users = [
            {"full_name": "Ada Admin", "email": "ada@example.com"},
            {"full_name": "Bo Dentist", "email": "bo@example.com", "time_zone": "Europe/Berlin"},
            {"full_name": "Cy Desk", "email": "cy@example.com", "profile": "Standard"},
            {"full_name": "Di Gone", "email": "di@example.com", "status": "disabled"},
        ]
        body = {"users": users, **wanted}
        answer = _answer(await self.http.post("/sandbox/orgs", json=body))
        assert answer.status == 201, answer.json
        keys = ("org_id", "client_id", "client_secret", "refresh_token", "users")
        org = Org(self.http, **{key: answer.json[key] for key in keys})
        self.made.append(org)
        await org.sign_in()
        return org

    async def clean(self) -> None:
        """Remove what was made."""
        for org in self.made:
            await org.admin("DELETE", "")


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _answer(response: httpx.Response) -> Answer:
    kind = response.headers.get("content-type", "")
    body = response.json() if kind.startswith("application/json") and response.content else None
    ANSWERED.update(_codes(body))
    return Answer(response.status_code, body, response.headers, response.content)


def _codes(value: Any) -> Iterator[str]:
    """Yield every ``code`` in an answer, however deep."""
    if isinstance(value, dict):
        if isinstance(value.get("code"), str):
            yield value["code"]
        for item in value.values():
            yield from _codes(item)
    elif isinstance(value, list):
        for item in value:
            yield from _codes(item)
