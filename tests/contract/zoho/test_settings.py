"""Switches for what nobody could verify: each changes what it names, and none is without a case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from bridgework_zoho_sandbox.behaviour import Behaviour

from tests.contract.zoho.kit import ANY, Json, Maker, Org, answers, error, fact

SUITE = Path(__file__).parent


def test_every_setting_has_a_case() -> None:
    """A switch that no case turns is a switch nobody knows to work."""
    texts = [path.read_text(encoding="utf-8") for path in SUITE.glob("test_*.py")]
    assert [name for name in Behaviour.model_fields if not any(name in one for one in texts)] == []


def test_every_setting_names_its_section() -> None:
    """Where the fact sheet is asked; two are about the sandbox's own pace."""
    own = {"credits_override", "concurrency_override", "bulk_start_delay_s", "bulk_s_per_1000_rows"}
    for name, field in Behaviour.model_fields.items():
        assert name in own or (field.description or "").startswith("§"), name


@fact("§1.3", "V", "the window of access tokens: how many, how long (settings)")
async def test_access_token_window(zoho: Org) -> None:
    """Two in a minute instead of ten in ten."""
    await zoho.set(access_tokens_per_window=2, access_token_window_s=60)
    await zoho.pass_time(601)
    assert [(await zoho.refresh()).status for _ in range(3)] == [200, 200, 400]
    await zoho.pass_time(61)
    assert (await zoho.refresh()).status == 200


async def exchange(org: Org) -> int:
    """Mint a refresh token from a new code; return the HTTP status."""
    code = (await org.admin("POST", "/credentials", {"grant_code": True})).json["code"]
    keys = {"client_id": org.client_id, "client_secret": org.client_secret, "code": code}
    return (await org.accounts({"grant_type": "authorization_code", **keys})).status


@fact("§1.3", "S", "refresh tokens a minute (a setting)")
async def test_refresh_tokens_per_minute(zoho: Org) -> None:
    """One instead of five."""
    await zoho.set(refresh_tokens_per_minute=1)
    await zoho.pass_time(61)
    assert [await exchange(zoho) for _ in range(2)] == [200, 400]


@fact("§1.2", "S", "how long a grant code lives (a setting)")
async def test_grant_code_ttl_s(zoho: Org) -> None:
    """Ten minutes instead of three."""
    await zoho.set(grant_code_ttl_s=600)
    code = (await zoho.admin("POST", "/credentials", {"grant_code": True})).json["code"]
    await zoho.pass_time(500)
    keys = {"client_id": zoho.client_id, "client_secret": zoho.client_secret, "code": code}
    answer = await zoho.accounts({"grant_type": "authorization_code", **keys})
    assert "access_token" in answer.json


@fact("§2.1", "U", "failures before the commit are charged, or not (a setting)")
async def test_charge_edge_faults(zoho: Org) -> None:
    """Not by default; 429 never."""
    await zoho.fault("error", operation="org.get", status=502)
    assert await zoho.cost_of(zoho.get("/org")) == 0
    await zoho.set(charge_edge_faults=True)
    assert await zoho.cost_of(zoho.get("/org")) == 1
    await zoho.admin("DELETE", "/faults")
    await zoho.fault("too_many", operation="org.get")
    assert await zoho.cost_of(zoho.get("/org")) == 0


@fact("§2.2", "U", "notes cost by ten, or one a call (a setting)")
async def test_notes_by_ten(zoho: Org) -> None:
    """Twenty notes."""
    path = f"/Contacts/{await zoho.contact()}/Notes"
    notes = {"data": [{"Note_Content": "n"}] * 20}
    assert await zoho.cost_of(zoho.post(path, notes)) == 2
    await zoho.set(notes_by_ten=False)
    assert await zoho.cost_of(zoho.post(path, notes)) == 1


@fact("§2.2", "U", "results of bulk jobs cost 1 or 0 (a setting)")
async def test_download_credits(zoho: Org) -> None:
    """Whatever the download's answer."""
    path = "/crm/bulk/v8/read/123/result"
    assert await zoho.cost_of(zoho.get(path)) == 1
    await zoho.set(download_credits=0)
    assert await zoho.cost_of(zoho.get(path)) == 0


@fact("§4.3", "U", "external fields count as unique ones, or not (a setting)")
async def test_external_counts_as_unique(zoho: Org) -> None:
    """Two unique fields are there already."""
    await zoho.unique_field(label="Key One")
    await zoho.unique_field(label="Key Two")
    external: Json = {"external": {"type": "org", "show": True}}
    await zoho.new_field("Contacts", "Key Three", **external)
    await zoho.set(external_counts_as_unique=True)
    field = {"field_label": "Key Four", "data_type": "text", **external}
    answer = await zoho.post("/settings/fields?module=Contacts", {"fields": [field]})
    answer.is_(400, {"fields": [error("LIMIT_EXCEEDED", limit=2, limit_due_to=ANY)]})


@fact("§0.12", "V7", "without cadences in the org an empty trigger fires nothing (a setting)")
async def test_cadences_active(zoho: Org) -> None:
    """By default cadences run unless skipped."""
    await zoho.insert("Leads", {"Last_Name": "A"})
    assert {entry["feature"] for entry in await zoho.fired()} == {"cadences"}
    await zoho.set(cadences_active=False)
    await zoho.insert("Leads", {"Last_Name": "B"})
    assert len(await zoho.fired()) == 1


@pytest.mark.parametrize(
    ("setting", "query"),
    [
        ("coql_max_columns", "select id, City, State from Leads where id is not null"),
        ("coql_max_in", "select id from Leads where City in ('a', 'b', 'c')"),
        ("coql_max_rows", "select id from Leads where id is not null limit 2, 1"),
    ],
)
@fact("§3.6", "U", "limits of COQL that sources disagree about: columns, in, reach (settings)")
async def test_coql_limits_are_settings(zoho: Org, setting: str, query: str) -> None:
    """Two instead of the default."""
    assert (await zoho.coql(query)).status == 204
    await zoho.set(**{setting: 2})
    (await zoho.coql(query)).refused(400, "LIMIT_EXCEEDED", limit=2, clause=ANY)


@fact("§3.7", "U", "notes and attachments go with their parent, or stay (a setting)")
async def test_delete_cascades_children(zoho: Org) -> None:
    """Seen in the state."""
    found = []
    for cascades in (True, False):
        await zoho.set(delete_cascades_children=cascades)
        record = await zoho.contact()
        await zoho.post(f"/Contacts/{record}/Notes", {"data": [{"Note_Content": "n"}]})
        await zoho.attach(record, b"x")
        await zoho.delete("/Contacts", ids=record)
        state = (await zoho.admin("GET", "/state")).json
        found.append((len(state["Notes"]), len(state["Attachments"])))
    assert found == [(0, 0), (1, 1)]


@fact("§3.15", "V7", "labels take letters, digits, blanks, underscores, or more (a setting)")
async def test_label_special_characters(zoho: Org) -> None:
    """An apostrophe."""
    field = {"field_label": "Patient's Key", "data_type": "text"}
    path = "/settings/fields?module=Contacts"
    assert (await zoho.post(path, {"fields": [field]})).status == 400
    await zoho.set(label_special_characters="allow")
    assert (await zoho.post(path, {"fields": [field]})).status == 201


STORAGE: list[tuple[str, int, int]] = [
    ("free", 5_000, 1024**3),
    ("standard", 100_000, 2 * 1024**3),
    ("professional", 2_510_000, 2 * 1024**3),
    ("enterprise", 5_020_000, 3 * 1024**3),
    ("ultimate", 5_100_000, 3 * 1024**3),
]


@pytest.mark.parametrize(("edition", "records", "file_bytes"), STORAGE)
@fact("§7", "V", "data and file storage by edition and licences")
async def test_storage_by_edition(make: Maker, edition: str, records: int, file_bytes: int) -> None:
    """Two licences; a record counts 2 KB."""
    org = await make(edition=edition, seats=2)
    storage = (await org.admin("GET", "/meters")).json["storage"]
    assert storage == {"records": records, "file_bytes": file_bytes}


@fact("§7", "V", "notes count half a record; what is in the recycle bin counts as well")
@answers("STORAGE_SPACE_EXCEEDED")
async def test_what_counts_as_storage(make: Maker) -> None:
    """Room for four records."""
    org = await make(settings={"data_storage_records": 4})
    record = await org.contact()
    notes: Json = {"data": [{"Note_Content": "n"}] * 2}
    assert (await org.post(f"/Contacts/{record}/Notes", notes)).status == 201
    lead = await org.add("Leads", Last_Name="A")
    await org.delete("/Leads", ids=lead)
    assert (await org.insert("Leads", {"Last_Name": "B"})).status == 201
    (await org.insert("Leads", {"Last_Name": "C"})).refused(400, "STORAGE_SPACE_EXCEEDED", limit=4)
    path = f"/Contacts/{record}/Notes"
    (await org.post(path, notes)).refused(400, "STORAGE_SPACE_EXCEEDED")
    await org.delete(f"/settings/recycle_bin/{lead}")
    assert (await org.insert("Leads", {"Last_Name": "C"})).status == 201


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/settings", {"no_such_switch": 1}, 422),
        ("/settings", {"edition": "platinum"}, 422),
        ("/settings", {"seats": 0}, 422),
        ("/settings", {"edition": "free", "coql_max_in": 0}, 422),
    ],
)
@fact("§9", "SIM", "the admin API refuses what it does not know and changes nothing")
async def test_admin_refuses_nonsense(zoho: Org, path: str, body: Any, status: int) -> None:
    """422, and the org is as before."""
    before = (await zoho.admin("GET", "")).json
    answer = await zoho.admin("PATCH", path, body)
    after = (await zoho.admin("GET", "")).json
    assert (answer.status, after["settings"]) == (status, before["settings"])
    assert (after["edition"], after["seats"]) == (before["edition"], before["seats"])


@fact("§9", "SIM", "the admin API answers bad input with 4xx, never with 5xx")
async def test_admin_survives_nonsense(zoho: Org, http: httpx.AsyncClient) -> None:
    """No JSON, no number, no org, no pattern."""
    url = f"/sandbox/orgs/{zoho.org_id}"
    assert (await http.patch(f"{url}/settings", content=b"{")).status_code == 422
    assert (await http.get(f"{url}/requests?since=x")).status_code == 422
    assert (await http.get(f"{url}/fired?since=-1")).status_code == 422
    assert (await http.get(f"{url}/state?module=Nope")).status_code == 404
    assert (await http.post(f"{url}/faults", json={"kind": "drop", "path": "("})).status_code == 422
    assert (await http.post(f"{url}/faults", content=b"[")).status_code == 422
    assert (await http.get("/sandbox/orgs/1/meters")).status_code == 404
