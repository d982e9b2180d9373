"""Users and the org (fact sheet §3.14)."""

from __future__ import annotations

import pytest

from tests.contract.zoho.kit import ANY, ID, STAMP, Maker, Org, answers, error, fact, success


@pytest.mark.parametrize(
    ("edition", "paid_type"),
    [
        ("free", "free"),
        ("standard", "standard"),
        ("professional", "professional"),
        ("enterprise", "enterprise"),
        ("ultimate", "ultimate"),
    ],
)
@fact("§3.14", "V", "the org tells edition and licences: enough for budget and concurrency")
async def test_org(make: Maker, edition: str, paid_type: str) -> None:
    """license_details, zgid, time zone, compliance."""
    org = await make(edition=edition, seats=7, org_id="900100200")
    [shown] = (await org.get("/org")).json["org"]
    assert shown["license_details"] == {
        "paid": edition != "free",
        "paid_type": paid_type,
        "paid_expiry": None,
        "trial_type": None,
        "trial_expiry": None,
        "users_license_purchased": 7,
        "portal_users_license_purchased": 0,
    }
    assert (shown["zgid"], shown["time_zone"]) == ("900100200", "America/New_York")
    assert (shown["type"], shown["hipaa_compliance_enabled"]) == ("production", False)


@fact("§3.14", "V", "a user: id, zuid, names, e-mail, status, confirm, role, profile, zone, times")
async def test_user(zoho: Org) -> None:
    """The keys that matter."""
    answer = await zoho.get("/users", type="CurrentUser")
    [user] = answer.json["users"]
    wanted = {
        "id": ID,
        "zuid": ANY,
        "first_name": "Ada",
        "last_name": "Admin",
        "full_name": "Ada Admin",
        "email": "ada@example.com",
        "status": "active",
        "confirm": True,
        "role": {"name": "Manager", "id": ID},
        "profile": {"name": "Administrator", "id": ID},
        "time_zone": "America/New_York",
        "created_time": STAMP,
        "Modified_Time": STAMP,
        "type__s": "Regular User",
    }
    assert {key: user[key] for key in wanted} == wanted
    info = {"per_page": 200, "count": 1, "page": 1, "more_records": False}
    assert answer.json["info"] == info


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("AllUsers", ["Ada", "Bo", "Cy", "Di"]),
        ("ActiveUsers", ["Ada", "Bo", "Cy"]),
        ("DeactiveUsers", ["Di"]),
        ("ConfirmedUsers", ["Ada", "Bo", "Cy", "Di"]),
        ("ActiveConfirmedUsers", ["Ada", "Bo", "Cy"]),
        ("AdminUsers", ["Ada", "Bo", "Di"]),
        ("ActiveConfirmedAdmins", ["Ada", "Bo"]),
        ("CurrentUser", ["Ada"]),
        ("DeletedUsers", []),
        ("NotConfirmedUsers", []),
    ],
)
@fact("§3.14", "V", "users by type; 204 for none")
async def test_users_by_type(zoho: Org, kind: str, names: list[str]) -> None:
    """Each selection."""
    answer = await zoho.get("/users", type=kind)
    found = [] if answer.status == 204 else [u["first_name"] for u in answer.json["users"]]
    assert found == names


@fact("§3.14", "V", "users are paged, picked by ids, counted")
async def test_users_paging(zoho: Org) -> None:
    """And an unknown type is refused."""
    answer = await zoho.get("/users", per_page="2", page="2")
    assert [user["first_name"] for user in answer.json["users"]] == ["Cy", "Di"]
    ids = f"{zoho.users[1]['id']},12"
    answer = await zoho.get("/users", ids=ids)
    assert [user["first_name"] for user in answer.json["users"]] == ["Bo"]
    (await zoho.get("/users/actions/count", type="ActiveUsers")).is_(200, {"count": 3})
    answer = await zoho.get("/users", type="Nobody")
    assert (answer.status, answer.json["code"]) == (400, "INVALID_DATA")


@fact("§3.14", "V", "users honour If-Modified-Since")
async def test_users_if_modified_since(zoho: Org) -> None:
    """Only changed ones, or 304."""
    headers = {"If-Modified-Since": "2090-01-01T00:00:00+00:00"}
    answer = await zoho.get("/users", headers=headers)
    assert (answer.status, answer.content) == (304, b"")
    headers = {"If-Modified-Since": "2001-01-01T00:00:00+00:00"}
    assert len((await zoho.get("/users", headers=headers)).json["users"]) == 4


@fact("§3.14", "V", "one user by id; 204 when unknown")
async def test_one_user(zoho: Org) -> None:
    """By URL."""
    bo = zoho.users[1]["id"]
    [user] = (await zoho.get(f"/users/{bo}")).json["users"]
    assert (user["full_name"], user["time_zone"]) == ("Bo Dentist", "Europe/Berlin")
    assert (await zoho.get("/users/12")).status == 204


@fact("§3.14", "V", "custom fields on Users are created through fields and set by PUT /users")
async def test_custom_field_on_users(zoho: Org) -> None:
    """Such as an NPI."""
    name = await zoho.new_field("Users", "NPI", length=10)
    bo = zoho.users[1]["id"]
    (await zoho.put(f"/users/{bo}", {"users": [{name: "1234567893"}]})).is_(
        200, {"users": [success("User updated", {"id": bo})]}
    )
    assert (await zoho.get(f"/users/{bo}")).json["users"][0][name] == "1234567893"
    answer = await zoho.put("/users", {"users": [{"id": bo, name: "x" * 11}]})
    refusal = error(
        "INVALID_DATA", api_name=name, json_path=f"$.users[0].{name}", maximum_length=10
    )
    answer.is_(400, {"users": [refusal]})


@fact("§3.14", "V", "PUT /users takes one user")
async def test_one_user_per_update(zoho: Org) -> None:
    """Two are refused, none without id."""
    (await zoho.put("/users", {"users": [{}, {}]})).refused(
        400, "INVALID_DATA", maximum_length=1, api_name="users", json_path="$.users"
    )
    refusal = error("MANDATORY_NOT_FOUND", api_name="id", json_path="$.users[0].id")
    (await zoho.put("/users", {"users": [{"last_name": "x"}]})).is_(400, {"users": [refusal]})


@fact("§3.14", "V", "status changes: ID_ALREADY_DEACTIVATED, LICENSE_LIMIT_EXCEEDED")
@answers("ID_ALREADY_DEACTIVATED", "LICENSE_LIMIT_EXCEEDED")
async def test_status_changes(make: Maker) -> None:
    """Three active users on three seats."""
    org = await make(seats=3)
    gone = org.users[3]["id"]
    (await org.put(f"/users/{gone}", {"users": [{"status": "disabled"}]})).is_(
        400, {"users": [error("ID_ALREADY_DEACTIVATED", id=gone)]}
    )
    (await org.put(f"/users/{gone}", {"users": [{"status": "active"}]})).is_(
        400, {"users": [error("LICENSE_LIMIT_EXCEEDED", limit=3)]}
    )


@fact("§3.14", "V", "an e-mail is not updated: EMAIL_UPDATE_NOT_ALOWED (sic)")
@answers("EMAIL_UPDATE_NOT_ALOWED")
async def test_email_is_not_updated(zoho: Org) -> None:
    """Spelled as Zoho spells it."""
    bo = zoho.users[1]["id"]
    answer = await zoho.put(f"/users/{bo}", {"users": [{"email": "new@example.com"}]})
    refusal = error("EMAIL_UPDATE_NOT_ALOWED", api_name="email", json_path="$.users[0].email")
    answer.is_(400, {"users": [refusal]})


@fact("§3.14", "V", "a deleted user is not updated: CANNOT_UPDATE_DELETED_USER")
@answers("CANNOT_UPDATE_DELETED_USER")
async def test_deleted_user_is_not_updated(zoho: Org) -> None:
    """Listed only as deleted."""
    made = await zoho.admin(
        "POST",
        "/users",
        {"full_name": "Eve Past", "email": "eve@example.com", "status": "deleted"},
    )
    eve = made.json["id"]
    (await zoho.put(f"/users/{eve}", {"users": [{"last_name": "x"}]})).is_(
        400, {"users": [error("CANNOT_UPDATE_DELETED_USER", id=eve)]}
    )
    assert (await zoho.get("/users", type="DeletedUsers")).json["users"][0]["id"] == eve
