"""Printed values and what they mean, one subject after another."""

import datetime as dt
from typing import Any

import pytest
from bridgework_dental_exec.parsers.codes import parse_code
from bridgework_dental_exec.parsers.contact import parse_email, parse_zip
from bridgework_dental_exec.parsers.dates import (
    DateRule,
    Order,
    parse_date,
    parse_moment,
    parse_month,
    parse_time,
)
from bridgework_dental_exec.parsers.money import parse_money, signed_effect
from bridgework_dental_exec.parsers.people import npi_is_valid, split_name
from bridgework_dental_exec.parsers.perio import decode_site
from bridgework_dental_exec.parsers.phones import parse_phone
from bridgework_dental_exec.parsers.richtext import pages, read_rich_text
from bridgework_dental_exec.parsers.teeth import expand_teeth, parse_surface, parse_tooth
from bridgework_dental_exec.parsers.text import clean_text, parse_flag, parse_key
from hypothesis import given
from hypothesis import strategies as st

RULE = DateRule(order=Order.MDY, today=dt.date(2026, 10, 6), kind="past")


@pytest.mark.parametrize(
    ("text", "value", "code"),
    [
        ("06/22/2026", "2026-06-22", None),
        ("22/06/2026", "2026-06-22", "date_swapped"),
        ("02/30/2002", None, "date_impossible"),
        ("00/00/0000", None, "date_impossible"),
        ("  /  /  ", None, None),
        ("05/13/82", "1982-05-13", None),
        ("05/13/26", "2026-05-13", None),
        ("45302", "2024-01-11", "date_serial"),
        ("soon", None, "date_unreadable"),
    ],
)
def test_dates(text: str, value: str | None, code: str | None) -> None:
    """A date is whole or nothing, and says what was odd."""
    assert parse_date(text, RULE) == (value, code)


@pytest.mark.parametrize(
    ("text", "value"),
    [("08:30a", "08:30:00"), ("0830", "08:30:00"), ("830", "08:30:00"), ("8:30 AM", "08:30:00"),
     ("12:00p", "12:00:00"), ("12:10 am", "00:10:00"), ("02:40p", "14:40:00"), ("1650", "16:50:00"),
     ("16:50:00", "16:50:00"), ("0.5", None), ("0.354166", "08:30:00"), ("25:00", None)],
)  # fmt: skip
def test_times(text: str, value: str | None) -> None:
    """Wall-clock times as each workstation likes to print them."""
    assert parse_time(text)[0] == value


def test_moments_and_months() -> None:
    """A moment has no zone; a month has a first day."""
    assert parse_moment("10/06/2026 06:42 PM", RULE) == ("2026-10-06T18:42:00", None)
    assert parse_moment("10/06/26 06:42p", RULE)[0] == "2026-10-06T18:42:00"
    assert parse_moment("2026-10-06T18:42", RULE)[0] == "2026-10-06T18:42:00"
    assert [parse_month(t, RULE)[0] for t in ("2026-03", "Mar-26", "3/1/2026", "26-Mar")] == [
        "2026-03-01"
    ] * 4


@pytest.mark.parametrize(
    ("text", "value"),
    [("152.45", "152.45"), ("(45.00)", "-45.00"), ("45.00-", "-45.00"), ("$1,234.50", "1234.50"),
     ("1.234,50", "1234.50"), ("45,00", "45.00"), ("1,500", "1500.00"), ("-0.00", "0.00"),
     ("152.45000000000002", "152.45"), ("1.5E+05", None), ("n/a", None), ("45.00 CR", "-45.00")],
)  # fmt: skip
def test_money(text: str, value: str | None) -> None:
    """Amounts are exact decimal strings."""
    assert parse_money(text)[0] == value


def test_the_kind_of_a_ledger_line_decides_its_sign() -> None:
    """A payment takes away whether it is printed 45.00, 45.00- or (45.00)."""
    for written in ("45.00", "-45.00"):
        assert signed_effect(written, "Patient payment")[0] == "-45.00"
        assert signed_effect(written, "Insurance write-off")[0] == "-45.00"
        assert signed_effect(written, "Charge")[0] == "45.00"
        assert signed_effect(written, "Transfer")[0] == written


@pytest.mark.parametrize(
    ("text", "value", "code"),
    [
        ("(857) 555-0176", "8575550176", None),
        ("1-857-555-0176", "8575550176", None),
        ("(857) 555-5576 ext 334", "8575555576x334", "phone_extension"),
        ("857.555.5576 x12", "8575555576x12", "phone_extension"),
        ("(617) 555-5748 (mom)", "6175555748", "phone_words"),
        ("555-9086", None, "phone_no_area_code"),
        ("617-555-ILLS", None, "phone_letters"),
        ("none", None, "phone_none"),
        ("(   )   -    ", None, None),
        ("8.57E+09", None, "number_destroyed"),
        ("857-555-0176 or 857-555-0199", "8575550176", "phone_two_numbers"),
        ("123", None, "phone_unreadable"),
    ],
)
def test_phones(text: str, value: str | None, code: str | None) -> None:
    """Ten digits with an extension, or nothing and the reason."""
    assert parse_phone(text) == (value, code)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", "3"), ("#14", "14"), ("03", "3"), ("a", "A"), ("AS", "AS"), ("62", "62"), ("3-5", "3-5"),
     ("8, 9", "8,9"), ("43", "27"), ("36", "19"), ("UR6", "3"), ("LLD", "L"), ("5-Mar", "3-5"),
     ("15-Dec", "12-15"), ("99", None), ("x", None)],
)  # fmt: skip
def test_teeth(text: str, value: str | None) -> None:
    """Universal numbers, whatever notation was printed."""
    assert parse_tooth(text)[0] == value


def test_teeth_that_exist_in_both_notations_need_to_be_told() -> None:
    """24 is 24 unless somebody knows that it was FDI; ranges expand."""
    assert parse_tooth("24") == ("24", None)
    assert parse_tooth("24", fdi=True) == ("12", "tooth_fdi")
    assert expand_teeth("3-5") == ["3", "4", "5"]
    assert expand_teeth("8,9") == ["8", "9"]


@pytest.mark.parametrize(
    ("text", "tooth", "expected"),
    [("DOM", "3", ("MOD", "surface_reordered")), ("MO/D", "3", ("MOD", "surface_reordered")),
     ("ODD", "3", ("OD", "surface_reordered")), ("LL", None, ("LL", None)),
     ("MO", "8", ("MO", "surface_illegal")), ("FM", "8", ("MF", "surface_reordered")),
     ("XQ", "3", (None, "surface_unreadable"))],
)  # fmt: skip
def test_surfaces(text: str, tooth: str | None, expected: tuple[Any, Any]) -> None:
    """One order, no repeats; what the tooth does not have is said."""
    assert parse_surface(text, tooth) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [("D0120", "D0120"), ("0120", "D0120"), ("120", "D0120"), ("120.00", "D0120"),
     ("d2740", "D2740"), ("2740.01", "D2740"), ("ZZMISS", "ZZMISS"), ("zzrx", "ZZRX")],
)  # fmt: skip
def test_procedure_codes(text: str, value: str) -> None:
    """CDT with its D and four digits; office codes as they are."""
    assert parse_code(text)[0] == value


def test_zip_codes_get_their_zero_back_only_where_it_was_lost() -> None:
    """2116 in Massachusetts lost a zero; in Texas it is odd."""
    assert parse_zip("2116", "MA") == ("02116", "zip_zero_restored")
    assert parse_zip("2118-6102", "MA") == ("02118-6102", "zip_zero_restored")
    assert parse_zip("21186102", "MA") == ("02118-6102", "zip_zero_restored")
    assert parse_zip("2116", "TX") == ("2116", "zip_odd")
    assert parse_zip("02116", "MA") == ("02116", None)


def test_addresses_flags_keys_and_names() -> None:
    """The small parsers."""
    assert parse_email("Rnakagawa@Harbor.EXAMPLE") == ("rnakagawa@harbor.example", "email_case")
    assert parse_email("none") == (None, None)
    assert parse_email("ann(at)example.com") == (None, "email_unreadable")
    assert [parse_flag(t)[0] for t in ("Y", "n", "", "U")] == [True, False, None, None]
    assert parse_key("1201.0") == ("1201", None)
    assert parse_key("1.201E+03") == ("1201", None)
    assert parse_key("1.2E+08")[1] == "number_destroyed"
    assert split_name("Mckenzie, Casey S").middle == "S"
    assert split_name("Freeman Jr, Aaron").suffix == "Jr"
    assert split_name("Imogen Keller").last == "Keller"
    assert npi_is_valid("1999492790")
    assert not npi_is_valid("1999963892")
    assert decode_site("Gingival margin", "102") == (-2, None)
    assert decode_site("Bleeding", "5") == (["bleeding", "plaque"], None)


def test_text_is_cleaned_without_inventing_anything() -> None:
    """Control characters stand inside words; mojibake is repaired only where it round-trips."""
    assert clean_text("Unable to rea\x07ch") == ("Unable to reach", "text_control")
    assert clean_text("complica\rtions\r\nnext") == ("complications\nnext", "text_control")
    assert clean_text("Mart\u00c3\u00adnez") == ("Mart\u00ednez", "text_mojibake")
    assert clean_text("Mart\u00ednez \u201cok\u201d") == ("Mart\u00ednez \u201cok\u201d", None)
    assert clean_text("\u00c3lvaro") == ("\u00c3lvaro", None)


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=40))
def test_mojibake_of_any_text_is_undone(text: str) -> None:
    """Text decoded twice comes back when each stretch can only have been that."""
    try:
        broken = text.encode().decode("cp1252")
    except UnicodeDecodeError:
        return
    if text.isascii() or clean_text(text)[1] is not None:
        return
    assert clean_text(broken)[0] == clean_text(text)[0]


def test_rtf_and_html_become_what_people_saw() -> None:
    """Styles go, words and line ends stay, pictures are found."""
    rtf = (
        "{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Arial;}}{\\*\\generator X;}"
        "\\f0 \\b Caf\\'e9\\b0\\par\n"
        "\\u8220?ok\\u8221?\\par {\\pict\\pngblip 00ff}}"
    )
    read = read_rich_text(rtf)
    assert read.text == "Café\n\u201cok\u201d"
    assert [(i.kind, i.broken) for i in read.images] == [("rtf-pict", True)]
    html = (
        "<html><style>p{}</style><!--x--><p><b>One</b>&nbsp;two</p>\n<p>three<br>four</p>"
        "<img src='cid:a@b'><img src=\"file:///C:/DEXEC/NOTEIMG/N1.jpg\">"
        "<img src='\\\\S\\x\\y.png'></html>"
    )
    read = read_rich_text(html)
    assert read.text == "One two\nthree\nfour"
    assert [i.kind for i in read.images] == ["cid", "path", "unc"]
    assert read.images[1].file_name == "N1.jpg"


@given(st.text(max_size=300))
def test_rich_text_never_fails(text: str) -> None:
    """Whatever a body holds, something is read."""
    for body in (text, "{\\rtf1 " + text, "<p>" + text, "{\\rtf1{\\pict " + text):
        read_rich_text(body, "HTML")


@given(st.text(max_size=500), st.integers(min_value=8, max_value=60))
def test_pages_joined_give_the_text_back(text: str, limit: int) -> None:
    """No page is too long, nothing is lost."""
    pieces = list(pages(text, limit))
    assert "".join(pieces) == text
    assert all(len(p.encode()) <= limit for p in pieces)


@given(st.text(max_size=30))
def test_no_parser_ever_raises(text: str) -> None:
    """Any text gives a value and a code."""
    for parse in (parse_money, parse_phone, parse_tooth, parse_surface, parse_code, parse_email,
                  clean_text, parse_flag, parse_key, parse_time):  # fmt: skip
        parse(text)
    parse_date(text, RULE)
    parse_moment(text, RULE)
    parse_month(text, RULE)
    parse_zip(text, "MA")
