"""The demo's Zoho org: made in the sandbox, edited there as people would, asked what it saw."""

import json
from pathlib import Path
from typing import Any

import httpx

Json = dict[str, Any]
FALLBACK = {"full_name": "Migration Fallback", "email": "fallback@practice.example"}
ADMIN = {"full_name": "Bridgework Admin", "email": "admin@practice.example"}


def org_users(practice: Path) -> list[Json]:
    """Return the users of the practice's org: from ``org_users.json`` beside the export."""
    file = practice / "org_users.json"
    if not file.exists():
        return [ADMIN, FALLBACK]
    listed = json.loads(file.read_text(encoding="utf-8"))["users"]
    users = [
        {"full_name": user["full_name"], "email": user["email"]}
        | ({"NPI": user["NPI"]} if user.get("NPI") else {})
        for user in listed
    ]
    return users or [ADMIN, FALLBACK]


def fallback_email(users: list[Json]) -> str:
    """Return the e-mail of the user who gets what nobody can own."""
    named = [user for user in users if "fallback" in user["full_name"].lower()]
    return str((named or users)[0]["email"])


class SandboxOrg:
    """One org of the sandbox, through its admin API."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._http = httpx.AsyncClient(base_url=base_url, timeout=60.0)
        self.org_id = ""
        self.connection: Json = {}

    async def close(self) -> None:
        """Release the connection."""
        await self._http.aclose()

    async def create(self, name: str, users: list[Json], time_zone: str) -> None:
        """Make the org and remember how to reach it."""
        made = await self._call(
            "POST",
            "/sandbox/orgs",
            {"company_name": name, "time_zone": time_zone, "seats": 25, "users": users},
        )
        self.org_id = made["org_id"]
        self.connection = {
            "accounts_url": made["accounts_url"],
            "content_url": made["accounts_url"],
            "client_id": made["client_id"],
            "client_secret": made["client_secret"],
            "refresh_token": made["refresh_token"],
            "org_id": made["org_id"],
        }

    async def rows(self, module: str) -> list[Json]:
        """Return every row of a module."""
        dump = await self._call("GET", f"/sandbox/orgs/{self.org_id}/state?module={module}")
        rows: list[Json] = dump[module]
        return rows

    async def edit(self, user: str, module: str, record_id: str, data: Json) -> None:
        """Change a record as a person would, in the user interface."""
        await self._call(
            "POST",
            f"/sandbox/orgs/{self.org_id}/edits",
            {"action": "update", "module": module, "user": user, "id": record_id, "data": data},
        )

    async def fired(self) -> int:
        """Return how many automations our writes have fired; edits by people do not count."""
        listed = await self._call("GET", f"/sandbox/orgs/{self.org_id}/fired")
        return sum(1 for one in listed["fired"] if one["source"] == "api")

    async def fingerprint(self, *, ids: bool) -> Json:
        """Return the sandbox's own fingerprint per module; without ids, orgs can be compared."""
        query = "true" if ids else "false"
        found: Json = await self._call(
            "GET", f"/sandbox/orgs/{self.org_id}/fingerprint?ids={query}"
        )
        return found

    async def meters(self) -> Json:
        """Return credits and concurrency as the org counts them."""
        meters: Json = await self._call("GET", f"/sandbox/orgs/{self.org_id}/meters")
        return meters

    async def change_settings(self, settings: Json) -> None:
        """Change how the org behaves, e.g. ``{"seats": 2000}``."""
        await self._call("PATCH", f"/sandbox/orgs/{self.org_id}/settings", settings)

    async def _call(self, method: str, path: str, body: Json | None = None) -> Any:
        answer = await self._http.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None
