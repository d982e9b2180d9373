"""Values as shapes."""

from typing import Any

import pytest
from bridgework_reconciler.domain.masking import shape
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        (None, "∅"),
        (True, "bool"),
        (False, "bool"),
        ("", ""),
        ("Ann-Marie O'Neil", "Aaa-Aaaaa A'Aaaa"),
        ("04/31/1987", "99/99/9999"),
        ("(212) 555-0100", "(999) 999-9999"),
        (1234, "9999"),
        (-12.5, "-99.9"),
        ("Żółć ß ٣", "Aaaa a 9"),
        ([1, 2, 3], "[3]"),
        ((), "[0]"),
        ({"id": "5", "name": "Jane"}, "{2 keys}"),
        ("a" * 40, "a" * 40),
        ("a" * 41, "a" * 40 + "…(41)"),
    ],
)
def test_a_value_becomes_its_shape(value: Any, masked: str) -> None:
    """Letters become letters, digits digits; punctuation and length are what helps a person."""
    assert shape(value) == masked


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_letter_or_digit_of_a_text_survives(text: str) -> None:
    """Whatever script it is in."""
    kept = shape(text).split("…(")[0]
    assert all(c in "aA9" for c in kept if c.isalnum())
