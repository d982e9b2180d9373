"""Pre-validation: what is refused, what each policy does, what travels on."""

from typing import Any

import pytest
from bridgework_zoho.masking import masked
from bridgework_zoho.metadata import FieldMeta, ModuleMeta, Pipeline
from bridgework_zoho.patterns import is_email, is_phone, is_url
from bridgework_zoho.validation import Policy, PolicyAction, Validator

DROP = Policy(PolicyAction.DROP_VALUE_WITH_NOTE)
CUT = Policy(PolicyAction.TRUNCATE_WITH_NOTE)


def field(name: str, data_type: str, length: int | None = None, **more: Any) -> FieldMeta:
    """A field as the metadata API would describe it."""
    raw: dict[str, Any] = {"api_name": name, "data_type": data_type, "length": length, **more}
    return FieldMeta.parse(raw)


CONTACTS = ModuleMeta(api_name="Contacts").with_fields(
    [
        field("Last_Name", "text", 10, system_mandatory=True),
        field("Email", "email", 100),
        field("Phone", "phone", 30),
        field("Phone_Raw", "text", 20),
        field("Website", "website", 255),
        field("Birthday", "date"),
        field("Seen_At", "datetime"),
        field("Visits", "integer", 9),
        field("Ledger", "bigint", 18),
        field("Balance", "currency", 16),
        field("Active", "boolean"),
        field("Source", "picklist", 120, pick_list_values=[{"display_value": "Ad"}]),
        field("Tags", "multiselectpicklist", pick_list_values=[{"display_value": "A"}]),
        field("Account", "lookup", lookup={"module": {"api_name": "Accounts"}}),
        field("Owner", "ownerlookup"),
        field("Key", "text", 255, unique={"case_sensitive": False}),
        field("Created_Time", "datetime", read_only=True),
        field("New_Kind", "hologram"),
    ]
)
EVENTS = ModuleMeta(api_name="Events").with_fields(
    [
        field("Start_DateTime", "datetime"),
        field("End_DateTime", "datetime"),
        field("What_Id", "lookup"),
        field("Participants", "participants"),
    ]
)
DEALS = ModuleMeta(api_name="Deals").with_fields(
    [
        field("Stage", "picklist", pick_list_values=[{"display_value": "Open"}]),
        field("Pipeline", "picklist"),
        field("Probability", "integer", 3),
    ]
)
NAME = {"Last_Name": "Doe"}

REFUSED = [
    ("Last_Name", "x" * 11),
    ("Last_Name", 7),
    ("Email", "x@y"),
    ("Email", "a b@c.com"),
    ("Email", ""),
    ("Phone", "555-1234 / 8"),
    ("Phone", "n/a"),
    ("Phone", "1" * 31),
    ("Website", "example.org"),
    ("Birthday", "02/03/1980"),
    ("Birthday", "1980-02-30"),
    ("Seen_At", "2026-01-01T10:00:00Z"),
    ("Seen_At", "2026-01-01T10:00:00.5+00:00"),
    ("Visits", 10**9),
    ("Visits", "3"),
    ("Visits", True),
    ("Ledger", "12a"),
    ("Balance", 1e16),
    ("Balance", float("nan")),
    ("Balance", "1.00"),
    ("Active", "yes"),
    ("Source", "Advert"),
    ("Tags", "A;B"),
    ("Tags", ["A", "Z"]),
    ("Account", "5550001"),
    ("Account", {"name": "Delta Dental"}),
    ("Owner", {"id": "not a number"}),
    ("Created_Time", "2020-01-01T00:00:00+00:00"),
    ("Nobody_Knows", "x"),
]
TAKEN = [
    ("Phone", "+1 (555) 123-4567"),
    ("Phone", "none"),
    ("Email", "a..b@c.com"),
    ("Email", "müller@example.org"),
    ("Website", "www.example.org/a"),
    ("Birthday", "1980-02-29"),
    ("Seen_At", "2026-01-01T10:00:00-05:00"),
    ("Visits", -999_999_999),
    ("Ledger", "123456789012345678"),
    ("Balance", 0.125),
    ("Active", False),
    ("Source", "Ad"),
    ("Tags", ["A"]),
    ("Account", {"id": "5550001"}),
    ("New_Kind", object()),
    ("$approved", False),
    ("Phone", None),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_value_zoho_would_refuse_rejects_the_record(name: str, value: object) -> None:
    """One problem, naming field, code and remedy, and never the value."""
    verdict = Validator(CONTACTS).check({**NAME, name: value})
    assert verdict.record is None
    (problem,) = verdict.problems
    assert problem.field == name
    assert problem.code
    assert problem.remedy
    if isinstance(value, str) and len(value) > 4:
        assert value not in repr(verdict)


@pytest.mark.parametrize(("name", "value"), TAKEN)
def test_a_value_zoho_takes_passes_unchanged(name: str, value: object) -> None:
    """Nothing is altered on the way."""
    verdict = Validator(CONTACTS).check({**NAME, name: value})
    assert verdict.record == {**NAME, name: value}
    assert verdict.problems == ()


def test_required_fields_are_asked_of_new_records_only() -> None:
    """A new record needs its name; an update may leave it out but not empty it."""
    validator = Validator(CONTACTS)
    assert [one.code for one in validator.check({}).problems] == ["MANDATORY_NOT_FOUND"]
    assert not validator.check({"Last_Name": ""}).ok
    assert validator.check({"id": "1"}, creating=False).ok
    assert not validator.check({"id": "1", "Last_Name": None}, creating=False).ok


def test_a_bad_phone_moves_to_its_raw_field() -> None:
    """The record goes on, the number is kept, and a note says so."""
    policies = {"Phone": Policy(PolicyAction.MOVE_TO_RAW_FIELD, "Phone_Raw")}
    verdict = Validator(CONTACTS, policies).check({**NAME, "Phone": "555/1234"})
    assert verdict.record == {**NAME, "Phone_Raw": "555/1234"}
    assert verdict.notes[0].original == "555/1234"
    assert verdict.problems[0].shape == "999/9999"


def test_a_raw_field_that_is_used_already_keeps_both_values() -> None:
    """Moving never overwrites what the mapping put there."""
    policies = {"Phone": Policy(PolicyAction.MOVE_TO_RAW_FIELD, "Phone_Raw")}
    record = {**NAME, "Phone": "1/2", "Phone_Raw": "home"}
    assert Validator(CONTACTS, policies).check(record).record == {**NAME, "Phone_Raw": "home\n1/2"}


def test_what_does_not_fit_the_raw_field_rejects_the_record() -> None:
    """A policy cannot make a value disappear quietly."""
    policies = {"Phone": Policy(PolicyAction.MOVE_TO_RAW_FIELD, "Phone_Raw")}
    assert not Validator(CONTACTS, policies).check({**NAME, "Phone": "/" * 21}).ok


def test_a_long_text_is_cut_with_a_note() -> None:
    """The note holds all of it."""
    verdict = Validator(CONTACTS, {"Last_Name": CUT}).check({"Last_Name": "x" * 15})
    assert verdict.record == {"Last_Name": "x" * 10}
    assert (verdict.notes[0].original, verdict.notes[0].kept) == ("x" * 15, "x" * 10)


def test_cutting_never_makes_a_wrong_value_right() -> None:
    """An address cut in the middle, or a wrong type, is still refused."""
    validator = Validator(CONTACTS, {"Email": CUT, "Last_Name": CUT})
    assert not validator.check({**NAME, "Email": "a@" + "b" * 200}).ok
    assert not validator.check({"Last_Name": 5}).ok


def test_a_bad_value_is_left_out_with_a_note() -> None:
    """The rest of the record goes on."""
    verdict = Validator(CONTACTS, {"Email": DROP}).check({**NAME, "Email": "nobody"})
    assert verdict.record == NAME
    assert verdict.problems[0].action is PolicyAction.DROP_VALUE_WITH_NOTE


def test_dropping_a_required_value_still_rejects() -> None:
    """A policy on a required field cannot produce a record without it."""
    assert not Validator(CONTACTS, {"Last_Name": DROP}).check({"Last_Name": "x" * 11}).ok


def test_every_problem_of_a_record_is_reported() -> None:
    """A person repairs them all at once."""
    record = {"Last_Name": "x" * 11, "Email": "x", "Phone": "/"}
    problems = Validator(CONTACTS).check(record).problems
    assert [one.field for one in problems] == ["Last_Name", "Email", "Phone"]


def test_policies_must_name_fields_that_exist() -> None:
    """A typo in a policy is found when it is compiled, not at record 40,000."""
    with pytest.raises(ValueError, match="Phone_Rwa"):
        Validator(CONTACTS, {"Phone": Policy(PolicyAction.MOVE_TO_RAW_FIELD, "Phone_Rwa")})
    with pytest.raises(ValueError, match="raw_field"):
        Policy(PolicyAction.MOVE_TO_RAW_FIELD)


def test_lookups_and_owners_are_asked_about() -> None:
    """With a crosswalk at hand, a missing parent is found before Zoho finds it."""
    known = {("Accounts", "1"), ("Users", "2")}
    validator = Validator(CONTACTS, exists=lambda module, one: (module, one) in known)
    assert validator.check({**NAME, "Account": {"id": "1"}, "Owner": {"id": 2}}).ok
    assert not validator.check({**NAME, "Account": {"id": "2"}}).ok
    assert not validator.check({**NAME, "Owner": {"id": "1"}}).ok


def test_the_second_holder_of_a_unique_value_in_a_batch_is_refused() -> None:
    """Unique values are compared without regard to case."""
    first, second, third = Validator(CONTACTS).check_batch(
        [{**NAME, "Key": "p1"}, {**NAME, "Key": "P1"}, {**NAME, "Key": None}]
    )
    assert (first.ok, second.ok, third.ok) == (True, False, True)
    assert second.problems[0].code == "DUPLICATE_DATA"


def test_undefined_choices_pass_where_that_is_wanted() -> None:
    """Zoho stores them; whether that is an error is the caller's choice."""
    assert Validator(CONTACTS, accept_unknown_choices=True).check({**NAME, "Source": "Advert"}).ok


@pytest.mark.parametrize(
    ("record", "bad"),
    [
        ({"What_Id": {"id": "1"}}, "What_Id"),
        (
            {
                "Start_DateTime": "2026-01-01T10:00:00+00:00",
                "End_DateTime": "2026-01-01T10:30:00+01:00",
            },
            "End_DateTime",
        ),
        ({"Participants": [{}] * 51}, "Participants"),
    ],
)
def test_events_end_after_they_start_and_name_what_they_point_to(
    record: dict[str, Any], bad: str
) -> None:
    """Rules over several fields of one record."""
    assert [one.field for one in Validator(EVENTS).check(record).problems] == [bad]
    assert Validator(EVENTS).check({"What_Id": {"id": "1"}, "$se_module": "Accounts"}).ok


def test_a_stage_must_be_one_of_its_pipeline() -> None:
    """The default pipeline counts where none is given."""
    pipelines = [Pipeline("Standard", default=True, stages=("Open",))]
    validator = Validator(DEALS, pipelines=pipelines, accept_unknown_choices=True)
    assert validator.check({"Stage": "Open"}).ok
    assert not validator.check({"Stage": "Won"}).ok
    assert not validator.check({"Stage": "Open", "Pipeline": "Other"}).ok
    assert not validator.check({"Stage": "Open", "Probability": 101}).ok


def test_the_samples_of_the_published_patterns() -> None:
    """The values the fact sheet names as accepted and refused (§4.1)."""
    assert all(map(is_phone, ["+1 (555) 123-4567", "555-123-4567 x12", "none"]))
    assert not any(map(is_phone, ["n/a", "555-123-4567 / 8", "555--1234", "-1", ""]))
    assert is_email("a..b@c.com")
    assert not any(map(is_email, ["x@y", ".a@b.com", "a b@c.com", "a@b.c1"]))
    assert all(map(is_url, ["https://example.org", "ftp://a.b/c?d", "www.example.org"]))
    assert not any(map(is_url, ["example.org", "http://localhost", "http://a b.c"]))


def test_a_mask_shows_the_shape_only() -> None:
    """Letters and digits are replaced, whatever their alphabet."""
    assert masked("Ann-12 é中") == "Aaa-99 aa"
    assert masked("x" * 50) == "a" * 40 + "… (50)"
    assert masked(12.5) == "99.9"
    assert masked({"id": 1}) == "dict"
