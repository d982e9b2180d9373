"""Handlers without HTTP: no input breaks them, page tokens end at 100,000 rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bridgework_zoho_sandbox import (
    bulk_read,
    bulk_write,
    coql,
    fields_api,
    mass_delete,
    modules_api,
    notes,
    reading,
    records,
    recycle_bin,
    search,
    tags,
    users,
)
from bridgework_zoho_sandbox.call import Answer, Call
from bridgework_zoho_sandbox.composite import Composite
from bridgework_zoho_sandbox.errors import ZohoError
from bridgework_zoho_sandbox.operations import OPERATIONS
from bridgework_zoho_sandbox.org import Org
from bridgework_zoho_sandbox.orgs import NewOrg, OrgRegistry
from bridgework_zoho_sandbox.paging import page_info, page_request
from bridgework_zoho_sandbox.router import Router
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KEYS = st.sampled_from(
    [
        *("data", "ids", "id", "trigger", "duplicate_check_fields", "fields", "modules", "users"),
        *("Last_Name", "Email", "Phone", "Date_of_Birth", "Account_Name", "Owner", "Tag", "Layout"),
        *("Email_Opt_Out", "Lead_Source", "Subject", "Event_Title", "Start_DateTime", "Stage"),
        *("End_DateTime", "What_Id", "$se_module", "Participants", "Recurring_Activity", "Amount"),
        *("Deal_Name", "Pipeline", "Probability", "Annual_Revenue", "No_of_Employees", "SIC_Code"),
        *("Note_Content", "Note_Title", "Parent_Id", "module", "api_name", "tags", "name"),
        *("field_label", "data_type", "length", "unique", "external", "pick_list_values", "lookup"),
        *("plural_label", "singular_label", "profiles", "status", "select_query", "recycle_bin"),
        *("__composite_requests", "sub_request_id", "method", "uri", "body", "rollback_on_fail"),
        *("query", "criteria", "comparator", "value", "field", "group", "group_operator", "page"),
        *("operation", "resource", "file_id", "field_mappings", "callback", "url", "index"),
        *("RRULE", "Due_Date", "Call_Duration", "textarea", "type", "currency", "precision"),
    ]
)
WORDS = st.sampled_from(
    [
        *("", "x", "Contacts", "Leads", "12", "99999999999999999999", "2026-01-01", "true", "text"),
        *("2026-01-01T10:00:00+00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
        *("a@b.co", "555-0101", "Qualification", "insert", "and", "equal", "picklist", "textarea"),
        *("FREQ=DAILY;COUNT=3", "/crm/v8/Leads", "GET", "POST", "@{x:$.data[0]}", "\x00", "é" * 50),
        *("between", "in", "${EMPTY}", "lookup", "currency", "autonumber", "rich_text", "0"),
    ]
)
ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    WORDS,
    st.text(max_size=8),
)
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=6)),
    max_leaves=25,
)
BODIES = st.dictionaries(KEYS, VALUES, max_size=6)
MODULES = st.sampled_from(["Contacts", "Leads", "Deals", "Events", "Tasks", "Calls", "Users", "No"])
RECORDS = st.lists(st.dictionaries(KEYS, VALUES, max_size=8), min_size=1, max_size=3)

ARRAYS = ("data", "fields", "modules", "users", "__composite_requests")

HANDLERS: list[Callable[[Call], Answer]] = [
    records.insert,
    records.update,
    records.upsert,
    mass_delete.mass_delete,
    recycle_bin.restore_records,
    notes.create_notes,
    notes.update_notes,
    tags.add_tags,
    users.update_users,
    fields_api.create_fields,
    fields_api.update_fields,
    modules_api.create_module,
    modules_api.update_modules,
    coql.query_records,
    bulk_write.create,
    bulk_read.create,
    Composite(lambda: Router(OPERATIONS)).handle,
]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Org:
    """One org for all examples; jobs are taken and never run."""
    registry = OrgRegistry(tmp_path_factory.mktemp("fuzz"), request_log_size=10)
    org, _ = registry.create(NewOrg())
    org.jobs.submit = lambda job_id: None  # type: ignore[method-assign]  # no loop runs here
    return org


def make_call(org: Org, module: str, body: Any, params: dict[str, str]) -> Call:
    """Return a call whose body is already parsed."""
    person = next(iter(org.people.values()))
    args = {"module": module, "id": "12"}
    return Call(org, person, "app", "POST", "/x", args, params, {}, b"", parsed=body)


def run(handler: Callable[[Call], Answer], call: Call) -> int:
    """Run a handler as the gateway does and return the status."""
    try:
        with call.org.database.transaction():
            return handler(call).status
    except ZohoError as error:
        return error.status


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda h: f"{h.__module__}.{h.__name__}")
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_body_breaks_a_handler(
    fuzzed: Org, handler: Callable[[Call], Answer], data: st.DataObject
) -> None:
    """An answer below 500 for every JSON body."""
    body = data.draw(
        st.one_of(
            BODIES,
            st.fixed_dictionaries(dict.fromkeys(ARRAYS, RECORDS)),
        )
    )
    call = make_call(fuzzed, data.draw(MODULES), body, {"module": data.draw(MODULES)})
    assert 200 <= run(handler, call) < 500


CRITERIA = st.lists(
    st.sampled_from(
        [
            *("(", ")", "and", "or", "Last_Name", "id", "Created_Time", ":", "equals", "in", "x"),
            *("between", ",", "\\", "12", "1e999", "No_of_Employees", "greater_than", "'", "\x00"),
        ]
    ),
    max_size=20,
).map("".join)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=CRITERIA, module=MODULES)
def test_no_criteria_break_the_search(fuzzed: Org, text: str, module: str) -> None:
    """An answer below 500 for every text."""
    call = make_call(fuzzed, module, {}, {"criteria": text})
    assert 200 <= run(search.search_records, call) < 500
    assert 200 <= run(reading.count_records, call) < 500


WHERE = st.lists(
    st.sampled_from(
        [
            *("(", ")", "and", "or", "not", "in", "like", "between", "is", "null", ",", "Nope"),
            *("=", "!=", "<", ">", "'x'", "12", "1.5", "true", "id", "Last_Name", "Created_Time"),
            *("Account_Name", "Account_Name.Account_Name", "Owner", "Email", "No_of_Employees"),
        ]
    ),
    min_size=1,
    max_size=12,
).map(" ".join)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(where=WHERE)
def test_no_query_breaks_coql(fuzzed: Org, where: str) -> None:
    """An answer below 500 for every where clause."""
    query = f"select id, Last_Name from Contacts where {where}"
    call = make_call(fuzzed, "Contacts", {"select_query": query}, {})
    assert run(coql.query_records, call) in {200, 204, 400}


def test_page_tokens_end_at_a_hundred_thousand_rows(call: Callable[..., Call]) -> None:
    """Page 500 of 200 is the last; its token leads nowhere."""
    asked = call(params={"fields": "id"})
    page = page_request(asked)
    for number, good in ((499, True), (500, False)):
        last = type(page)(number, 200, "id", descending=True, after=[1, 1])
        token = page_info(asked, last, 200, [1, 1])["next_page_token"]
        following = call(params={"fields": "id", "page_token": token})
        if good:
            assert page_request(following).number == number + 1
        else:
            with pytest.raises(ZohoError) as refusal:
                page_request(following)
            assert refusal.value.code == "PAGINATION_LIMIT_EXCEEDED"
