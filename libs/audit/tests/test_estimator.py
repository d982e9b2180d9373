"""The estimator: scores, grades, triggers."""

import datetime as dt
import hashlib
from dataclasses import replace
from importlib import resources
from typing import Any

import pytest
from bridgework_audit.estimate import estimate
from bridgework_audit.facts import PracticeFacts
from bridgework_audit.rules import GRADES, load_rules
from bridgework_audit.scoring import Measured, score
from bridgework_mapping.document import MappingDocument
from hypothesis import given
from hypothesis import strategies as st

RULES = load_rules()
SEED_PAIR = Measured(
    objects=12,
    custom_modules=3,
    splits_or_merges=2,
    no_home=0,
    fields=100,
    unclear_fields=25,
    records=190_000,
)
PLAIN = Measured(
    objects=10, custom_modules=0, splits_or_merges=0, no_home=0, fields=100, unclear_fields=0,
    records=1_000,
)  # fmt: skip
CALM = PracticeFacts(access="bulk_api", phi=False, sandbox=True)


def graded(measured: Measured, **facts: Any) -> tuple[float, str]:
    """Return score and grade; the facts say what differs from a calm practice."""
    result = score(measured, CALM.model_copy(update=facts), RULES)
    return round(result.value, 1), result.grade


def test_a_small_move_between_two_apis_is_simple() -> None:
    """Eight objects, two of them custom, 20,000 records, 3 % duplicates: 15.1, grade A."""
    measured = replace(
        PLAIN, objects=8, custom_modules=2, unclear_fields=15, records=20_000, duplicate_pct=3.0
    )
    assert graded(measured) == (15.1, "A")


def test_a_solo_practice_by_scripted_export_is_standard() -> None:
    """110,000 records, 5 % duplicates, half a percent of orphans: 36.6, grade B."""
    measured = replace(
        SEED_PAIR, unclear_fields=10, records=110_000, duplicate_pct=5.0, orphan_pct=0.5
    )
    assert graded(measured, access="scripted_export", phi=True) == (36.6, "B")


def test_a_practice_by_manual_export_is_standard() -> None:
    """190,000 records, 5 % duplicates, one percent of orphans, no sandbox: 45.6, grade B."""
    measured = replace(SEED_PAIR, duplicate_pct=5.0, orphan_pct=1.0)
    assert graded(measured, access="manual_export", phi=True, sandbox=False) == (45.6, "B")


def test_a_practice_with_its_database_is_standard() -> None:
    """300,000 records over ODBC, 5 % duplicates, half a percent unparsable: 38.7, grade B."""
    measured = replace(SEED_PAIR, records=300_000, duplicate_pct=5.0, unparsable_pct=0.5)
    assert graded(measured, access="database", phi=True, sandbox=False) == (38.7, "B")


def test_a_group_of_twelve_locations_is_complex() -> None:
    """1.9 million records, twelve locations, a short window: 65.8, grade D."""
    measured = replace(
        SEED_PAIR, splits_or_merges=4, no_home=1, unclear_fields=40, records=1_900_000,
        locations=12, duplicate_pct=5.0, orphan_pct=1.0, ledger_mismatch_pct=2.0,
    )  # fmt: skip
    result = graded(measured, access="manual_export", phi=True, sandbox=False, window_h=8)
    assert result == (65.8, "D")


def test_no_export_path_means_people_quote() -> None:
    """Without a machine-readable export the grade is E whatever the score."""
    result = score(PLAIN, CALM.model_copy(update={"access": "none"}), RULES)
    assert result.grade_by_score == "B"
    assert result.grade == "E"
    assert [code for _, code, _ in result.triggers] == ["no_machine_readable_export"]


@pytest.mark.parametrize(
    ("value", "grade"),
    [(19.9, "A"), (20.0, "B"), (47.9, "B"), (48.0, "C"), (62.0, "D"), (78.0, "E")],
)
def test_a_grade_begins_at_its_threshold(value: float, grade: str) -> None:
    """Each grade ends below the next one's beginning."""
    found = next(r.grade for r in RULES.grades if r.below is None or value < r.below)
    assert found == grade


TRIGGERS: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({"unstable_keys": True}, {}, "unstable_keys", "C"),
    ({}, {"stable_keys": False}, "unstable_keys", "C"),
    ({"records": 1_000_001}, {}, "records_above", "D"),
    ({"file_bytes": 250_000_000_001}, {}, "files_gb_above", "D"),
    ({"locations": 6}, {}, "locations_above", "D"),
    ({"records": 2_000_001}, {}, "records_above", "E"),
    ({}, {"access": "none"}, "no_machine_readable_export", "E"),
    ({}, {"edition": "free"}, "edition_without_api", "E"),
    ({"clinical_no_home": 1}, {}, "clinical_no_home", "E"),
]


def test_every_trigger_of_the_rules_is_tried() -> None:
    """A trigger that is added to the rules comes with its case."""
    assert {(grade, code) for _, _, code, grade in TRIGGERS} == {
        (trigger.grade, trigger.code) for trigger in RULES.triggers
    }


@pytest.mark.parametrize(("change", "facts", "code", "grade"), TRIGGERS)
def test_a_trigger_lifts_the_grade(
    change: dict[str, Any], facts: dict[str, Any], code: str, grade: str
) -> None:
    """Every hard trigger holds whatever the score says."""
    result = score(replace(PLAIN, **change), CALM.model_copy(update=facts), RULES)
    assert code in [fired for _, fired, _ in result.triggers]
    assert result.grade == grade


@pytest.mark.parametrize(
    "change",
    [
        {"records": 1_000_000},
        {"file_bytes": 250_000_000_000},
        {"locations": 5},
        {"unstable_keys": False},
    ],
)
def test_a_trigger_waits_for_its_limit(change: dict[str, Any]) -> None:
    """Exactly at the limit nothing fires."""
    assert score(replace(PLAIN, **change), CALM, RULES).triggers == ()


def test_keys_need_not_be_stable_without_a_delta() -> None:
    """Who exports once is not asked for stable keys."""
    facts = CALM.model_copy(update={"stable_keys": False, "delta": False})
    assert score(PLAIN, facts, RULES).triggers == ()


_GROWS = {
    "custom_modules": st.integers(0, 30),
    "splits_or_merges": st.integers(0, 30),
    "no_home": st.integers(0, 30),
    "unclear_fields": st.integers(0, 100),
    "records": st.integers(0, 3_000_000),
    "clinical_no_home": st.integers(0, 3),
    "file_bytes": st.integers(0, 400_000_000_000),
    "over_limit_files": st.integers(0, 5),
    "duplicate_pct": st.floats(0, 100),
    "orphan_pct": st.floats(0, 100),
    "unparsable_pct": st.floats(0, 100),
    "ledger_mismatch_pct": st.floats(0, 100),
    "locations": st.integers(1, 20),
}


@given(data=st.data(), start=st.fixed_dictionaries(_GROWS), name=st.sampled_from(sorted(_GROWS)))
def test_more_of_anything_never_lowers_the_score(
    data: st.DataObject, start: dict[str, Any], name: str
) -> None:
    """Score and grade rise, or stay, when any one measured number rises."""
    before = replace(SEED_PAIR, **start)
    more = data.draw(_GROWS[name].filter(lambda value: value >= start[name]), label="more")
    # mypy cannot tell which field a drawn name stands for
    raised = replace(before, **{name: more})  # type: ignore[arg-type]
    low, high = score(before, CALM, RULES), score(raised, CALM, RULES)
    assert high.value >= low.value - 1e-9
    assert GRADES.index(high.grade) >= GRADES.index(low.grade)


def test_the_same_input_gives_the_same_quote() -> None:
    """To the last line, whenever it is asked for."""
    document = MappingDocument.default()
    counts = {"patient": 6_000, "note": 35_000, "document": 12_000}
    day = dt.date(2026, 10, 6)
    quotes = [
        estimate(SEED_PAIR, document, counts, PracticeFacts(), rules=load_rules(), exported_on=day)
        for _ in range(2)
    ]
    assert quotes[0].as_dict() == quotes[1].as_dict()
    assert quotes[0].as_dict()["price"]["total"]


def test_the_drivers_points_add_up_to_the_score() -> None:
    """What the report shows per driver is the whole score, and each part is shown."""
    result = score(SEED_PAIR, PracticeFacts(), RULES)
    assert sum(d.points for d in result.drivers) == pytest.approx(result.value)
    assert {d.name for d in result.drivers} == set(RULES.weights)
    volume = next(d for d in result.drivers if d.name == "volume")
    assert volume.as_dict()["parts"][0] == {"what": "records", "value": 190_000, "points": 45.58}


def test_version_one_has_not_changed() -> None:
    """A rule set that was quoted from is never edited: changed numbers are a new version."""
    text = (resources.files("bridgework_audit") / "rules" / "estimator_v1.yaml").read_bytes()
    assert RULES.version == "estimator/v1"
    assert hashlib.sha256(text).hexdigest() == RULES.digest == PINNED


PINNED = "80bb011c9bbd2f29b71db86ff5a2689c8258ccf780b8da69ba2b8257c18cab90"
