"""COQL, recurrence rules, CSV cells, routes, scopes: text in, structure out."""

from __future__ import annotations

import contextlib
import io

import pytest
from bridgework_zoho_sandbox.coql_parse import Both, Column, Comparison, Parser
from bridgework_zoho_sandbox.csv_values import csv_rows, strptime_format
from bridgework_zoho_sandbox.errors import ZohoError
from bridgework_zoho_sandbox.operations import OPERATIONS
from bridgework_zoho_sandbox.recurrence import occurrences
from bridgework_zoho_sandbox.router import Router
from bridgework_zoho_sandbox.scopes import allows
from hypothesis import example, given
from hypothesis import strategies as st


def test_query_becomes_a_tree() -> None:
    """Columns, aliases, precedence of and over or, order, limit."""
    query = Parser(
        "SELECT Last_Name, count(id) AS n FROM Leads WHERE a = 1 OR b = 'x''y' AND c IS NULL"
        " GROUP BY Last_Name ORDER BY n DESC LIMIT 5, 10"
    ).parse()
    assert query.columns == [Column("Last_Name"), Column("id", "count", "n")]
    assert query.where == Both(
        "or",
        Comparison("a", "=", (1,)),
        Both("and", Comparison("b", "=", ("x'y",)), Comparison("c", "is null", ())),
    )
    assert (query.order_by, query.limit, query.offset) == ([("n", True)], 10, 5)


WORDS = st.sampled_from(
    [
        *("select", "from", "where", "and", "or", "not", "in", "like", "between", "is", "null"),
        *("group", "by", "order", "limit", "offset", "as", "count", "(", ")", ",", "=", "!=", "<"),
        *(">", "'", '"', "1", "-2", "3.5", "'x'", "Last_Name", "id", "Leads", "a.b.c", "*", "~"),
    ]
)


@given(st.lists(WORDS, max_size=25).map(" ".join))
@example("(" * 500)
@example("select a from b where " + "(" * 200)
@example("select a from b where " + "not " * 500)
def test_no_query_breaks_the_parser(text: str) -> None:
    """A tree or a ZohoError, nothing else."""
    with contextlib.suppress(ZohoError):
        Parser(text).parse()


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=DAILY;INTERVAL=2;COUNT=3", ["01-30", "02-01", "02-03"]),
        ("RRULE:FREQ=WEEKLY;COUNT=2", ["01-30", "02-06"]),
        ("FREQ=MONTHLY;COUNT=3", ["01-30", "02-28", "03-30"]),
        ("FREQ=DAILY;UNTIL=20260131", ["01-30", "01-31"]),
        ("FREQ=DAILY", ["01-30"]),
        ("FREQ=HOURLY;COUNT=3", ["01-30"]),
        ("nonsense", ["01-30"]),
    ],
)
def test_recurrence(rule: str, days: list[str]) -> None:
    """One record per occurrence; a rule without end stands for itself."""
    sent = {"Start_DateTime": "2026-01-30T10:00:00-05:00", "Recurring_Activity": {"RRULE": rule}}
    assert [item["Start_DateTime"][5:10] for item in occurrences(sent)] == days


@pytest.mark.parametrize(
    ("pattern", "layout"),
    [
        ("MM/dd/yyyy", "%m/%d/%Y"),
        ("yyyy-MM-dd'T'HH:mm:ss", "%Y-%m-%dT%H:%M:%S"),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "%Y-%m-%dT%H:%M:%S%z"),
        ("dd MMM yyyy hh:mm a", "%d %b %Y %I:%M %p"),
        ("100%", "100%%"),
    ],
)
def test_date_patterns(pattern: str, layout: str) -> None:
    """Java's letters into Python's."""
    assert strptime_format(pattern) == layout


def test_csv_with_byte_order_mark_and_quotes() -> None:
    """Quoted delimiters and line ends stay in their cell."""
    text = '\ufeffa;b\n"x;y";"line\nend"\n'
    assert list(csv_rows(io.StringIO(text))) == [["a", "b"], ["x;y", "line\nend"]]


def test_routes_prefer_literal_parts() -> None:
    """Names of operations, modules and records share their places."""
    router = Router(OPERATIONS)
    expected = {
        ("GET", "/crm/v8/Contacts/search"): "records.search",
        ("GET", "/crm/v8/Contacts/123"): "records.get",
        ("POST", "/crm/v8/Contacts/upsert"): "records.upsert",
        ("GET", "/crm/v8/Notes/1"): "notes.get",
        ("GET", "/crm/v8/Notes/1/Attachments"): "attachments.list",
        ("GET", "/crm/v8/Contacts/1/Notes"): "related_notes.list",
        ("GET", "/crm/v8/Accounts/1/Contacts"): "records.related",
        ("GET", "/crm/v8/users/actions/count"): "users.count",
        ("GET", "//v8/crm/org1/bulk-write/2/2.zip"): "bulk_write.result",
    }
    for (method, path), name in expected.items():
        route = router.find(method, path)
        assert route is not None
        assert route.operation is not None
        assert route.operation.name == name
    encoded = router.find("GET", "/crm/v8/Contacts/a%2Fb")
    assert encoded is not None
    assert encoded.args["id"] == "a/b"


@pytest.mark.parametrize(
    ("granted", "needed", "good"),
    [
        ("ZohoCRM.modules.ALL", "ZohoCRM.modules.contacts.CREATE", True),
        ("ZohoCRM.modules.contacts.WRITE", "ZohoCRM.modules.Contacts.UPDATE", True),
        ("ZohoCRM.modules.contacts.WRITE", "ZohoCRM.modules.Contacts.READ", False),
        ("ZohoCRM.settings.ALL", "ZohoCRM.modules.Contacts.READ", False),
        ("ZohoCRM.ALL", "ZohoCRM.modules.Contacts.READ", False),
    ],
)
def test_scopes(granted: str, needed: str, good: bool) -> None:
    """Family, module, operation; case does not matter."""
    assert allows(granted, (needed,)) is good
