"""Users and the org itself (fact sheet §3.14)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal

from bridgework_zoho.costs import Operation
from bridgework_zoho.editions import Edition, edition_for, licensed_edition
from bridgework_zoho.errors import PositionsLost, ZohoUnavailable
from bridgework_zoho.paging import TokenChain
from bridgework_zoho.requests import Call, JsonObject
from bridgework_zoho.results import ElementResult, element_result, elements_of
from bridgework_zoho.transport import Transport

USERS_PER_PAGE = 200
UserType = Literal[
    "AllUsers", "ActiveUsers", "DeactiveUsers", "ActiveConfirmedUsers", "AdminUsers", "CurrentUser"
]


@dataclass(frozen=True, slots=True)
class ZohoUser:
    """One user of the org.

    Attributes:
        id: Zoho id, usable as ``Owner``.
        active: Whether records may be given to them: active and confirmed.
        raw: Everything Zoho said, custom fields included.
    """

    id: str
    full_name: str = field(repr=False)
    email: str = field(repr=False)
    status: str
    confirmed: bool
    raw: JsonObject = field(repr=False)

    @property
    def active(self) -> bool:
        """Whether Zoho accepts them as an owner (§5)."""
        return self.status == "active" and self.confirmed


@dataclass(frozen=True, slots=True)
class ZohoOrg:
    """One org and what its licence allows.

    Attributes:
        id: Org id.
        zgid: Id to send with bulk uploads.
        edition: What ``paid_type`` stands for, or the trial's edition.
        licences: Purchased user licences.
        hipaa: Whether fields may be marked as health data and read back as null (§4.6).
    """

    id: str
    zgid: str
    company_name: str = field(repr=False)
    time_zone: str
    kind: str
    edition: Edition
    licences: int
    hipaa: bool
    raw: JsonObject = field(repr=False)

    @property
    def daily_credits(self) -> int:
        """API credits in any 24 hours, add-ons not counted."""
        return self.edition.daily_credits(self.licences)


class UsersApi:
    """Calls on users."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self, kind: UserType = "AllUsers") -> AsyncIterator[ZohoUser]:
        """Read all users of a kind."""
        chain = TokenChain(
            self._transport,
            Call(
                Operation.USERS_LIST,
                "GET",
                "/users",
                params={"type": kind, "per_page": str(USERS_PER_PAGE)},
                module="Users",
            ),
            key="users",
        )
        while not chain.ended:
            for row in await chain.next():
                yield _user(row)

    async def get(self, user_id: str) -> ZohoUser | None:
        """Read one user; None if Zoho does not know the id."""
        answer = await self._transport.send(
            Call(Operation.USERS_GET, "GET", f"/users/{user_id}", module="Users", ids=[user_id])
        )
        rows = elements_of(answer.body, "users")
        return _user(rows[0]) if rows else None

    async def update(self, user_id: str, fields: JsonObject) -> ElementResult:
        """Change custom fields of one user. Idempotent: yes."""
        call = Call(
            Operation.USERS_UPDATE,
            "PUT",
            f"/users/{user_id}",
            body={"users": [{**fields, "id": user_id}]},
            module="Users",
            ids=[user_id],
        )
        answer = await self._transport.send(call)
        rows = elements_of(answer.body, "users")
        if not rows:
            raise PositionsLost(
                "users.update: sent, but no result came back; read the user again.",
                ids=[user_id],
                operation=call.operation.value,
            )
        return element_result(0, rows[0], default_action="update", repeated=answer.repeated)


class OrgApi:
    """The call on the org."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self) -> ZohoOrg:
        """Read the org; ``edition_override`` of the settings wins over its licence."""
        answer = await self._transport.send(Call(Operation.ORG_GET, "GET", "/org"))
        rows = elements_of(answer.body, "org")
        if not rows:
            raise ZohoUnavailable("org.get: Zoho answered without an org.", operation="org.get")
        row = rows[0]
        licence: dict[str, Any] = row.get("license_details") or {}
        named = self._transport.settings.edition_override
        return ZohoOrg(
            id=str(row.get("id") or ""),
            zgid=str(row.get("zgid") or ""),
            company_name=str(row.get("company_name") or ""),
            time_zone=str(row.get("time_zone") or "UTC"),
            kind=str(row.get("type") or "production"),
            edition=licensed_edition(row) if named is None else edition_for(named),
            licences=int(licence.get("users_license_purchased") or 0),
            hipaa=bool(row.get("hipaa_compliance_enabled")),
            raw=row,
        )


def _user(row: JsonObject) -> ZohoUser:
    return ZohoUser(
        id=str(row["id"]),
        full_name=str(row.get("full_name") or ""),
        email=str(row.get("email") or ""),
        status=str(row.get("status") or ""),
        confirmed=bool(row.get("confirm", True)),
        raw=row,
    )
