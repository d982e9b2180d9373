"""Statement files: what they must look like."""

import pytest
from bridgework_store.errors import StoreMisconfigured
from bridgework_store.statements import Statements, parse

GOOD = """
-- name: find_one
-- Finds one.
select *
-- a remark inside
from {schema}.things where id = $1;

-- name: count_all
-- Counts them.
select count(*) from {schema}.things;
"""


def test_statements_are_attributes_with_their_schema_in_place() -> None:
    """Text is ready to execute: schema quoted, comments gone, origin named."""
    statements = parse(GOOD, source="pkg/sql/things.sql", schema="loader")
    assert list(statements) == ["find_one", "count_all"]
    assert statements.find_one == (
        '/* pkg/sql/things.sql:find_one */ select *\nfrom "loader".things where id = $1'
    )
    assert statements.purpose("count_all") == "Counts them."


def test_an_unknown_statement_is_an_attribute_error_that_names_the_file() -> None:
    """A typing mistake is found by its name."""
    with pytest.raises(AttributeError, match=r"pkg/x\.sql has no statement named fnd"):
        _ = parse(GOOD, source="pkg/x.sql", schema="loader").fnd


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("-- name: a\nselect 1;", "lacks its line of purpose"),
        ("-- name: a\n--\nselect 1;", "lacks its line of purpose"),
        ("-- name: a\n-- Purpose.\n", "is empty"),
        ("-- name: a\n-- P.\nselect 1;\n-- name: a\n-- P.\nselect 2;", "two statements"),
        ("-- name: A-b\n-- P.\nselect 1;", "snake_case"),
        ("select 1;\n-- name: a\n-- P.\nselect 1;", "before the first"),
        ("-- name: a\n-- P.\nselect 1 from {schema}.x;", "without one"),
    ],
)
def test_a_malformed_file_is_refused_with_its_reason(text: str, complaint: str) -> None:
    """Each rule of the form is checked when the file is loaded."""
    with pytest.raises(StoreMisconfigured, match=complaint):
        parse(text, source="pkg/x.sql")


def test_a_file_is_read_once_per_schema() -> None:
    """Loading again gives the very same object."""
    first = Statements.load("bridgework_store", "sql/outbox.sql", schema="one")
    assert Statements.load("bridgework_store", "sql/outbox.sql", schema="one") is first
    assert Statements.load("bridgework_store", "sql/outbox.sql", schema="two") is not first


def test_a_schema_name_cannot_smuggle_sql() -> None:
    """Only plain lower-case names are ever put into a statement."""
    with pytest.raises(ValueError, match="schema is named"):
        parse(GOOD, source="x", schema='a"; drop table b; --')
