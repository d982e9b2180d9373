"""The fast patterns are the published ones, only faster."""

from __future__ import annotations

import pytest
from bridgework_zoho_sandbox.patterns import (
    EMAIL,
    PHONE,
    is_api_name,
    is_email,
    is_phone,
    is_url,
)
from hypothesis import given
from hypothesis import strategies as st

ADDRESS = st.text(alphabet="abZ09._-+@!#é ", max_size=24)


@given(ADDRESS)
def test_ascii_pattern_equals_the_published_one(text: str) -> None:
    """For every text, e-mail or not."""
    assert is_email(text) == (EMAIL.match(text) is not None)


@given(st.text(alphabet="019+ .-()x#;,/", max_size=20))
def test_plain_phones_are_phones(text: str) -> None:
    """The short way says yes to nothing the published pattern refuses."""
    assert is_phone(text) == (PHONE.match(text) is not None)


@pytest.mark.parametrize("label", ["a" * 5000, "a-" * 2500, "a_" * 2500])
def test_long_addresses_do_not_stall(label: str) -> None:
    """No catastrophic backtracking within what a length check lets through."""
    assert not is_email(f"x@{label[:98]}!")


def test_long_phones_do_not_stall() -> None:
    """Atomic groups keep the pattern linear."""
    assert not is_phone("1 " * 15 + "/")


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("https://example.com", True),
        ("ftp://a.b/c?d#e", True),
        ("www.example.com/x", True),
        ("example.com", False),
        ("https://nodots", False),
        ("https://a b.com", False),
        ("https://.com", False),
    ],
)
def test_web_addresses(text: str, good: bool) -> None:
    """Scheme or www, then a dotted host."""
    assert is_url(text) is good


@pytest.mark.parametrize(
    ("text", "good"),
    [("Source_ID", True), ("A", True), ("A__c", False), ("A_", False), ("1A", False), ("Ä", False)],
)
def test_api_names(text: str, good: bool) -> None:
    """No double underscore, none at the end, ASCII, a letter first."""
    assert is_api_name(text) is good
