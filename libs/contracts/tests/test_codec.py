"""Messages to bytes and back, against golden examples of every type."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from bridgework_contracts.codec import Message, decode, encode, headers_for
from bridgework_contracts.errors import ContractViolation
from bridgework_contracts.ids import message_id
from bridgework_contracts.outcomes import Outcome, RecordOutcome
from bridgework_contracts.records import Change, RecordExtracted
from bridgework_contracts.runs import Frozen
from bridgework_contracts.writes import Op, WriteRecord
from pydantic import ValidationError

GOLDEN = Path(__file__).parent / "golden"
TYPES = sorted(model.__name__ for model in get_args(Message))
SECRET = "Ottoline Quimby-Featherstone"
"""Stands for a person's value; must never come out in an error."""


def golden(name: str, folder: Path = GOLDEN) -> dict[str, Any]:
    """Return one golden example."""
    example: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return example


def as_bytes(example: Any) -> bytes:
    """Return an example as it would travel."""
    return json.dumps(example).encode()


def test_every_message_type_has_its_golden_examples_and_no_example_is_left_over() -> None:
    """A new message type comes with its examples."""
    assert sorted(path.stem for path in GOLDEN.glob("*.json")) == TYPES
    assert sorted(path.stem for path in (GOLDEN / "least").glob("*.json")) == TYPES


@pytest.mark.parametrize("name", TYPES)
def test_a_message_survives_the_way_there_and_back(name: str) -> None:
    """Every field of the full example is kept, in name and value, in both directions."""
    example = golden(name)
    message = decode(as_bytes(example))
    assert type(message).__name__ == name
    assert json.loads(encode(message)) == example
    assert decode(encode(message)) == message


@pytest.mark.parametrize("name", TYPES)
def test_the_full_example_shows_every_field_other_than_by_default(name: str) -> None:
    """So that the round trip above cannot pass by leaving a field out."""
    message = decode(as_bytes(golden(name)))
    defaults = {
        field_name
        for field_name, field in type(message).model_fields.items()
        if field_name != "type" and not field.is_required()
        if getattr(message, field_name) == field.get_default(call_default_factory=True)
    }
    assert defaults == set()


@pytest.mark.parametrize("name", TYPES)
def test_the_least_a_message_ever_held_still_parses(name: str) -> None:
    """Old messages stay readable: within v1 no field becomes required."""
    message = decode(as_bytes(golden(name, GOLDEN / "least")))
    assert type(message).__name__ == name
    assert decode(encode(message)) == message


@pytest.mark.parametrize("name", TYPES)
def test_fields_added_later_are_ignored_at_every_depth(name: str) -> None:
    """A newer producer may say more than this reader understands."""
    example = golden(name)
    newer = {**_said_more(example, type(decode(as_bytes(example))))}
    assert newer != example
    assert decode(as_bytes(newer)) == decode(as_bytes(example))


@pytest.mark.parametrize("name", TYPES)
def test_a_message_without_a_required_field_is_refused_by_the_field_name(name: str) -> None:
    """Each required field is named where it is missing."""
    least = golden(name, GOLDEN / "least")
    required = set(least) - {"type"}
    assert required
    for field in required:
        lacking = {key: value for key, value in least.items() if key != field}
        with pytest.raises(ContractViolation) as refused:
            decode(as_bytes(lacking))
        assert refused.value.code == "undecodable_message"
        assert str(refused.value) == (
            f"Message does not follow its contract at {name}.{field}: missing."
        )


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"null",
        b"[]",
        b'"RecordExtracted"',
        b"{}",
        b"\xff\xfe\x00",
        b"\x00" * 40,
        SECRET.encode(),
        as_bytes({"type": SECRET}),
        as_bytes({"type": None, "key": SECRET}),
        as_bytes({"type": "RecordExtracted", "run_id": [SECRET]}),
        as_bytes({**golden("RecordExtracted"), "content_hash": {SECRET: SECRET}}),
        as_bytes({**golden("RecordExtracted"), "change": SECRET}),
        as_bytes({**golden("RecordOutcome"), "outcome": SECRET}),
        as_bytes({**golden("WriteRecord"), "refs": [{"field": "a", "object": [SECRET]}]}),
        as_bytes({**golden("ObjectExtracted"), "extracted": SECRET}),
        as_bytes(golden("RecordExtracted"))[:-30],
    ],
)
def test_what_is_no_message_is_a_contract_violation_that_holds_no_value(value: bytes) -> None:
    """Types and field names only: the text of an error ends up in logs and dead letters."""
    with pytest.raises(ContractViolation) as refused:
        decode(value)
    assert refused.value.code == "undecodable_message"
    told = f"{refused.value} {refused.value.details} {refused.value.__cause__}"
    for word in SECRET.split():
        assert word not in told


def test_a_key_inside_a_mapping_is_a_value_too() -> None:
    """Printed referral sources and patient keys are keys of mappings: they must not come out."""
    spec = golden("StartRun")
    spec["spec"]["source"]["referral_values"] = {SECRET: 5}
    with pytest.raises(ContractViolation) as refused:
        decode(as_bytes(spec))
    assert "Ottoline" not in str(refused.value)


def test_a_message_cannot_be_changed_after_it_was_made() -> None:
    """What two handlers hold is the same thing."""
    message = decode(as_bytes(golden("ObjectExtracted")))
    with pytest.raises(ValidationError):
        message.__setattr__("extracted", 5)


def test_words_of_an_enumeration_arrive_as_its_members() -> None:
    """Handlers compare with members, also after a journey."""
    record = decode(as_bytes(golden("RecordExtracted")))
    write = decode(as_bytes(golden("WriteRecord")))
    outcome = decode(as_bytes(golden("RecordOutcome")))
    assert isinstance(record, RecordExtracted)
    assert record.change is Change.CHANGED
    assert isinstance(write, WriteRecord)
    assert write.op is Op.UNDO_UPDATE
    assert isinstance(outcome, RecordOutcome)
    assert outcome.outcome is Outcome.PARKED


def test_field_values_of_a_record_keep_their_json_types() -> None:
    """A decimal string stays a string, false stays false, null is not left out."""
    record = decode(as_bytes(golden("RecordExtracted")))
    assert isinstance(record, RecordExtracted)
    assert record.fields == {
        "last_name": "Example",
        "birth_date": "1980-01-31",
        "phones": [{"kind": "home", "digits": "2125550100"}],
        "balance": "12.50",
        "deceased": False,
        "visits": 3,
        "middle_name": None,
    }


def test_headers_hold_type_and_ids_and_leave_out_what_there_is_none_of() -> None:
    """Headers travel unsealed: nothing of the message's content stands in them."""
    message = decode(as_bytes(golden("RecordExtracted")))
    own = message_id("x")
    assert headers_for(message, own, run_id="run_1", caused_by="cause") == {
        "type": "RecordExtracted",
        "message_id": own,
        "correlation_id": "run_1",
        "causation_id": "cause",
    }
    assert headers_for(message, own) == {"type": "RecordExtracted", "message_id": own}


def _said_more(example: Any, model: type[Frozen]) -> dict[str, Any]:
    """Return an example with an unknown field in every object that is a model of ours."""
    more: dict[str, Any] = {**example, "added_later": {"nested": [1, None]}}
    for name, field in model.model_fields.items():
        inner = _models_in(field.annotation)
        value = example.get(name)
        if len(inner) != 1 or value is None:
            continue
        if isinstance(value, list):
            more[name] = [_said_more(one, inner[0]) for one in value]
        else:
            more[name] = _said_more(value, inner[0])
    return more


def _models_in(annotation: Any) -> list[type[Frozen]]:
    if isinstance(annotation, type) and issubclass(annotation, Frozen):
        return [annotation]
    return [model for arg in get_args(annotation) for model in _models_in(arg)]
