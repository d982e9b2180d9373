"""Counting: a replay counts nothing, a release moves a count, parts share their record's fate."""

from collections import Counter
from typing import Any

import pytest
from bridgework_contracts.ids import RunId
from bridgework_contracts.outcomes import FileOutcome, Outcome, RecordOutcome
from bridgework_contracts.records import ParentRef
from bridgework_contracts.runs import Wave
from bridgework_reconciler.domain.counting import (
    Counted,
    Counts,
    contribution,
    delta,
    part_outcome,
)
from hypothesis import given, settings
from hypothesis import strategies as st

RUN = RunId("run_1")


def ended(key: str, outcome: Outcome, **more: Any) -> RecordOutcome:
    """One patient's outcome."""
    told = {"object": "patient", "decided_by": "loader", **more}
    return RecordOutcome(run_id=RUN, key=key, outcome=outcome, **told)


def counted(outcome: RecordOutcome) -> Counted:
    """What the journal remembers of an outcome."""
    return Counted(outcome.outcome.value, outcome.parts, outcome.credits)


@pytest.mark.parametrize(
    ("outcome", "parts_end"),
    [
        (Outcome.INSERTED, "merged"),
        (Outcome.UPDATED, "merged"),
        (Outcome.UNCHANGED, "merged"),
        (Outcome.MERGED, "merged"),
        (Outcome.SKIPPED, "skipped"),
        (Outcome.FAILED, "failed"),
        (Outcome.PARKED, "parked"),
    ],
)
def test_parts_were_merged_into_a_record_that_landed_and_share_the_fate_of_one_that_did_not(
    outcome: Outcome, parts_end: str
) -> None:
    """All seven outcomes."""
    assert part_outcome(outcome.value) == parts_end
    assert contribution("patient", outcome.value, {"coverage": 2}) == {
        ("patient", outcome.value): 1,
        ("coverage", parts_end): 2,
    }


def test_a_part_of_the_same_name_as_its_record_is_added_not_overwritten() -> None:
    """An object folded into one of its own kind still counts every row."""
    assert contribution("patient", "merged", {"patient": 3}) == {("patient", "merged"): 4}


def test_a_first_outcome_counts_the_record_its_parts_and_its_credits() -> None:
    """From nothing to one record with two parts."""
    one = ended("1", Outcome.INSERTED, parts={"coverage": 2}, credits=0.5)
    change = delta([one], {})
    assert change.records == {("patient", "inserted"): 1, ("coverage", "merged"): 2}
    assert change.credits == {"loader": 0.5}


def test_a_replayed_outcome_changes_nothing() -> None:
    """The same word again is worth nothing, in records and in credits."""
    one = ended("1", Outcome.INSERTED, parts={"coverage": 2}, credits=0.5)
    change = delta([one], {("patient", "1"): counted(one)})
    assert change.records == {}
    assert change.credits == {}


def test_a_parked_record_that_is_released_moves_its_count_and_that_of_its_parts() -> None:
    """One less parked, one more inserted: the sum stays."""
    parked = ended("1", Outcome.PARKED, parts={"coverage": 2})
    landed = ended("1", Outcome.INSERTED, parts={"coverage": 2}, credits=0.25)
    change = delta([landed], {("patient", "1"): counted(parked)})
    assert change.records == {
        ("patient", "inserted"): 1,
        ("patient", "parked"): -1,
        ("coverage", "merged"): 2,
        ("coverage", "parked"): -2,
    }
    assert sum(change.records.values()) == 0
    assert change.credits == {"loader": 0.25}


def test_credits_are_kept_apart_by_who_spent_them() -> None:
    """Records and files draw on the same org but on different purposes."""
    file = FileOutcome(
        run_id=RUN,
        object="document",
        key="d",
        outcome=Outcome.INSERTED,
        parent=ParentRef(object="patient", key="1"),
        credits=1.0,
    )
    change = delta([ended("1", Outcome.INSERTED, credits=0.5), file], {})
    assert change.credits == {"loader": 0.5, "rehoster": 1.0}
    assert change.records == {("patient", "inserted"): 1, ("document", "inserted"): 1}


outcomes = st.builds(
    ended,
    key=st.sampled_from("abc"),
    outcome=st.sampled_from(Outcome),
    parts=st.dictionaries(st.sampled_from(["coverage", "patient_provider"]), st.integers(1, 3)),
)


@settings(deadline=None)
@given(st.lists(outcomes, max_size=12))
def test_whatever_arrives_in_whatever_order_counts_are_those_of_the_last_word(
    story: list[RecordOutcome],
) -> None:
    """Summing the changes one by one equals counting the final journal from scratch."""
    totals: Counter[tuple[str, str]] = Counter()
    journal: dict[tuple[str, str], RecordOutcome] = {}
    for one in story:
        at = (one.object, one.key)
        earlier = {at: counted(journal[at])} if at in journal else {}
        for where, number in delta([one], earlier).records.items():
            totals[where] += number
        journal[at] = one
    fresh: Counter[tuple[str, str]] = Counter()
    for one in journal.values():
        for where, number in contribution(one.object, one.outcome.value, one.parts).items():
            fresh[where] += number
    assert {k: v for k, v in totals.items() if v} == dict(fresh)


# ---- settling -----------------------------------------------------------------------------------

WAVES = (
    Wave(index=2, objects=("patient",)),
    Wave(index=1, objects=("carrier", "location")),
    Wave(index=3, objects=("appointment",)),
)


def counts(
    extracted: dict[str, int],
    outcomes: dict[str, dict[str, int]],
    unchanged: dict[str, int] | None = None,
) -> Counts:
    """Counts of a run."""
    return Counts(extracted, unchanged or {}, outcomes)


def test_no_wave_settles_before_its_extracted_counts_are_known() -> None:
    """Outcomes may run ahead of the extractor's word; nought is not a count."""
    assert counts({}, {}).settled_waves(WAVES) == []
    assert counts({"carrier": 0}, {}).settled_waves(WAVES) == []


def test_a_wave_settles_when_every_object_of_it_balances() -> None:
    """All seven outcomes count; an object without records balances at nought."""
    done = counts({"carrier": 3, "location": 0}, {"carrier": {"inserted": 1, "failed": 2}})
    assert done.settled_waves(WAVES) == [1]


def test_a_wave_with_one_record_missing_or_one_too_many_does_not_settle() -> None:
    """Neither loss nor doubling passes."""
    for inserted in (2, 4):
        odd = counts({"carrier": 3, "location": 0}, {"carrier": {"inserted": inserted}})
        assert odd.settled_waves(WAVES) == []
        assert odd.unbalanced() == {"carrier": (3, inserted)}


def test_a_later_wave_does_not_settle_before_an_earlier_one() -> None:
    """Waves settle in the order of their numbers, whatever the order they are given in."""
    ahead = counts({"carrier": 1, "location": 0, "patient": 1}, {"patient": {"inserted": 1}})
    assert ahead.settled_waves(WAVES) == []
    both = counts(
        {"carrier": 1, "location": 0, "patient": 1},
        {"patient": {"inserted": 1}, "carrier": {"parked": 1}},
    )
    assert both.settled_waves(WAVES) == [1, 2]


def test_records_that_did_not_travel_count_as_unchanged() -> None:
    """A delta's untouched records are accounted for without an outcome of their own."""
    some = counts({"patient": 10}, {"patient": {"updated": 2, "unchanged": 1}}, {"patient": 7})
    assert some.accounted("patient") == 10
    assert some.balanced("patient")
    assert some.unbalanced() == {}


def test_outcomes_of_an_object_nobody_extracted_are_unbalanced() -> None:
    """A record out of nowhere is an error in the books, not a bonus."""
    assert counts({}, {"patient": {"inserted": 1}}).unbalanced() == {"patient": (0, 1)}
