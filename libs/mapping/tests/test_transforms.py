"""Each transform by itself: what it makes of good values, and what it says about bad ones."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from bridgework_contracts.runs import OwnerDecision
from bridgework_mapping.convert import Surroundings, build, build_page
from bridgework_mapping.fields import FieldMap
from bridgework_mapping.intervals import interval_label
from bridgework_mapping.templates import compile_template, is_well_formed, names_in
from bridgework_mapping.values import (
    Trouble,
    Unusable,
    clean,
    shape_of,
    split,
    to_currency,
    to_email,
    to_phone,
)
from bridgework_mapping.wallclock import load_zone
from hypothesis import given
from hypothesis import strategies as st

AROUND = Surroundings(
    zone=load_zone("America/New_York"),
    decisions={
        "11": OwnerDecision(provider_key="11", user_id="9011", evidence="email", review=False),
        "15": OwnerDecision(provider_key="15", user_id="9000", evidence="fallback", review=True),
    },
)


def run(given_value: Any, trouble: list[Trouble] | None = None, /, **line: Any) -> Any:
    """Return what a line makes of a value (or of a whole record, where it wants one)."""
    field = FieldMap.model_validate({"spec": "Field__c", "source": "f"} | line)
    built = build(field, AROUND)
    if built.whole_record and not isinstance(given_value, Mapping):
        given_value = {"f": given_value}
    return built.convert(given_value, trouble if trouble is not None else [])


def refusal(given_value: Any, /, **line: Any) -> Unusable:
    """Return the refusal a value meets."""
    with pytest.raises(Unusable) as caught:
        run(given_value, **line)
    return caught.value


class TestText:
    def test_text_is_trimmed_and_control_characters_go(self) -> None:
        """Zoho trims; a NUL would break the request."""
        assert run("  Hi\x00ll\x07 ", type="text") == "Hill"

    def test_single_line_text_has_no_line_breaks(self) -> None:
        """A street in two lines stays readable in one."""
        assert run("658 Hernandez\r\nSuite 642", type="text") == "658 Hernandez, Suite 642"

    def test_text_areas_keep_lines_with_one_kind_of_ending(self) -> None:
        """CR LF, CR and LF are one thing."""
        assert run("a\r\nb\rc\nd", type="textarea") == "a\nb\nc\nd"

    def test_blank_text_is_nothing(self) -> None:
        """White space is not a name."""
        assert run("   ", type="text") is None

    def test_too_long_text_is_refused_with_what_would_fit(self) -> None:
        """The kept start ends in an ellipsis and fits."""
        bad = refusal("x" * 41, type="text", length=40)
        assert bad.code == "too_long"
        assert bad.kept == "x" * 39 + "…"

    def test_length_counts_as_zoho_counts(self) -> None:
        """A tooth emoji is two units."""
        assert run("🦷" * 20, type="text", length=40) == "🦷" * 20
        assert refusal("🦷" * 21, type="text", length=40).kept == "🦷" * 19 + "…"

    def test_numbers_become_text_and_objects_do_not(self) -> None:
        """A mapping that reads a list as text is wrong, not clever."""
        assert run(7, type="text") == "7"
        assert refusal(["a"], type="text").code == "not_text"


class TestDates:
    def test_a_date_is_a_date(self) -> None:
        """No zone touches it."""
        assert run("1982-05-13", type="date") == "1982-05-13"

    def test_of_a_moment_its_day_is_taken(self) -> None:
        """The practice's day."""
        assert run("2024-01-11T23:20:00", type="date") == "2024-01-11"

    @pytest.mark.parametrize("bad", ["2023-02-30", "05/13/1982", "1982", 19820513, "20240111XX"])
    def test_what_is_no_date_is_refused(self, bad: Any) -> None:
        """Impossible, printed or bare."""
        assert refusal(bad, type="date").code == "not_a_date"

    @pytest.mark.parametrize("month", ["2025-05", "2025-05-01", "2025-05-17"])
    def test_month_is_its_first_day(self, month: str) -> None:
        """One record per provider and month."""
        assert run(month, type="date", transform="month") == "2025-05-01"

    def test_what_is_no_month_is_refused(self) -> None:
        """Thirteen is not a month."""
        assert refusal("2025-13", type="date", transform="month").code == "not_a_month"

    def test_a_moment_gets_the_offset_of_its_day(self) -> None:
        """Winter in New York."""
        assert run("2024-01-11T09:20:00", type="datetime") == "2024-01-11T09:20:00-05:00"

    def test_clock_changes_are_noted(self) -> None:
        """Somebody should look at an appointment in a skipped hour."""
        trouble: list[Trouble] = []
        run("2024-03-10T02:30:00", trouble, type="datetime")
        run("2024-11-03T01:30:00", trouble, type="datetime")
        assert [item.code for item in trouble] == ["nonexistent_wall_time", "ambiguous_wall_time"]
        assert trouble[0].shape == "9999-99-99A99:99:99"

    @pytest.mark.parametrize("bad", ["tomorrow", 5, "0001-01-01T00:00:00", "2024-01-11T25:00:00"])
    def test_what_is_no_moment_is_refused(self, bad: Any) -> None:
        """Nor what Zoho's zones cannot show."""
        assert refusal(bad, type="datetime").code == "not_a_moment"

    def test_an_end_before_its_start_becomes_the_start(self) -> None:
        """Zoho refuses such an event; the record says what was done."""
        trouble: list[Trouble] = []
        line = {
            "type": "datetime",
            "source": ["end", "start"],
            "transform": {"kind": "datetime", "not_before": "start"},
        }
        record = {"start": "2024-01-11T09:20:00", "end": "2024-01-11T08:00:00"}
        assert run(record, trouble, **line) == "2024-01-11T09:20:00-05:00"
        assert run({"start": "2024-01-11T09:20:00"}, trouble, **line) == (
            "2024-01-11T09:20:00-05:00"
        )
        assert run({}, trouble, **line) is None
        assert [item.code for item in trouble] == ["ends_before_start", "blank_in_source"]


class TestContacts:
    @pytest.mark.parametrize(
        "good", ["8575550176", "8575550176x334", "+1 (555) 123-4567", "555-123-4567 x12", "none"]
    )
    def test_phones_zoho_takes_pass_as_they_are(self, good: str) -> None:
        """Nothing is reformatted."""
        assert to_phone(good) == good

    @pytest.mark.parametrize(
        "bad", ["n/a", "555-123-4567 / 8", "555--1234", "-5551234", "1" * 31, "a\n1"]
    )
    def test_phones_zoho_refuses_are_refused_here(self, bad: str) -> None:
        """One bad phone would reject the whole patient."""
        with pytest.raises(Unusable):
            to_phone(bad)

    @pytest.mark.parametrize("good", ["a..b@c.com", "hardy.tyler+x@example.co.uk", "é@exämple.com"])
    def test_emails_zoho_takes_pass(self, good: str) -> None:
        """As published."""
        assert to_email(good) == good

    @pytest.mark.parametrize(
        "bad", ["x@y", ".a@b.com", "a b@c.com", "a@b.c1", "a@b.com\n.x", "@b.com", "a@" + "b" * 99]
    )
    def test_emails_zoho_refuses_are_refused_here(self, bad: str) -> None:
        """Likewise."""
        with pytest.raises(Unusable):
            to_email(bad)

    def test_blank_contacts_are_nothing(self) -> None:
        """Not an error."""
        assert to_phone(" ") is None
        assert to_email(" ") is None


class TestNumbers:
    @given(
        st.decimals(min_value=-(10**13), max_value=10**13, places=2).filter(
            lambda d: abs(d) < 10**13
        )
    )
    def test_money_is_exact_as_json(self, amount: Any) -> None:
        """The JSON number is the decimal itself, to the cent."""
        import json
        from decimal import Decimal

        text = json.dumps(to_currency(f"{amount:.2f}"))
        assert Decimal(text) == amount

    @pytest.mark.parametrize("bad", ["1,000.00", "(45.00)", "1.005", "NaN", "", True, 1.5, "1e5"])
    def test_what_is_no_money_is_refused(self, bad: Any) -> None:
        """Printed forms are the extractor's business; a float is never money."""
        with pytest.raises(Unusable):
            to_currency(bad)

    def test_minus_zero_is_zero(self) -> None:
        """So that hashes agree."""
        assert str(to_currency("-0.00")) == "0.0"

    def test_integers(self) -> None:
        """Text or number, nine digits."""
        assert run("3", type="integer") == 3
        assert run(-3, type="integer") == -3
        assert refusal("3.0", type="integer").code == "not_an_integer"
        assert refusal(10**9, type="integer").code == "not_an_integer"
        assert refusal(True, type="integer").code == "not_an_integer"

    def test_booleans_are_not_guessed(self) -> None:
        """Only clear words."""
        assert run(True, type="boolean") is True
        assert run("N", type="boolean") is False
        assert refusal("maybe", type="boolean").code == "not_yes_or_no"
        assert refusal(1, type="boolean").code == "not_yes_or_no"


class TestChoices:
    PICK: ClassVar[dict[str, Any]] = {"type": "picklist", "values": ["Male", "Female"]}

    def test_values_and_map_without_regard_to_case(self) -> None:
        """The list's own spelling is written."""
        mapped = self.PICK | {"transform": {"kind": "picklist", "map": {"M": "Male"}}}
        assert run("m", **mapped) == "Male"
        assert run("FEMALE", **mapped) == "Female"

    def test_an_unknown_value_is_refused_unless_the_list_is_open(self) -> None:
        """Zoho would take the typo as data."""
        assert refusal("Mail", **self.PICK).code == "not_in_picklist"
        assert run("Dr. Lena Fairweather", **self.PICK, open=True) == "Dr. Lena Fairweather"

    @pytest.mark.parametrize(
        ("source", "flag"),
        [
            ("Yes", "Yes"),
            ("Y", "Yes"),
            (True, "Yes"),
            ("No", "No"),
            (False, "No"),
            ("Unknown", "Unknown"),
            (None, "Unknown"),
            ("", "Unknown"),
        ],
    )
    def test_tri_state_never_makes_no_of_a_blank(self, source: Any, flag: str) -> None:
        """Blank is Unknown."""
        line = {"type": "picklist", "transform": "tri_state", "values": ["Yes", "No", "Unknown"]}
        assert run(source, **line) == flag

    def test_tri_state_of_an_odd_word_is_unknown_and_noted(self) -> None:
        """The refusal keeps Unknown to write."""
        line = {"type": "picklist", "transform": "tri_state", "values": ["Yes", "No", "Unknown"]}
        assert refusal("sometimes", **line).kept == "Unknown"

    @pytest.mark.parametrize(
        ("record", "stage"),
        [
            ({"balance": "0.00", "collections": True}, "Closed Won"),
            ({"balance": "12.00", "collections": False}, "Qualification"),
            ({"balance": "-12.00"}, "Qualification"),
            ({"balance": "12.00", "collections": True}, "Negotiation/Review"),
            ({"balance": None}, None),
        ],
    )
    def test_deal_stage_follows_balance_and_collections(
        self, record: dict[str, Any], stage: str | None
    ) -> None:
        """Settled, open, in collections."""
        assert run(record, type="picklist", transform="deal_stage", open=True) == stage

    def test_users_only_on_evidence(self) -> None:
        """The fallback owner is not the provider."""
        assert run("11", type="user") == {"id": "9011"}
        assert run("15", type="user") is None
        assert run("77", type="user") is None

    def test_owner_review_marks_what_a_person_should_look_at(self) -> None:
        """Settled, fallback, unknown."""
        line = {"type": "boolean", "transform": "owner_review"}
        assert [run(key, **line) for key in ("11", "15", "77")] == [False, True, True]

    @pytest.mark.parametrize(
        ("iso", "label"),
        [
            ("P6M1D", "6 months + 1 day"),
            ("P1Y", "1 year"),
            ("P180D", "180 days"),
            ("P2W", "2 weeks"),
            ("P", "P"),
            ("six months", "six months"),
            ("", ""),
        ],
    )
    def test_intervals_are_readable(self, iso: str, label: str) -> None:
        """Text that is no interval stays what it is."""
        assert interval_label(iso) == label
        line = {"type": "picklist", "transform": "interval_label", "values": ["1 year"]}
        if label:
            assert run(iso, **line, open=True) == label

    def test_a_constant_is_the_same_for_every_record(self) -> None:
        """Even for an empty one."""
        line = {"type": "picklist", "values": ["A"], "source": []}
        assert run({}, **line, transform={"kind": "constant", "value": "A"}) == "A"


class TestComposedText:
    @pytest.mark.parametrize(
        ("fields", "text"),
        [
            ({"kind": "Charge", "day": "2023-10-13", "code": "D0274"}, "Charge 2023-10-13 (D0274)"),
            ({"kind": "Charge", "day": None, "code": None}, "Charge)"),
            ({"code": "D0274"}, "(D0274)"),
            ({}, None),
        ],
    )
    def test_a_missing_value_takes_its_separator_along(
        self, fields: dict[str, Any], text: str | None
    ) -> None:
        """Literals belong to the value after them; the tail stays."""
        assert compile_template("{kind} {day} ({code})")(fields) == text

    def test_a_leading_separator_goes(self) -> None:
        """``{name} - account {key}`` without a name."""
        assert compile_template("{name} - account {key}")({"key": "607"}) == "account 607"

    def test_template_syntax(self) -> None:
        """Names in order, once; braces balanced."""
        assert names_in("{a} {b} {a}") == ("a", "b")
        assert is_well_formed("x {a} y")
        assert not is_well_formed("x {a y")
        assert not is_well_formed("x a} y")

    def test_lines_are_joined_from_lists_and_templates(self) -> None:
        """A line per list element; labelled lines only for what is there."""
        names = {"type": "textarea", "transform": "join_lines"}
        assert run(["A", "B"], **names) == "A\nB"
        assert run([], **names) is None
        labelled = {
            "type": "textarea",
            "source": [],
            "transform": {"kind": "join_lines", "lines": ["Relation: {r}", "Deductible: {d}"]},
        }
        assert run({"r": None, "d": "50.00"}, **labelled) == "Deductible: 50.00"

    def test_distinct_lines_do_not_repeat_what_is_there(self) -> None:
        """A body that the raw text holds already is not written twice."""
        line = {
            "type": "textarea",
            "source": ["raw", "body"],
            "transform": {"kind": "join_lines", "distinct": True},
        }
        assert run({"raw": "6 MRC\ncall pt", "body": "call pt"}, **line) == "6 MRC\ncall pt"
        assert run({"raw": "6 MRC", "body": "call pt"}, **line) == "6 MRC\ncall pt"


class TestJson:
    def test_lists_become_canonical_text(self) -> None:
        """Sorted keys, no spaces, real letters."""
        assert run([{"b": 1, "a": "é"}], type="json") == '[{"a":"é","b":1}]'

    def test_text_is_passed_on_and_empty_is_nothing(self) -> None:
        """The extractor's canonical text is not touched."""
        assert run('{"v":1}', type="json") == '{"v":1}'
        assert run([], type="json") is None
        assert run({}, type="json") is None

    def test_a_long_value_is_split_over_its_pages(self) -> None:
        """Joined, the pages are the text again."""
        line = FieldMap.model_validate(
            {"spec": "T__c", "type": "json", "source": "t", "pages": 3, "length": 10}
        )
        text = '{"a":"bcdefgh i"}'
        pages = [build_page(line, page)(text, []) for page in (1, 2, 3)]
        assert pages == ['{"a":"bcde', 'fgh i"}', None]

    def test_more_than_the_pages_hold_is_refused_once(self) -> None:
        """Half a chart would be worse than none."""
        line = FieldMap.model_validate(
            {"spec": "T__c", "type": "json", "source": "t", "pages": 2, "length": 4}
        )
        with pytest.raises(Unusable) as caught:
            build_page(line, 1)("123456789", [])
        assert caught.value.code == "too_long"
        assert build_page(line, 2)("123456789", []) is None

    @given(st.text(max_size=300), st.integers(min_value=4, max_value=60))
    def test_pieces_joined_are_the_text(self, text: str, limit: int) -> None:
        """And no piece loses anything to Zoho's trimming inside."""
        pieces = split(text, limit)
        assert "".join(pieces) == text
        assert all(len(piece.encode("utf-16-le")) // 2 <= limit for piece in pieces)


class TestShapes:
    def test_masked_shape_shows_form_and_no_value(self) -> None:
        """For problems and logs."""
        assert shape_of("Hill-42 é") == "Aaaa-99 a"
        assert shape_of("x" * 50) == "a" * 24

    @given(st.text(max_size=200))
    def test_clean_text_stays_clean(self, text: str) -> None:
        """Cleaning twice changes nothing."""
        once = clean(text)
        assert clean(once) == once
