"""What each field type accepts and refuses (fact sheet §4.1), and names (§4.2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.zoho.kit import ADDED, ANY, ID, Json, Maker, Org, error, fact, invalid

NEW: dict[str, tuple[str, Json]] = {
    "integer": ("Age", {}),
    "bigint": ("Chart No", {}),
    "double": ("Score", {"decimal_place": 3}),
    "currency": ("Balance", {"decimal_place": 2}),
    "percent": ("Share", {}),
    "boolean": ("Smoker", {}),
    "date": ("Seen On", {}),
    "datetime": ("Seen At", {}),
    "website": ("Page", {}),
    "multiselectpicklist": ("Flags", {"pick_list_values": [{"display_value": "a"}]}),
}


async def field_of(org: Org, kind: str) -> str:
    """Create a field of a type on Contacts."""
    label, more = NEW[kind]
    return await org.new_field("Contacts", label, kind, **more)


PHONES_OK = [
    "+1 (555) 123-4567",
    "555-123-4567",
    "(555) 123-4567",
    "555.123.4567",
    "5551234567",
    "555-123-4567 x12",
    "1 800 FLOWERS",
    "none",
    "a" * 30,
]
PHONES_BAD = [
    "n/a",
    "555-123-4567 / 8",
    "555--1234",
    "-555-1234",
    "555  1234",
    "",
    "a" * 31,
    "555_1234",
]


@pytest.mark.parametrize("phone", PHONES_OK)
@fact("§4.1", "V7", "a phone passes Zoho's pattern")
async def test_phone_is_accepted(zoho: Org, phone: str) -> None:
    """Letters, groups, single separators, parentheses."""
    answer = await zoho.insert("Contacts", {"Last_Name": "A", "Phone": phone})
    answer.is_(201, {"data": [ADDED]})
    assert (await zoho.read("Contacts", answer.id))["Phone"] == phone


@pytest.mark.parametrize("phone", PHONES_BAD)
@fact("§0.15", "V7", "a bad phone fails its whole record: expected_data_type phone")
async def test_phone_is_refused(zoho: Org, phone: str) -> None:
    """Slashes, doubled separators, leading minus, over 30 characters, empty."""
    answer = await zoho.insert("Contacts", {"Last_Name": "A", "Phone": phone})
    answer.is_(400, {"data": [invalid("Phone", "$.data[0].Phone", expected_data_type="phone")]})


EMAILS_OK = [
    "a@b.co",
    "a..b@c.com",
    "first.last+tag@sub-domain.example.org",
    "_x@example.com",
    "josé@exámple.com",
    "1@2.museum",
]
EMAILS_BAD = ["x@y", ".a@b.com", "a b@c.com", "a@b.c1", "a@", "@b.com", "a@b..com", "plain", ""]


@pytest.mark.parametrize("email", EMAILS_OK)
@fact("§4.1", "V7", "an e-mail passes Zoho's pattern")
async def test_email_is_accepted(zoho: Org, email: str) -> None:
    """Letters of any script, dots in the local part."""
    answer = await zoho.insert("Contacts", {"Last_Name": "A", "Email": email})
    answer.is_(201, {"data": [ADDED]})


@pytest.mark.parametrize("email", EMAILS_BAD)
@fact("§4.1", "V7", "a bad e-mail fails its whole record: expected_data_type email")
async def test_email_is_refused(zoho: Org, email: str) -> None:
    """No TLD, leading dot, blanks, digits in the TLD."""
    answer = await zoho.insert("Contacts", {"Last_Name": "A", "Email": email})
    answer.is_(400, {"data": [invalid("Email", "$.data[0].Email", expected_data_type="email")]})


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("Last_Name", 80),
        ("First_Name", 40),
        ("Mailing_Street", 250),
        ("Title", 100),
        ("Description", 32_000),
    ],
)
@fact("§0.15", "V7", "text over its length fails with maximum_length; nothing is truncated")
async def test_text_over_length_is_refused(zoho: Org, name: str, length: int) -> None:
    """At the limit it passes, one more and it does not."""
    fit = await zoho.contact(**{name: "x" * length})
    assert (await zoho.read("Contacts", fit))[name] == "x" * length
    over = {"Last_Name": "A", name: "x" * (length + 1)}
    (await zoho.insert("Contacts", over)).is_(
        400, {"data": [invalid(name, f"$.data[0].{name}", maximum_length=length)]}
    )


ACCEPTED: list[Any] = [
    ("integer", 0, 0),
    ("integer", -42, -42),
    ("integer", 999_999_999, 999_999_999),
    ("bigint", "123456789012345678", "123456789012345678"),
    ("double", 1.5, 1.5),
    ("double", 2, 2),
    ("currency", 10.25, 10.25),
    ("currency", 10.259, 10.25),
    ("currency", -10.259, -10.25),
    ("percent", 12.5, 12.5),
    ("boolean", True, True),
    ("boolean", False, False),
    ("date", "1980-02-29", "1980-02-29"),
    ("datetime", "2026-01-15T12:00:00+00:00", "2026-01-15T07:00:00-05:00"),
    ("datetime", "2026-07-15T12:00:00+02:00", "2026-07-15T06:00:00-04:00"),
    ("website", "https://example.com/a?b=c", "https://example.com/a?b=c"),
    ("website", "www.example.com", "www.example.com"),
    ("website", "ftp://files.example.com", "ftp://files.example.com"),
    ("multiselectpicklist", ["a"], ["a"]),
    ("multiselectpicklist", ["a", "new"], ["a", "new"]),
]


@pytest.mark.parametrize(("kind", "value", "shown"), ACCEPTED)
@fact("§4.1", "V7", "accepted values and how they read back")
async def test_value_is_accepted(zoho: Org, kind: str, value: Any, shown: Any) -> None:
    """Decimals beyond the field's are cut; instants come back in the user's zone."""
    name = await field_of(zoho, kind)
    record = await zoho.contact(**{name: value})
    assert (await zoho.read("Contacts", record))[name] == shown


REFUSED: list[Any] = [
    ("integer", 1_000_000_000, {"maximum_length": 9}),
    ("integer", 1.5, {"expected_data_type": "integer"}),
    ("integer", "many", {"expected_data_type": "integer"}),
    ("integer", True, {"expected_data_type": "integer"}),
    ("bigint", "1234567890123456789", {"maximum_length": 18}),
    ("bigint", "12a", {"expected_data_type": "bigint"}),
    ("double", "1.5", {"expected_data_type": "double"}),
    ("double", 10**16, {"maximum_length": 16}),
    ("currency", "$10", {"expected_data_type": "double"}),
    ("percent", 100_000, {"maximum_length": 5}),
    ("boolean", "yes", {"expected_data_type": "boolean"}),
    ("boolean", 1, {"expected_data_type": "boolean"}),
    ("date", "02/29/1980", {"expected_data_type": "date"}),
    ("date", "1981-02-29", {"expected_data_type": "date"}),
    ("date", "1980-2-9", {"expected_data_type": "date"}),
    ("datetime", "2026-01-15 12:00:00", {"expected_data_type": "datetime"}),
    ("datetime", "2026-01-15T12:00:00", {"expected_data_type": "datetime"}),
    ("website", "example", {"expected_data_type": "website"}),
    ("website", "https://exa mple.com", {"expected_data_type": "website"}),
    ("website", "http://nodots", {"expected_data_type": "website"}),
    ("website", "http://e.co/" + "x" * 440, {"maximum_length": 450}),
    ("multiselectpicklist", "a;b", {"expected_data_type": "jsonarray"}),
]


@pytest.mark.parametrize(("kind", "value", "details"), REFUSED)
@fact("§4.1", "V7", "refused values: INVALID_DATA with expected type or length")
async def test_value_is_refused(zoho: Org, kind: str, value: Any, details: Json) -> None:
    """The record fails, the field is named."""
    name = await field_of(zoho, kind)
    answer = await zoho.insert("Contacts", {"Last_Name": "A", name: value})
    answer.is_(400, {"data": [invalid(name, f"$.data[0].{name}", **details)]})


@pytest.mark.parametrize("value", ["2026-01-15T12:00:00Z", "2026-01-15T12:00:00.5+00:00"])
@fact("§4.1", "U", "fractions and a bare Z are not the documented format (a setting)")
async def test_lenient_datetime_is_a_setting(zoho: Org, value: str) -> None:
    """Refused by default."""
    name = await field_of(zoho, "datetime")
    assert (await zoho.insert("Contacts", {"Last_Name": "A", name: value})).status == 400
    await zoho.set(lenient_datetime=True)
    assert (await zoho.insert("Contacts", {"Last_Name": "A", name: value})).status == 201


@fact("§8.8", "V", "datetimes come back in the calling user's zone")
async def test_datetime_is_shown_in_the_callers_zone(zoho: Org) -> None:
    """The same instant for a user in Berlin."""
    name = await field_of(zoho, "datetime")
    record = await zoho.contact(**{name: "2026-01-15T12:00:00+00:00"})
    made = (await zoho.admin("POST", "/credentials", {"user": "bo@example.com"})).json
    await zoho.sign_in(made["refresh_token"])
    assert (await zoho.read("Contacts", record))[name] == "2026-01-15T13:00:00+01:00"


@fact("§4.1", "V7", "a picklist takes a value it does not know; the list is not extended")
async def test_unknown_picklist_value_is_stored(zoho: Org) -> None:
    """Typos become data; a setting refuses them."""
    record = await zoho.contact(Lead_Source="Word of mouth")
    assert (await zoho.read("Contacts", record))["Lead_Source"] == "Word of mouth"
    values = (await zoho.field("Contacts", "Lead_Source"))["pick_list_values"]
    assert "Word of mouth" not in [item["display_value"] for item in values]
    await zoho.set(unknown_picklist_values="reject")
    answer = await zoho.insert("Contacts", {"Last_Name": "A", "Lead_Source": "Typo"})
    supported = [item["display_value"] for item in values]
    answer.is_(
        400,
        {"data": [invalid("Lead_Source", "$.data[0].Lead_Source", supported_values=supported)]},
    )


@fact("§4.1", "V7", "a picklist value over 120 characters is refused")
async def test_long_picklist_value_is_refused(zoho: Org) -> None:
    """maximum_length 120."""
    answer = await zoho.insert("Contacts", {"Last_Name": "A", "Lead_Source": "x" * 121})
    answer.is_(400, {"data": [invalid("Lead_Source", "$.data[0].Lead_Source", maximum_length=120)]})


@fact("§4.1", "V7", "a lookup takes {id}, reads back as {name, id}, not by name")
async def test_lookup_takes_an_id(zoho: Org) -> None:
    """By id only."""
    account = await zoho.add("Accounts", Account_Name="Delta Dental")
    record = await zoho.contact(Account_Name={"id": account})
    shown = (await zoho.read("Contacts", record))["Account_Name"]
    assert shown == {"name": "Delta Dental", "id": account}
    for wrong in ({"name": "Delta Dental"}, {"id": "x"}):
        answer = await zoho.insert("Contacts", {"Last_Name": "A", "Account_Name": wrong})
        answer.is_(400, {"data": [invalid("Account_Name", "$.data[0].Account_Name")]})


@fact("§4.1", "U", "a bare id string as lookup is refused (a setting takes it)")
async def test_bare_lookup_id_is_a_setting(zoho: Org) -> None:
    """Default and switch."""
    account = await zoho.add("Accounts", Account_Name="Delta Dental")
    answer = await zoho.insert("Contacts", {"Last_Name": "A", "Account_Name": account})
    path = "$.data[0].Account_Name"
    answer.is_(400, {"data": [invalid("Account_Name", path, expected_data_type="jsonobject")]})
    await zoho.set(bare_lookup_ids=True)
    assert (
        await zoho.insert("Contacts", {"Last_Name": "A", "Account_Name": account})
    ).status == 201


@fact("§4.1", "U", "Owner by e-mail is a setting")
async def test_owner_by_email_is_a_setting(zoho: Org) -> None:
    """Default: ids only."""
    body = {"Last_Name": "A", "Owner": {"email": "bo@example.com"}}
    assert (await zoho.insert("Contacts", body)).status == 400
    await zoho.set(owner_by_email=True)
    answer = await zoho.insert("Contacts", body)
    assert (await zoho.read("Contacts", answer.id))["Owner"]["name"] == "Bo Dentist"


@fact("§4.1", "V7", "a user lookup takes an active user")
async def test_user_lookup(zoho: Org) -> None:
    """Active passes, disabled does not."""
    name = await zoho.new_field("Contacts", "Provider", "userlookup")
    bo, gone = zoho.users[1]["id"], zoho.users[3]["id"]
    record = await zoho.contact(**{name: {"id": bo}})
    assert (await zoho.read("Contacts", record))[name]["id"] == bo
    answer = await zoho.insert("Contacts", {"Last_Name": "A", name: {"id": gone}})
    answer.is_(400, {"data": [invalid(name, f"$.data[0].{name}")]})


@fact("§4.1", "V7", "a file-upload field takes ids from POST /files")
async def test_file_field(zoho: Org) -> None:
    """A known id passes, a made-up one does not, nor one too many."""
    name = await zoho.new_field("Contacts", "Consent Form", "fileupload")
    made = await zoho.call("POST", "/files", files={"file": ("c.pdf", b"%PDF")})
    file_id = made.first["details"]["id"]
    record = await zoho.contact(**{name: [{"File_Id__s": file_id}]})
    assert (await zoho.read("Contacts", record))[name] == [{"File_Id__s": file_id}]
    answer = await zoho.insert("Contacts", {"Last_Name": "A", name: [{"File_Id__s": "no"}]})
    assert answer.first["code"] == "INVALID_DATA"
    answer = await zoho.insert("Contacts", {"Last_Name": "A", name: [{"File_Id__s": file_id}] * 2})
    answer.is_(400, {"data": [invalid(name, f"$.data[0].{name}", maximum_length=1)]})


@fact("§4.1", "U", "an empty string on a mandatory field counts as missing")
async def test_empty_string_is_missing(zoho: Org) -> None:
    """MANDATORY_NOT_FOUND."""
    refusal = error("MANDATORY_NOT_FOUND", api_name="Last_Name", json_path="$.data[0].Last_Name")
    (await zoho.insert("Contacts", {"Last_Name": ""})).is_(400, {"data": [refusal]})


# External fields (§4.3).


@fact("§4.3", "V7", "read, update and delete by external value with X-EXTERNAL")
async def test_record_is_addressed_by_external_value(zoho: Org) -> None:
    """GET, PUT, DELETE of /{module}/{value}."""
    name = await zoho.new_field("Contacts", "Ext Key", external={"type": "org", "show": True})
    await zoho.contact(**{name: "E/1 a"})
    header = {"X-EXTERNAL": f"Contacts.{name}"}
    path = "/Contacts/E%2F1%20a"
    assert (await zoho.get(path, headers=header)).first[name] == "E/1 a"
    body = {"data": [{"Title": "x"}]}
    assert (await zoho.call("PUT", path, json=body, headers=header)).status == 200
    assert (await zoho.call("DELETE", path, headers=header)).status == 200
    (await zoho.get(path, headers=header)).refused(400, "INVALID_DATA", resource_path_index=1)


@fact("§4.3", "V7", "in bodies the field replaces the id; every used path is in the header")
async def test_lookup_by_external_value(zoho: Org) -> None:
    """Own key and lookup in one header."""
    key = await zoho.new_field("Contacts", "Ext Key", external={"type": "org", "show": True})
    clinic = await zoho.new_field("Accounts", "Clinic Key", external={"type": "org", "show": True})
    account = await zoho.add("Accounts", Account_Name="Clinic", **{clinic: "C-1"})
    record = await zoho.contact(**{key: "E-1"})
    header = f"Contacts.{key},Contacts.Account_Name.{clinic}"
    row = {key: "E-1", "Account_Name": {clinic: "C-1"}}
    answer = await zoho.put("/Contacts", {"data": [row]}, X_EXTERNAL=header)
    assert (answer.status, answer.id) == (200, record)
    assert (await zoho.read("Contacts", record))["Account_Name"]["id"] == account
    row = {key: "E-1", "Account_Name": {clinic: "no"}}
    answer = await zoho.put("/Contacts", {"data": [row]}, X_EXTERNAL=header)
    answer.is_(400, {"data": [invalid("Account_Name", "$.data[0].Account_Name")]})


@fact("§4.3", "V7", "polymorphic path Events.What_Id->Accounts.Field")
async def test_polymorphic_external_path(zoho: Org) -> None:
    """The arrow names the target module; $se_module follows from it."""
    clinic = await zoho.new_field("Accounts", "Clinic Key", external={"type": "org", "show": True})
    account = await zoho.add("Accounts", Account_Name="Clinic", **{clinic: "C-1"})
    row = {"Subject": "Call", "What_Id": {clinic: "C-1"}}
    header = f"Tasks.What_Id->Accounts.{clinic}"
    answer = await zoho.post("/Tasks", {"data": [row], "trigger": []}, X_EXTERNAL=header)
    found = await zoho.read("Tasks", answer.id)
    assert (found["What_Id"]["id"], found["$se_module"]) == (account, "Accounts")


@fact("§4.3", "U", "a header that names no external field is refused")
async def test_bad_external_header(zoho: Org) -> None:
    """INVALID_DATA with the header's name."""
    (await zoho.get("/Contacts/1", headers={"X-EXTERNAL": "Contacts.Title"})).refused(
        400, "INVALID_DATA", param_name="X-EXTERNAL"
    )


@fact("§4.4", "U", "unique values: case-insensitive, and free again after a delete (a setting)")
async def test_unique_value_is_free_after_delete(make: Maker) -> None:
    """The recycle bin does not block by default."""
    org = await make()
    name = await org.unique_field()
    record = await org.contact(**{name: "p-1"})
    assert (await org.insert("Contacts", {"Last_Name": "A", name: "P-1"})).status == 400
    await org.delete("/Contacts", ids=record)
    assert (await org.insert("Contacts", {"Last_Name": "A", name: "P-1"})).status == 201
    await org.set(bin_blocks_unique=True)
    other = await org.contact(**{name: "p-2"})
    await org.delete("/Contacts", ids=other)
    answer = await org.insert("Contacts", {"Last_Name": "A", name: "p-2"})
    assert answer.first["code"] == "DUPLICATE_DATA"


@fact("§0.20", "V", "restricted PHI fields read back as null, in every kind of read")
async def test_restricted_phi_reads_null(zoho: Org) -> None:
    """Get, list and COQL; writing still works."""
    name = await zoho.new_field("Contacts", "Diagnosis", hipaa_compliance_enabled=True)
    record = await zoho.contact(**{name: "secret"})
    assert (await zoho.read("Contacts", record))[name] == "secret"
    await zoho.set(hipaa_restrict_api=True)
    assert (await zoho.read("Contacts", record))[name] is None
    assert (await zoho.get("/Contacts", fields=name)).first == {name: None, "id": record}
    answer = await zoho.coql(f"select {name} from Contacts where id = '{record}'")
    assert answer.first == {name: None, "id": ID}


@fact("§4.6", "V", "at most 25 PHI fields in a module")
async def test_phi_fields_are_limited(zoho: Org) -> None:
    """The 26th is refused."""
    await zoho.set(fields_per_create=25)
    fields = [
        {"field_label": f"Phi {n}", "data_type": "text", "hipaa_compliance_enabled": True}
        for n in range(26)
    ]
    answer = await zoho.post("/settings/fields?module=Contacts", {"fields": fields[:25]})
    assert answer.status == 201
    answer = await zoho.post("/settings/fields?module=Contacts", {"fields": fields[25:]})
    place = {
        "api_name": "hipaa_compliance_enabled",
        "json_path": "$.fields[0].hipaa_compliance_enabled",
    }
    refusal = error("LIMIT_EXCEEDED", limit=25, limit_due_to=[place])
    answer.is_(400, {"fields": [refusal]})


@fact("§4.6", "V", "at most ten modules with PHI fields")
async def test_phi_modules_are_limited(zoho: Org) -> None:
    """The eleventh is refused, one more field in the first is not."""
    names = [f"Phi{n}" for n in range(11)]
    profile = (await zoho.get("/settings/profiles")).json["profiles"][0]["id"]
    for name in names:
        new = {"api_name": name, "singular_label": name, "plural_label": name}
        answer = await zoho.post(
            "/settings/modules", {"modules": [{**new, "profiles": [{"id": profile}]}]}
        )
        assert answer.status == 201, answer.json
    phi: Json = {"data_type": "text", "hipaa_compliance_enabled": True}
    for name in names[:10]:
        await zoho.new_field(name, "Diagnosis", **phi)
    field = {"field_label": "Diagnosis", **phi}
    answer = await zoho.post(f"/settings/fields?module={names[10]}", {"fields": [field]})
    answer.is_(400, {"fields": [error("LIMIT_EXCEEDED", limit=10, limit_due_to=ANY)]})
    await zoho.new_field(names[0], "Allergy", **phi)
