"""Credits, days and price of a migration."""

import datetime as dt
from dataclasses import replace

import pytest
from bridgework_audit.credits import bill, daily_credits, record_credits
from bridgework_audit.estimate import Estimate, error_pct, estimate
from bridgework_audit.facts import PracticeFacts
from bridgework_audit.rules import load_rules
from bridgework_audit.scoring import Measured
from bridgework_mapping.document import MappingDocument

RULES = load_rules()
DOCUMENT = MappingDocument.default()
WORKED = {
    "patient": 6_000,
    "carrier": 120,
    "treatment_plan": 9_000,
    "appointment": 40_000,
    "task": 6_000,
    "note": 35_000,
    "account": 3_000,
    "ledger_entry": 90_000,
    "production_goal": 600,
}
MEASURED = Measured(
    objects=12, custom_modules=3, splits_or_merges=2, no_home=0, fields=100, unclear_fields=25,
    records=45_000, files=600, file_bytes=2_000_000_000,
)  # fmt: skip


def estimated(measured: Measured = MEASURED, **facts: object) -> Estimate:
    """Estimate the worked example."""
    return estimate(
        measured,
        DOCUMENT,
        WORKED,
        PracticeFacts.model_validate(facts),
        exported_on=dt.date(2026, 10, 6),
    )


def test_a_professional_edition_of_ten_seats_has_55000_credits() -> None:
    """50,000 plus 500 per seat."""
    assert daily_credits(RULES, "professional", 10) == 55_000


def test_a_days_credits_end_at_the_ceiling() -> None:
    """A Standard edition of 400 seats does not get more than 100,000."""
    assert daily_credits(RULES, "standard", 400) == 100_000


@pytest.mark.parametrize(
    ("records", "road", "cost"),
    [(1, "record", 1), (1_000, "record", 100), (5_000, "record", 500), (5_010, "bulk", 500),
     (25_001, "bulk", 1_000), (1_000_000, "bulk", 20_000)],
)  # fmt: skip
def test_the_cheaper_road_is_taken(records: int, road: str, cost: int) -> None:
    """Record calls up to 5,000 records, bulk jobs above."""
    assert record_credits(records, RULES.credits, bulk=True) == (road, cost)


def test_the_worked_example_costs_19000_by_record_calls() -> None:
    """Every object through the record API: about 19.0 k credits."""
    total = sum(record_credits(n, RULES.credits, bulk=False)[1] for n in WORKED.values())
    assert total == 18_972


def test_the_worked_example_costs_8400_at_break_even() -> None:
    """Bulk where it pays, notes by record calls: about 8.4 k credits."""
    total = sum(
        record_credits(n, RULES.credits, bulk=name != "note")[1] for name, n in WORKED.items()
    )
    assert total == 8_372


def test_events_and_notes_never_travel_in_bulk() -> None:
    """Zoho's bulk write takes neither, so the real bill of the example is higher."""
    lines = {line.object: line for line in bill(DOCUMENT, WORKED, PracticeFacts(), RULES).lines}
    assert (lines["appointment"].road, lines["appointment"].credits) == ("record", 4_000)
    assert (lines["note"].road, lines["note"].credits) == ("record", 3_500)
    assert (lines["ledger_entry"].road, lines["ledger_entry"].credits) == ("bulk", 2_000)


def test_files_cost_a_credit_each() -> None:
    """12,000 attachments are 12,000 credits: more than all records together."""
    cost = bill(
        DOCUMENT, WORKED | {"document": 11_000, "note_image": 1_000}, PracticeFacts(), RULES
    )
    assert cost.files == 12_000
    assert cost.files > cost.writing - cost.files


def test_the_schema_is_in_the_bill() -> None:
    """Custom modules and fields cost what the schema plan says."""
    cost = bill(DOCUMENT, WORKED, PracticeFacts(), RULES)
    assert cost.schema == DOCUMENT.schema_plan().credits
    assert cost.needed == cost.writing + cost.schema + cost.read_back


def test_the_steps_add_up_to_the_days() -> None:
    """Audit 5, mapping 1, provision 1.25, sample 2, full run 1, validation 1, delta 2."""
    days = {step.name: step.days for step in estimated().schedule.steps}
    assert days == {
        "audit": 5.0, "mapping": 1, "provision": 1.25, "sample": 2.0, "full run": 1.0,
        "validate": 1.0, "delta": 2,
    }  # fmt: skip
    assert estimated().schedule.days == pytest.approx(13.25)
    assert estimated().schedule.most_days == pytest.approx(13.25 * 1.15)


def test_a_schema_made_through_the_api_takes_no_day() -> None:
    """Provisioning disappears when modules are made the same day."""
    steps = {s.name: s.days for s in estimated(provisioned_by_api=True).schedule.steps}
    assert steps["provision"] == 0.0


def test_slow_files_make_the_full_run_longer() -> None:
    """120 GB at 50 GB a day are three days."""
    heavy = replace(MEASURED, file_bytes=120_000_000_000)
    step = next(s for s in estimated(heavy).schedule.steps if s.name == "full run")
    assert (step.days, step.because) == (3, "file size decide")


def test_validation_takes_longer_from_grade_c() -> None:
    """A harder migration is looked at a day longer."""
    hard = replace(MEASURED, records=1_500_000, locations=6)
    step = next(s for s in estimated(hard).schedule.steps if s.name == "validate")
    assert step.days == 2.0


def test_a_price_is_its_base_and_its_add_ons() -> None:
    """Grade B up to 50,000 records, two more offices, one more dialect, one more rehearsal."""
    measured = replace(MEASURED, locations=3, dialects=2)
    price = estimated(measured, extra_rehearsals=1).quote
    assert [(line.what, line.amount) for line in price.lines] == [
        ("Grade B, up to 50 k records", 2_900),
        ("2 extra locations", 700),
        ("1 extra dialects", 450),
        ("1 extra rehearsals", 600),
    ]
    assert price.total == 4_650
    assert price.valid_until == "2026-12-05"


def test_people_quote_what_is_scoped() -> None:
    """Grade E has no price."""
    price = estimated(edition="free").quote
    assert price.total is None
    assert price.as_dict()["scoped_individually"] is True


def test_the_same_input_gives_the_same_quote() -> None:
    """Nothing but the arguments enters an estimate."""
    assert estimated().as_dict() == estimated().as_dict()


def test_the_error_of_an_estimate_is_told_in_percent() -> None:
    """12 days estimated, 10 needed: 20 % too much; 8 estimated: 20 % too little."""
    assert error_pct(12, 10) == pytest.approx(20)
    assert error_pct(8, 10) == pytest.approx(-20)
    with pytest.raises(ValueError, match="actual of zero"):
        error_pct(1, 0)
