"""Note texts: header, marker, and what happens to the ones that are too long."""

from bridgework_mapping.notes import (
    NOTE_CONTENT_LIMIT,
    TEXT_LIMIT,
    cut,
    header,
    key_in,
    note_content,
    overflow_file_name,
    overflows,
    without_marker,
    zoho_length,
)
from hypothesis import given
from hypothesis import strategies as st

NOTE = {
    "key": "70001",
    "text": "Gum exam.\nNV: hygiene",
    "note_date": "2023-10-13",
    "entered_at": "2023-10-14T10:42:00",
    "type": "Clinical",
    "author_initials": "EA",
    "author_name_printed": "Emeka Abernathy",
    "signed": True,
    "addendum_of": "69999",
    "images": ["70001#1"],
}


def test_header_carries_what_zoho_cannot_hold() -> None:
    """Day, type, author, time of typing, state: in one readable line."""
    assert header(NOTE) == (
        "2023-10-13 · Clinical · Emeka Abernathy (EA) · entered 2023-10-14 10:42 · signed"
        " · addendum to note 69999 · 1 image attached"
    )


def test_content_ends_with_the_marker_and_gives_the_key_back() -> None:
    """The marker is how a note is found before it is sent again."""
    content, shortened = note_content(NOTE)
    assert content.endswith("\nGum exam.\nNV: hygiene\n[src:note:70001]")
    assert not shortened
    assert key_in(content) == "70001"
    assert without_marker(content).endswith("NV: hygiene")


def test_a_marker_inside_the_text_is_not_the_notes_own() -> None:
    """Only the end counts; people quote things."""
    assert key_in("[src:note:1] was here") is None
    assert key_in("quoted [src:note:1]\n[src:note:2]\n") == "2"


def test_author_falls_back_and_never_stays_blank() -> None:
    """Initials, then the provider key, then a plain statement."""
    assert header({"author_initials": "EA"}) == "EA"
    assert header({"author_key": "11"}) == "provider 11"
    assert header({}) == "author not recorded"


def test_a_note_that_does_not_fit_is_cut_and_points_to_its_file() -> None:
    """The whole text travels as a file; the note says where."""
    text = "word " * 20_000
    content, shortened = note_content(NOTE | {"text": text})
    assert shortened
    assert overflows(text)
    assert zoho_length(content) <= NOTE_CONTENT_LIMIT
    assert f"[continued in the attached file {overflow_file_name('70001')}]" in content
    assert key_in(content) == "70001"


def test_a_note_of_exactly_the_limit_is_whole() -> None:
    """The border belongs to the fitting side."""
    content, shortened = note_content(NOTE | {"text": "x" * TEXT_LIMIT})
    assert not shortened
    assert zoho_length(content) <= NOTE_CONTENT_LIMIT


@given(st.text(max_size=60), st.integers(min_value=1, max_value=40))
def test_a_cut_is_the_longest_prefix_that_fits(text: str, limit: int) -> None:
    """Never over the limit in UTF-16 units, never shorter than it must be."""
    prefix = cut(text, limit)
    assert text.startswith(prefix)
    assert zoho_length(prefix) <= limit
    if prefix != text:
        assert zoho_length(text[: len(prefix) + 1]) > limit


@given(st.text(max_size=400))
def test_whatever_the_text_the_key_comes_back(text: str) -> None:
    """No note text can hide its marker."""
    content, _ = note_content({"key": "7#1|a", "text": text})
    assert key_in(content) == "7#1|a"
