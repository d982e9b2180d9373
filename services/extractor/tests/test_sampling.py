"""A closed world: nothing in it points at something outside."""

from typing import Any

import pytest
from bridgework_contracts.runs import SampleSpec
from bridgework_dental_exec.records import CanonicalRecord
from bridgework_extractor.sampling import ClosedWorld
from hypothesis import given, settings
from hypothesis import strategies as st

from services.extractor.tests.conftest import document, record

PARENTS = {"patient_key": "patient", "plan_key": "treatment_plan", "account_key": "account"}


def plan(key: str, patient: str | None, status: str = "Proposed") -> CanonicalRecord:
    """One treatment plan."""
    return record("treatment_plan", key, patient_key=patient, status=status)


def world(plans: list[CanonicalRecord], count: int = 100, seed: int = 1) -> ClosedWorld:
    """A sample of so many plans."""
    return ClosedWorld(plans, SampleSpec(plans=count, seed=seed))


def patients_of(made: ClosedWorld, count: int) -> set[str]:
    """Which of the patients 0…count are in."""
    return {str(n) for n in range(count) if made.keeps(record("patient", str(n)))}


def test_patients_without_a_drawn_plan_stay_outside() -> None:
    """Only whom a plan was drawn of."""
    made = world([plan("a", "1"), plan("b", "2")])
    assert patients_of(made, 5) == {"1", "2"}


def test_at_most_so_many_plans_are_drawn() -> None:
    """Ten of a hundred, each of its own patient."""
    made = world([plan(f"p{n}", str(n)) for n in range(100)], count=10)
    assert len(patients_of(made, 100)) == 10


def test_fewer_plans_than_asked_for_are_all_in() -> None:
    """A small practice is its own sample."""
    made = world([plan(f"p{n}", str(n)) for n in range(5)], count=150)
    assert patients_of(made, 10) == set("01234")
    assert patients_of(world([], count=150), 10) == set()


def test_every_status_is_in_however_rare() -> None:
    """One refused plan among a thousand; three drawn of each of three statuses."""
    plans = [plan(f"p{n}", str(n)) for n in range(1000)]
    plans[500] = plan("p500", "500", "Refused")
    plans += [plan(f"q{n}", str(n), "Completed") for n in range(1000, 1100)]
    inside = patients_of(world(plans, count=9), 1100)
    assert "500" in inside
    # One refused, and the other two take turns for the rest.
    assert len([n for n in inside if int(n) < 1000 and n != "500"]) == 4
    assert len([n for n in inside if int(n) >= 1000]) == 4


def test_the_same_seed_draws_the_same_sample_and_another_draws_another() -> None:
    """Whatever order the plans come in: a rehearsal can be made again."""
    plans = [plan(f"p{n}", str(n)) for n in range(200)]
    one = patients_of(world(plans, count=20, seed=7), 200)
    assert patients_of(world(plans[::-1], count=20, seed=7), 200) == one
    assert patients_of(world(plans, count=20, seed=8), 200) != one


def test_a_plan_of_nobody_is_never_drawn() -> None:
    """It could not stand on its own."""
    made = world([plan("a", None), plan("b", "1")], count=1)
    assert patients_of(made, 5) == {"1"}
    assert not made.keeps(plan("a", None))


def test_the_roots_are_always_in() -> None:
    """Carriers, locations and goals belong to nobody's patient."""
    made = world([])
    for name in ("carrier", "location", "production_goal"):
        assert made.keeps(record(name, "1"))


@pytest.mark.parametrize(
    ("fields", "inside"),
    [
        ({"patient_key": "1"}, True),
        ({"patient_key": "2"}, False),
        ({"patient_key": None}, False),
        ({}, False),
        ({"patient_key": "1", "plan_key": "a"}, True),
        ({"patient_key": "1", "plan_key": "z"}, False),
        ({"patient_key": "1", "account_key": "9"}, True),
        ({"patient_key": "1", "account_key": "8"}, False),
        ({"plan_key": "a"}, True),
        ({"patient_key": "2", "plan_key": "a"}, False),
    ],
)
def test_a_child_is_in_when_every_parent_it_names_is_in(
    fields: dict[str, Any], *, inside: bool
) -> None:
    """A missing parent would park it; a record that belongs to nobody is left out."""
    made = world([plan("a", "1")])
    assert made.keeps(record("patient", "1"))
    assert not made.keeps(record("patient", "2"))
    assert made.keeps(plan("a", "1"))
    assert made.keeps(record("account", "9", patient_key="1"))
    assert made.keeps(record("ledger_entry", "x", **fields)) is inside


def test_patients_of_rare_shapes_are_in_whether_or_not_a_plan_was_drawn() -> None:
    """A rehearsal meets what the full run will meet."""
    made = ClosedWorld([plan("a", "1")], SampleSpec(plans=1, seed=1), {"7"})
    assert patients_of(made, 10) == {"1", "7"}


def test_all_plans_of_a_patient_who_is_in_are_in() -> None:
    """A world is closed downwards too: no half patient is rehearsed."""
    made = world([plan("a", "1"), plan("b", "1")], count=1)
    assert made.keeps(record("patient", "1"))
    assert made.keeps(plan("a", "1"))
    assert made.keeps(plan("b", "1"))


def test_files_are_in_with_the_record_they_hang_on() -> None:
    """A file of a patient outside, or of nobody, is outside."""
    made = world([plan("a", "1")])
    assert made.keeps(record("patient", "1"))
    assert made.keeps_file(document("d", "1"))
    assert not made.keeps_file(document("d", "2"))
    assert not made.keeps_file(document("d", None))


keys = st.sampled_from("1234")
practices = st.tuples(
    st.lists(keys, unique=True),
    st.lists(st.tuples(keys, st.sampled_from(["Proposed", "Refused"])), max_size=6),
    st.lists(st.tuples(st.none() | keys, st.none() | st.sampled_from(["p0", "p1", "p9"]))),
    st.integers(0, 4),
)


@settings(deadline=None)
@given(practices)
def test_no_record_that_is_in_names_a_parent_that_is_not(practice: Any) -> None:
    """Whatever the practice looks like, orphans included."""
    patients, plans, children, count = practice
    plan_records = [plan(f"p{n}", *one) for n, one in enumerate(plans)]
    made = world(plan_records, count=count)
    kept: set[tuple[str, str]] = set()
    for one in [
        *(record("patient", key) for key in patients),
        *plan_records,
        *(
            record("treatment_item", str(n), patient_key=patient, plan_key=plan_key)
            for n, (patient, plan_key) in enumerate(children)
        ),
    ]:
        if made.keeps(one):
            kept.add((one.object, one.key))
            for name, parent in PARENTS.items():
                key = one.fields.get(name)
                assert key is None or (parent, key) in kept
