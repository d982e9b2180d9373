"""One canonical record → one write, or an outcome that says why there is none."""

import pytest
from bridgework_contracts.outcomes import Outcome, RecordOutcome
from bridgework_contracts.records import Change
from bridgework_contracts.writes import Op, WriteRecord
from bridgework_mapping.compile import Mapper, compile_mapping
from bridgework_transformer.domain import transform

from services.transformer.tests.conftest import DOCUMENT, PROBLEM, PROVENANCE, record, spec


@pytest.fixture(scope="module")
def mapper() -> Mapper:
    """The packaged mapping, compiled."""
    return compile_mapping(
        DOCUMENT,
        live_names={},
        owners=spec().owners,
        fallback_user_id="9000",
        practice_timezone="America/New_York",
    )


@pytest.mark.parametrize("change", [Change.NEW, Change.CHANGED])
def test_a_record_becomes_the_write_its_mapping_says(mapper: Mapper, change: Change) -> None:
    """Module, source id, fields, owner; parts, place and problems travel along."""
    made = transform(record(change=change), mapper)
    assert isinstance(made, WriteRecord)
    assert (made.op, made.change, made.run_id) == (Op.PUT, change, "run_1")
    assert (made.object, made.module, made.key) == ("patient", "Contacts", "1")
    assert made.external_id_field == "Source_Patient_ID"
    assert (made.fields["Source_Patient_ID"], made.fields["Last_Name"]) == ("1", "Hill")
    assert made.owner is not None
    assert made.owner.user_id == "9011"
    assert made.parts == {"coverage": 2}
    assert made.provenance == PROVENANCE
    assert PROBLEM in made.problems


def test_the_same_record_gives_the_same_write(mapper: Mapper) -> None:
    """Byte for byte: a replay is recognised by it; other content gives another hash."""
    one, same = transform(record(), mapper), transform(record(), mapper)
    assert one == same
    other = transform(record(fields={"key": "1", "last_name": "Dale"}), mapper)
    assert other.content_hash != one.content_hash


def test_a_lookup_travels_as_the_source_key_of_what_it_points_at(mapper: Mapper) -> None:
    """Only the loader knows Zoho ids."""
    made = transform(record("4001", "treatment_plan"), mapper)
    assert isinstance(made, WriteRecord)
    assert [(ref.object, ref.key) for ref in made.refs] == [("patient", "1")]


def test_a_record_the_source_deleted_becomes_a_flag_without_fields(mapper: Mapper) -> None:
    """Nothing is deleted here; its hash is not the one the record had."""
    made = transform(record(change=Change.DELETED, fields={}), mapper)
    assert isinstance(made, WriteRecord)
    assert (made.op, made.change) == (Op.FLAG_DELETED, Change.DELETED)
    assert (made.module, made.external_id_field) == ("Contacts", "Source_Patient_ID")
    assert (made.fields, made.refs, made.owner) == ({}, (), None)
    assert made.content_hash == "deleted:h-1"
    assert made.provenance == PROVENANCE


def test_a_record_the_mapping_skips_ends_here_with_its_reason(mapper: Mapper) -> None:
    """An appointment without a date is not given one."""
    made = transform(record("20001", "appointment"), mapper)
    assert isinstance(made, RecordOutcome)
    assert made.outcome is Outcome.SKIPPED
    assert made.reason is not None
    assert made.reason.code == "undated"
    assert made.decided_by == "transformer"
    assert (made.parts, made.provenance, made.problems) == ({"coverage": 2}, PROVENANCE, (PROBLEM,))
    assert made.content_hash == "h-20001"
    assert (made.sent, made.zoho_id) == (None, None)


def test_a_record_of_an_object_the_mapping_does_not_know_fails_and_is_counted(
    mapper: Mapper,
) -> None:
    """It ends as an outcome, so that the counts can balance."""
    made = transform(record("1", "horoscope"), mapper)
    assert isinstance(made, RecordOutcome)
    assert made.outcome is Outcome.FAILED
    assert made.reason is not None
    assert made.reason.code == "unknown_object"
    assert made.reason.remedy
