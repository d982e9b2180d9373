"""Search and COQL (fact sheet §3.5, §3.6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.zoho.kit import ANY, STAMP, Json, Org, answers, error, fact, invalid

ROWS: list[Json] = [
    {"Last_Name": "Okafor", "First_Name": "Ada", "Email": "ada@x.com", "Phone": "555-0101"},
    {"Last_Name": "Okafor-Smith", "First_Name": "Ben", "City": "Ohio", "No_of_Employees": 5},
    {"Last_Name": "Novak, (Jr)", "First_Name": "Chloe", "No_of_Employees": 12},
]


async def fill(org: Org) -> None:
    """Insert the rows and let the index catch up."""
    answer = await org.insert("Leads", *ROWS)
    assert answer.status == 201
    await org.pass_time(60)


def names(answer: Any) -> list[str]:
    """Return the first names found, sorted."""
    if answer.status == 204:
        return []
    return sorted(row["First_Name"] for row in answer.json["data"])


CRITERIA: list[Any] = [
    ("(Last_Name:equals:okafor)", ["Ada", "Ben"]),
    ("(Last_Name:starts_with:Okafor-)", ["Ben"]),
    ("(Last_Name:not_equal:Okafor)", ["Ben", "Chloe"]),
    (r"(Last_Name:equals:Novak\, \(Jr\))", ["Chloe"]),
    ("(No_of_Employees:greater_than:5)", ["Chloe"]),
    ("(No_of_Employees:greater_equal:5)", ["Ben", "Chloe"]),
    ("(No_of_Employees:between:1,10)", ["Ben"]),
    ("(No_of_Employees:in:5,12)", ["Ben", "Chloe"]),
    ("(First_Name:in:Ada,Ben)", ["Ada", "Ben"]),
    ("((Last_Name:starts_with:Ok)and(City:equals:Ohio))", ["Ben"]),
    ("((First_Name:equals:Ada)or(First_Name:equals:Chloe))", ["Ada", "Chloe"]),
    ("(First_Name:equals:Nobody)", []),
]


@pytest.mark.parametrize(("criteria", "found"), CRITERIA)
@fact("§3.5", "V7", "criteria: operators by type, and/or, escapes; equals on text ≈ contains")
async def test_criteria(zoho: Org, criteria: str, found: list[str]) -> None:
    """204 for none."""
    await fill(zoho)
    answer = await zoho.get("/Leads/search", criteria=criteria, fields="First_Name")
    assert names(answer) == found
    assert answer.status == (200 if found else 204)


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"email": "ADA@x.com"}, ["Ada"]),
        ({"phone": "555-0101"}, ["Ada"]),
        ({"word": "ohio"}, ["Ben"]),
        ({"word": "nothing"}, []),
    ],
)
@fact("§3.5", "V7", "search by email, phone or word")
async def test_search_by_email_phone_word(
    zoho: Org, params: dict[str, str], found: list[str]
) -> None:
    """Each alone."""
    await fill(zoho)
    assert names(await zoho.get("/Leads/search", **params)) == found


@fact("§3.5", "V7", "exactly one of criteria, email, phone, word")
@answers("EXPECTED_PARAM_MISSING")
async def test_exactly_one_mode(zoho: Org) -> None:
    """None and two."""
    (await zoho.get("/Leads/search")).refused(
        400,
        "EXPECTED_PARAM_MISSING",
        param_names=["criteria", "email", "phone", "word"],
    )
    answer = await zoho.get("/Leads/search", email="a@b.co", word="ab")
    assert (answer.status, answer.json["code"]) == (400, "AMBIGUITY_DURING_PROCESSING")


@fact("§3.5", "V", "the search index lags behind writes")
async def test_search_lags_behind_an_insert(zoho: Org) -> None:
    """Not found at once, found later; COQL sees it at once."""
    await zoho.insert("Leads", *ROWS)
    assert (await zoho.get("/Leads/search", email="ada@x.com")).status == 204
    assert (await zoho.coql("select id from Leads where Email = 'ada@x.com'")).status == 200
    await zoho.pass_time(10)
    assert (await zoho.get("/Leads/search", email="ada@x.com")).status == 200


@fact("§3.5", "V", "the index finds a changed record by its old value until it caught up")
async def test_search_lags_behind_an_update(zoho: Org) -> None:
    """And then by the new one."""
    await fill(zoho)
    record = (await zoho.get("/Leads/search", email="ada@x.com")).first["id"]
    await zoho.put(f"/Leads/{record}", {"data": [{"Email": "new@x.com"}]})
    assert (await zoho.get("/Leads/search", email="ada@x.com")).status == 200
    assert (await zoho.get("/Leads/search", email="new@x.com")).status == 204
    await zoho.pass_time(10)
    assert (await zoho.get("/Leads/search", email="ada@x.com")).status == 204
    assert (await zoho.get("/Leads/search", email="new@x.com")).status == 200


@fact("§3.5", "V", "each change lags anew, also where nobody searched in between")
async def test_search_lags_behind_every_update(zoho: Org) -> None:
    """The version before the last change, not one before that, not the newest."""
    await fill(zoho)
    record = (await zoho.get("/Leads/search", email="ada@x.com")).first["id"]
    await zoho.put(f"/Leads/{record}", {"data": [{"Email": "two@x.com"}]})
    await zoho.pass_time(10)
    await zoho.put(f"/Leads/{record}", {"data": [{"Email": "three@x.com"}]})
    found = {
        name: (await zoho.get("/Leads/search", email=f"{name}@x.com")).status
        for name in ("ada", "two", "three")
    }
    assert found == {"ada": 204, "two": 200, "three": 204}


@pytest.mark.parametrize(
    ("criteria", "details"),
    [
        ("(Nope:equals:x)", {"api_name": "Nope"}),
        ("(Last_Name:greater_than:x)", {"api_name": "Last_Name", "operator": "greater_than"}),
        ("(No_of_Employees:equals:x)", {"api_name": "No_of_Employees", "operator": "equals"}),
        ("(No_of_Employees:between:1)", {"api_name": "No_of_Employees", "operator": "between"}),
        ("Last_Name:equals:x", {}),
        ("(Last_Name:equals:x", {}),
        ("((Last_Name:equals:x)xor(City:equals:y))", {}),
        ("()", {}),
    ],
)
@fact("§3.5", "V7", "a bad criterion: INVALID_QUERY with reason, api_name, operator")
@answers("INVALID_QUERY")
async def test_bad_criteria(zoho: Org, criteria: str, details: Json) -> None:
    """Never a 500."""
    (await zoho.get("/Leads/search", criteria=criteria)).refused(
        400, "INVALID_QUERY", reason=ANY, **details
    )


@fact("§3.5", "V7", "at most ten criteria: CRITERIA_LIMIT_EXCEEDED")
async def test_at_most_ten_criteria(zoho: Org) -> None:
    """Eleven are refused."""
    one = "(City:equals:x)"
    assert (await zoho.get("/Leads/search", criteria=f"({'or'.join([one] * 10)})")).status == 204
    (await zoho.get("/Leads/search", criteria=f"({'or'.join([one] * 11)})")).refused(
        400, "CRITERIA_LIMIT_EXCEEDED", limit=10, param_name="criteria"
    )


@fact("§3.5", "V7", "at most 2,000 rows: LIMIT_REACHED")
@answers("LIMIT_REACHED")
async def test_search_reaches_two_thousand_rows(zoho: Org) -> None:
    """Page 11 of 200."""
    (await zoho.get("/Leads/search", word="ab", page="11")).is_(
        400, error("LIMIT_REACHED", "maximum response iteration limit reached", limit=2000)
    )


# COQL.


@fact("§3.6", "V", "a query answers rows with the id, and info with count and more_records")
async def test_coql_answer(zoho: Org) -> None:
    """The whole body; lookups are {id} only, instants in the user's zone."""
    account = await zoho.add("Accounts", Account_Name="Delta")
    record = await zoho.contact(Account_Name={"id": account}, Email_Opt_Out=True)
    query = (
        "select Last_Name, Account_Name, Account_Name.Account_Name, Created_Time, Owner,"
        " Email_Opt_Out from Contacts where Last_Name = 'OKAFOR'"
    )
    (await zoho.coql(query)).is_(
        200,
        {
            "data": [
                {
                    "Last_Name": "Okafor",
                    "Account_Name": {"id": account},
                    "Account_Name.Account_Name": "Delta",
                    "Created_Time": STAMP,
                    "Owner": {"id": zoho.users[0]["id"]},
                    "Email_Opt_Out": True,
                    "id": record,
                }
            ],
            "info": {"count": 1, "more_records": False},
        },
    )


WHERE: list[Any] = [
    ("id is not null", ["Ada", "Ben", "Chloe"]),
    ("Last_Name = 'Okafor'", ["Ada"]),
    ("Last_Name != 'Okafor'", ["Ben", "Chloe"]),
    ("Last_Name like 'Oka%'", ["Ada", "Ben"]),
    ("Last_Name not like 'Oka%'", ["Chloe"]),
    ("First_Name in ('Ada', 'Ben')", ["Ada", "Ben"]),
    ("First_Name not in ('Ada', 'Ben')", ["Chloe"]),
    ("No_of_Employees > 5", ["Chloe"]),
    ("No_of_Employees >= 5 and No_of_Employees <= 12", ["Ben", "Chloe"]),
    ("No_of_Employees between 1 and 6", ["Ben"]),
    ("No_of_Employees is null", ["Ada"]),
    ("(First_Name = 'Ada' or First_Name = 'Ben') and City is null", ["Ada"]),
    ("Created_Time between '2020-01-01T00:00:00+00:00' and '2020-01-02T00:00:00+00:00'", []),
    ("Created_Time > '2020-01-01T00:00:00+00:00'", ["Ada", "Ben", "Chloe"]),
    ("Email_Opt_Out = true", []),
    ("Email = 'ada@x.com'", ["Ada"]),
    ("Last_Name = 'Novak, (Jr)'", ["Chloe"]),
]


@pytest.mark.parametrize(("where", "found"), WHERE)
@fact("§3.6", "V", "where: comparison, like, in, between, null, and/or")
async def test_coql_where(zoho: Org, where: str, found: list[str]) -> None:
    """204 for none."""
    await zoho.insert("Leads", *ROWS)
    answer = await zoho.coql(f"select First_Name from Leads where {where}")
    assert names(answer) == found


@fact("§3.6", "V", "aggregates, group by, aliases")
async def test_coql_aggregates(zoho: Org) -> None:
    """count, sum, max with and without alias."""
    await zoho.insert("Leads", *ROWS, {"Last_Name": "Z", "City": "Ohio", "No_of_Employees": 3})
    answer = await zoho.coql(
        "select count(id), sum(No_of_Employees) as staff from Leads where id is not null"
    )
    assert answer.json["data"] == [{"count(id)": 4, "staff": 20}]
    answer = await zoho.coql(
        "select City, max(No_of_Employees) from Leads where City is not null group by City"
    )
    assert answer.json["data"] == [{"City": "Ohio", "max(No_of_Employees)": 5}]


@fact("§3.6", "V", "order by, limit, offset in both spellings; default limit 200")
async def test_coql_order_and_limit(zoho: Org) -> None:
    """Limit 1, 2 is offset 1."""
    await zoho.insert("Leads", *({"Last_Name": f"L{n:03d}"} for n in range(100)))
    await zoho.insert("Leads", *({"Last_Name": f"L{n:03d}"} for n in range(100, 200)))
    await zoho.insert("Leads", {"Last_Name": "L200"})
    head = "select Last_Name from Leads where id is not null"
    answer = await zoho.coql(head)
    assert answer.json["info"] == {"count": 200, "more_records": True}
    for tail in ("limit 1, 2", "limit 2 offset 1"):
        answer = await zoho.coql(f"{head} order by Last_Name desc {tail}")
        assert [row["Last_Name"] for row in answer.json["data"]] == ["L199", "L198"]


@fact("§3.6", "V", "pages by id: id > last order by id")
async def test_coql_pages_by_id(zoho: Org) -> None:
    """The recommended way."""
    await zoho.insert("Leads", *ROWS)
    seen: list[str] = []
    last = "0"
    for _ in range(3):
        answer = await zoho.coql(
            f"select First_Name from Leads where id > {last} order by id limit 1"
        )
        seen.append(answer.first["First_Name"])
        last = answer.first["id"]
    assert seen == ["Ada", "Ben", "Chloe"]


@fact("§3.6", "U", "COQL finds unique values whatever their case, and reads back at once")
async def test_coql_by_unique_field(zoho: Org) -> None:
    """No index lag."""
    name = await zoho.unique_field()
    record = await zoho.contact(**{name: "P-1"})
    answer = await zoho.coql(f"select id from Contacts where {name} in ('p-1', 'p-2')")
    assert answer.json["data"] == [{"id": record}]


@fact("§3.6", "V", "include_meta returns the fields' metadata")
async def test_coql_include_meta(zoho: Org) -> None:
    """Keyed by column."""
    await zoho.contact()
    answer = await zoho.coql(
        "select Last_Name from Contacts where id is not null", include_meta=["fields"]
    )
    assert answer.json["fields"]["Last_Name"]["length"] == 80
    answer = await zoho.coql(
        "select Last_Name from Contacts where id is not null", include_meta=["x"]
    )
    answer.is_(400, invalid("include_meta", "$.include_meta", supported_values=["fields"]))


SYNTAX: list[Any] = [
    ("select Last_Name from Leads", "where"),
    ("select from Leads where id is not null", "select"),
    ("select Last_Name where id is not null", "from"),
    ("select Last_Name from Leads where", "where"),
    ("select Last_Name from Leads where Last_Name ~ 'x'", "query"),
    ("select Last_Name from Leads where Last_Name not 'x'", "where"),
    ("select Last_Name from Leads where (Last_Name = 'x'", "where"),
    ("select Last_Name from Leads where id is not null limit x", "limit"),
    ("update Leads set City = 'x'", "select"),
    ("select Last_Name from Leads where id is not null having x", "query"),
]


@pytest.mark.parametrize(("query", "clause"), SYNTAX)
@fact("§3.6", "V", "a query beyond the grammar: SYNTAX_ERROR with clause, near, line, column")
@answers("SYNTAX_ERROR")
async def test_coql_syntax_error(zoho: Org, query: str, clause: str) -> None:
    """Says where."""
    answer = await zoho.coql(query)
    assert (answer.status, answer.json["code"]) == (400, "SYNTAX_ERROR")
    details = answer.json["details"]
    assert details["clause"] == clause
    assert {"near", "line", "column"} <= set(details)
    assert query[details["column"] - 1 :].startswith(details["near"])


INVALID: list[Any] = [
    ("select Nope from Leads where id is not null", {"column_name": "Nope"}),
    ("select Last_Name.X from Leads where id is not null", {"column_name": "Last_Name.X"}),
    ("select Last_Name from Leads where Nope = 'x'", {"column_name": "Nope"}),
    (
        "select Last_Name from Leads where Email_Opt_Out > true",
        {"column_name": "Email_Opt_Out", "operator": ">"},
    ),
    (
        "select Last_Name from Leads where No_of_Employees like 'x'",
        {"column_name": "No_of_Employees", "operator": "like"},
    ),
    (
        "select Last_Name from Leads where Created_Time = 'yesterday'",
        {"column_name": "Created_Time", "operator": "="},
    ),
    ("select sum(Last_Name) from Leads where id is not null", {"column_name": "Last_Name"}),
]


@pytest.mark.parametrize(("query", "details"), INVALID)
@fact("§3.6", "V", "a query that cannot run: INVALID_QUERY with column_name, operator, reason")
async def test_coql_invalid_query(zoho: Org, query: str, details: Json) -> None:
    """Column, operator or value."""
    (await zoho.coql(query)).refused(400, "INVALID_QUERY", reason=ANY, **details)


LIMITS: list[Any] = [
    ("select id from Leads where id is not null limit 2001", {"limit": 2000, "clause": "limit"}),
    (
        "select id from Leads where id is not null limit 1 offset 100000",
        {"limit": 100_000, "clause": "offset"},
    ),
    (
        "select id from Leads where City in (" + ",".join(["'x'"] * 101) + ")",
        {"limit": 100, "clause": "in"},
    ),
    (
        "select id from Leads where " + " or ".join(["City = 'x'"] * 26),
        {"limit": 25, "clause": "where"},
    ),
    (
        "select id from Leads where id is not null order by " + ",".join(["id"] * 11),
        {"limit": 10, "clause": "order by"},
    ),
    (
        "select count(id) from Leads where id is not null group by a,b,c,d,e",
        {"limit": 4, "clause": "group by"},
    ),
    (
        (
            "select count(id), sum(Annual_Revenue), min(id), max(id), avg(Annual_Revenue),"
            " count(City) from Leads where id is not null"
        ),
        {"limit": 5, "clause": "aggregate"},
    ),
    (
        (
            "select Account_Name.Account_Name, Vendor_Name.Vendor_Name, Reporting_To.Last_Name"
            " from Contacts where id is not null"
        ),
        {"limit": 2, "clause": "join"},
    ),
]


@pytest.mark.parametrize(("query", "details"), LIMITS)
@fact("§3.6", "V", "limits of COQL: rows, reach, in, criteria, order, group, aggregates, joins")
async def test_coql_limits(zoho: Org, query: str, details: Json) -> None:
    """LIMIT_EXCEEDED names limit and clause."""
    (await zoho.coql(query)).refused(400, "LIMIT_EXCEEDED", **details)


@fact("§3.6", "U", "2,000 rows a call, or 200 (a setting)")
async def test_coql_limit_is_a_setting(zoho: Org) -> None:
    """The older truth."""
    await zoho.set(coql_max_limit=200)
    query = "select id from Leads where id is not null limit 201"
    (await zoho.coql(query)).refused(400, "LIMIT_EXCEEDED", limit=200, clause="limit")


@fact("§3.6", "V", "select_query is mandatory; aliases and columns are unique; modules exist")
@answers("DUPLICATE_ALIAS")
async def test_coql_other_refusals(zoho: Org) -> None:
    """MANDATORY_NOT_FOUND, DUPLICATE_ALIAS, DUPLICATE_DATA, INVALID_MODULE."""
    (await zoho.post("/coql", {})).refused(
        400, "MANDATORY_NOT_FOUND", api_name="select_query", json_path="$.select_query"
    )
    query = "select City as x, State as x from Leads where id is not null"
    (await zoho.coql(query)).refused(400, "DUPLICATE_ALIAS", alias="x")
    query = "select City, City from Leads where id is not null"
    (await zoho.coql(query)).refused(400, "DUPLICATE_DATA", column_name="City", aggregate=None)
    query = "select id from Nope where id is not null"
    (await zoho.coql(query)).refused(400, "INVALID_MODULE", resource_path_index=0)
