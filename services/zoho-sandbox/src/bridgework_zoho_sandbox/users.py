"""Users and the org itself (fact sheet §3.14)."""

from __future__ import annotations

from collections.abc import Callable

from .call import PER_PAGE_MAX, Answer, Call, answer_json, element_answer, no_content
from .errors import Json, Rejected, ZohoError, bad_id, bad_param, invalid_data, mandatory_not_found
from .org import Org
from .paging import ids_param
from .people import Person
from .plan import PLANS
from .reading import NOT_MODIFIED, modified_since
from .record_ids import record_id
from .writing import Writer

_PROFILE_KEYS = frozenset({"role", "profile", "id", "status", "confirm", "reason"})
_SELECTIONS: dict[str, Callable[[Person], bool]] = {
    "AllUsers": lambda person: person.status != "deleted",
    "ActiveUsers": lambda person: person.status == "active",
    "DeactiveUsers": lambda person: person.status == "disabled",
    "ConfirmedUsers": lambda person: person.confirmed,
    "NotConfirmedUsers": lambda person: not person.confirmed,
    "DeletedUsers": lambda person: person.status == "deleted",
    "ActiveConfirmedUsers": lambda person: person.active,
    "AdminUsers": lambda person: person.admin,
    "ActiveConfirmedAdmins": lambda person: person.active and person.admin,
}


def user_json(org: Org, person: Person) -> Json:
    """Return a user with every custom field of the Users module."""
    shown = person.to_json(org.profiles, org.roles)
    for field in org.modules["Users"].live_fields():
        if field.custom:
            shown.setdefault(field.api_name, None)
    return shown


def _selected(call: Call) -> list[Person]:
    kind = call.params.get("type", "AllUsers")
    people = list(call.org.people.values())
    if kind == "CurrentUser":
        return [call.person]
    if kind not in _SELECTIONS:
        raise bad_param("type", supported_values=[*_SELECTIONS, "CurrentUser"])
    chosen = _SELECTIONS[kind]
    return [person for person in people if chosen(person)]


def list_users(call: Call) -> Answer:
    """``GET /users``."""
    people = _selected(call)
    ids = ids_param(call, most=100)
    if ids is not None:
        people = [person for person in people if str(person.id) in ids]
    since = modified_since(call)
    if since is not None:
        people = [person for person in people if person.modified > since]
    per_page = call.number_param("per_page", PER_PAGE_MAX, most=PER_PAGE_MAX)
    number = call.number_param("page", 1, most=10**6)
    start = (number - 1) * per_page
    shown = people[start : start + per_page]
    if not shown:
        return Answer(NOT_MODIFIED) if since is not None else no_content()
    info = {
        "per_page": per_page,
        "count": len(shown),
        "page": number,
        "more_records": len(people) > start + per_page,
    }
    return answer_json(
        200, {"users": [user_json(call.org, person) for person in shown], "info": info}
    )


def get_user(call: Call) -> Answer:
    """``GET /users/{id}``."""
    person = call.org.people.get(record_id(call.args["id"]) or 0)
    if person is None:
        return no_content()
    return answer_json(200, {"users": [user_json(call.org, person)]})


def count_users(call: Call) -> Answer:
    """``GET /users/actions/count``."""
    return answer_json(200, {"count": len(_selected(call))})


def _change(call: Call, person: Person, sent: Json, path: str) -> Json:
    org = call.org
    if person.status == "deleted":
        raise Rejected(
            "CANNOT_UPDATE_DELETED_USER", "Deleted user cannot be updated", {"id": str(person.id)}
        )
    if "email" in sent and sent["email"] != person.email:
        raise Rejected(
            "EMAIL_UPDATE_NOT_ALOWED",
            "Cannot update email of a confirmed CRM User",
            {"api_name": "email", "json_path": f"{path}.email"},
        )
    _change_status(org, person, sent, path)
    for name, known in (("role", org.roles), ("profile", org.profiles)):
        if name in sent:
            setattr(person, name, _named(sent[name], known, f"{path}.{name}", name))
    fields = {k: v for k, v in sent.items() if k not in _PROFILE_KEYS and k != "email"}
    writer = Writer(org, org.modules["Users"], call.person)
    values = writer.checks.build(fields, writer, path)
    for name in ("first_name", "last_name", "time_zone"):
        if name in values and (values[name] or name == "first_name"):
            setattr(person, name, values.pop(name) or "")
    person.custom = {**person.custom, **values}
    person.modified = org.clock.now_s()
    org.save_person(person)
    return {
        "code": "SUCCESS",
        "details": {"id": str(person.id)},
        "message": "User updated",
        "status": "success",
    }


def _change_status(org: Org, person: Person, sent: Json, path: str) -> None:
    status = sent.get("status")
    if status is None:
        return
    if status not in {"active", "disabled"}:
        raise invalid_data(
            {
                "api_name": "status",
                "json_path": f"{path}.status",
                "supported_values": ["active", "disabled"],
            }
        )
    if status == "disabled" and person.status == "disabled":
        raise Rejected(
            "ID_ALREADY_DEACTIVATED", "User is already deactivated", {"id": str(person.id)}
        )
    active = sum(other.status == "active" for other in org.people.values())
    if status == "active" and person.status != "active" and active >= org.seats:
        raise Rejected(
            "LICENSE_LIMIT_EXCEEDED", "Request exceeds your license limit", {"limit": org.seats}
        )
    person.status = status


def _named(value: object, known: dict[str, int], path: str, name: str) -> str:
    wanted = record_id(value.get("id") if isinstance(value, dict) else value)
    for label, known_id in known.items():
        if known_id == wanted:
            return label
    raise invalid_data({"api_name": name, "json_path": path})


def _wanted(call: Call, sent: Json, path: str, person_id: int | None) -> Person:
    if person_id is None and sent.get("id") is None:
        raise mandatory_not_found("id", f"{path}.id")
    wanted = person_id if person_id is not None else record_id(sent["id"])
    person = call.org.people.get(wanted or 0)
    if person is None:
        raise bad_id(path)
    return person


def _update(call: Call, data: list[Json], person_id: int | None) -> Answer:
    elements: list[Json] = []
    failed = 0
    for index, sent in enumerate(data):
        path = f"$.users[{index}]"
        try:
            elements.append(_change(call, _wanted(call, sent, path, person_id), sent, path))
        except Rejected as refusal:
            elements.append(refusal.body())
            failed += 1
    return element_answer(elements, failed, ok=200, key="users")


def update_users(call: Call) -> Answer:
    """``PUT /users``: one user, custom fields by API name."""
    return _update(call, call.batch("users", limit=1), None)


def update_user(call: Call) -> Answer:
    """``PUT /users/{id}``."""
    return _update(call, call.batch("users", limit=1), record_id(call.args["id"]) or 0)


def get_org(call: Call) -> Answer:
    """``GET /org``: edition, licences, time zone and what compliance is switched on."""
    org = call.org
    profile = org.profile
    paid = org.edition != "free"
    shown = {
        "id": profile["id"],
        "zgid": profile["zgid"],
        "company_name": profile["company_name"],
        "time_zone": profile["time_zone"],
        "currency": "US Dollar",
        "currency_symbol": "$",
        "iso_code": "USD",
        "country": "United States",
        "country_code": "US",
        "mc_status": False,
        "gapps_enabled": False,
        "hipaa_compliance_enabled": bool(profile["hipaa"]),
        "type": "production",
        "primary_email": next(iter(org.people.values())).email,
        "primary_zuid": str(next(iter(org.people.values())).zuid),
        "domain_name": f"org{profile['zgid']}",
        "license_details": {
            "paid": paid,
            "paid_type": PLANS[org.edition].paid_type,
            "paid_expiry": None,
            "trial_type": None,
            "trial_expiry": None,
            "users_license_purchased": org.seats,
            "portal_users_license_purchased": 0,
        },
    }
    return answer_json(200, {"org": [shown]})


def post_users(call: Call) -> Answer:
    """``POST /users`` is outside this sandbox: users are made by the admin API."""
    del call
    raise ZohoError(
        403, "NO_PERMISSION", "permission denied", {"permissions": ["Crm_Implied_Create_Users"]}
    )
