"""What a column profile tells, and what it never tells."""

from pathlib import Path

import duckdb
import pytest
from bridgework_audit.columns import HEAD, infer, masked_sql
from bridgework_audit.phi import phi_class
from bridgework_dental_exec.quarantine import shape
from hypothesis import given
from hypothesis import strategies as st

from libs.audit.tests.kit import Audited, Auditor

CONNECTION = duckdb.connect()
MASK = f"SELECT {masked_sql('?::VARCHAR')}"
LETTERS = st.characters(min_codepoint=32, max_codepoint=0x17F)


@given(text=st.text(LETTERS, max_size=HEAD))
def test_sql_and_python_mask_alike(text: str) -> None:
    """A shape in the report is the shape every other list shows, letter by letter."""
    row = CONNECTION.execute(MASK, [text]).fetchone()
    assert row is not None
    same_digits = [c for c in text if not (c.isdigit() and not c.isdecimal())]
    if len(same_digits) == len(text) and all(c.isalpha() == _is_letter(c) for c in text):
        assert row[0] == shape(text, HEAD)
    assert not any(c.isdecimal() and c != "9" for c in row[0])


def _is_letter(char: str) -> bool:
    row = CONNECTION.execute(r"SELECT regexp_matches(?, '\p{L}')", [char]).fetchone()
    return bool(row and row[0])


def column(audited: Audited, table: str, name: str) -> dict[str, object]:
    """Return one column's profile from the report."""
    return next(
        c for c in audited.audit.report["columns"] if (c["table"], c["column"]) == (table, name)
    )


PATIENTS = """pat_id,acct_id,last,first,dob,home_phone,notes1
1,7,Adams,Ann,01/02/1980,(617) 555-0100,
2,7,Brown,Bob,03/14/1981,617-555-0101,
3,8,Clark,,1982-05-06,none,{long}
4,8,O'Neil,Di,02/30/1983,,
"""


@pytest.fixture
def small(auditor: Auditor) -> Audited:
    """Four patients."""
    return auditor({"patients.csv": PATIENTS.format(long="word " * 60)})


def test_fill_and_distinct_are_counted(small: Audited) -> None:
    """Three of four first names are there; two accounts differ."""
    first, account = column(small, "patients", "first"), column(small, "patients", "acct_id")
    assert (first["rows"], first["filled"], first["fill"]) == (4, 3, 0.75)
    assert (account["filled"], account["distinct"]) == (4, 2)


def test_types_are_inferred_from_nearly_all_values(small: Audited) -> None:
    """Numbers, dates, a mixture of phones and words, text, and a column with one long text."""
    inferred = {
        name: column(small, "patients", name)["inferred"]
        for name in ("pat_id", "dob", "home_phone", "last", "notes1")
    }
    assert inferred == {
        "pat_id": "integer",
        "dob": "date",
        "home_phone": "mixed",
        "last": "text",
        "notes1": "long_text",
    }


def test_patterns_are_counted_as_masked_shapes(small: Audited) -> None:
    """Runs of letters count once, digits one by one; long texts by their size."""
    assert column(small, "patients", "dob")["shapes"] == {"99/99/9999": 3, "9999-99-99": 1}
    assert column(small, "patients", "last")["shapes"] == {"Aa": 3, "A'Aa": 1}
    assert column(small, "patients", "notes1")["shapes"] == {"201-2,000 characters": 1}


def test_least_and_greatest_value_show_their_shape(small: Audited) -> None:
    """Adams and O'Neil stand at the ends, without their letters."""
    last = column(small, "patients", "last")
    assert (last["min_shape"], last["max_shape"]) == ("Aaaaa", "A'Aaaa")
    assert (last["shortest"], last["longest"]) == (5, 6)


def test_typed_columns_tell_their_bounds_and_nobodys_birthday(
    auditor: Auditor, tmp_path: Path
) -> None:
    """Dates by year; amounts and numbers only where the column is nobody's; what has no value."""
    report = auditor(
        {
            "patients.csv": PATIENTS.format(long=""),
            "plans.csv": "plan_id,carrier_id,annual_max,deductible\n1,1,1500,50.00\n2,1,$750.5,x\n",
            "ledger.csv": "entry_id,acct_id,pat_id,post_date,amount\n1,7,1,03/14/2024,12.00\n",
        }
    )

    def typed(table: str, name: str) -> object:
        return column(report, table, name)["typed"]

    assert typed("patients", "dob") == {
        "type": "date32[day]", "values": 3, "no_value": 1, "least": "1980", "greatest": "1982",
    }  # fmt: skip
    assert typed("plans", "annual_max") == {
        "type": "decimal128(16, 2)", "values": 2, "no_value": 0,
        "least": "750.50", "greatest": "1500.00",
    }  # fmt: skip
    assert typed("plans", "deductible") == {
        "type": "decimal128(16, 2)", "values": 1, "no_value": 1, "least": "50.00",
        "greatest": "50.00",
    }  # fmt: skip
    assert typed("ledger", "amount") == {
        "type": "decimal128(16, 2)", "values": 1, "no_value": 0, "least": "", "greatest": "",
    }  # fmt: skip
    assert typed("patients", "last") is None
    shown = report.audit.write(tmp_path / "report")[1].read_text(encoding="utf-8")
    assert "date32[day], 1980 … 1982, 1 without a value" in shown
    assert "750.50 … 1500.00" in shown


def test_a_file_without_rows_has_empty_columns(auditor: Auditor) -> None:
    """A header alone is profiled as empty, not left out."""
    report = auditor(
        {"patients.csv": PATIENTS.format(long=""), "alerts.csv": "pat_id,kind,flag,since\n"}
    )
    assert column(report, "alerts", "flag")["inferred"] == "empty"


@pytest.mark.parametrize(
    ("kinds", "inferred"),
    [
        ({"integer": 100}, "integer"),
        ({"integer": 60, "number": 40}, "number"),
        ({"code": 50, "integer": 50}, "code"),
        ({"date": 95, "text": 5}, "date"),
        ({"date": 94, "text": 6}, "mixed"),
        ({"date": 50, "moment": 50}, "moment"),
        ({"text": 50, "long_text": 50}, "text"),
        ({}, "empty"),
    ],
)
def test_the_narrowest_type_that_fits_is_taken(kinds: dict[str, int], inferred: str) -> None:
    """95 % of the values decide."""
    assert infer(kinds, sum(kinds.values())) == inferred


@pytest.mark.parametrize(
    ("table", "name", "expected"),
    [
        ("patients", "last", "identity"),
        ("patients", "last_visit", "none"),
        ("patients", "dob", "birth"),
        ("patients", "ssn", "government_id"),
        ("accounts", "g1_home_phone", "contact"),
        ("patients", "ins1_subscriber_id", "insurance"),
        ("notes", "body", "free_text"),
        ("notes", "note_date", "none"),
        ("tooth_chart", "condition", "clinical"),
        ("ledger", "amount", "financial"),
        ("providers", "email", "staff"),
        ("carriers", "name", "none"),
    ],
)
def test_the_phi_class_follows_the_columns_name(table: str, name: str, expected: str) -> None:
    """Names decide, so that the class is the same in every export."""
    assert phi_class(table, name) == expected
