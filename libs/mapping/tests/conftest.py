"""Records and mappers that the tests share."""

from collections.abc import Callable
from typing import Any

import pytest
from bridgework_contracts.ids import RunId
from bridgework_contracts.records import Change, Provenance, RecordExtracted
from bridgework_contracts.runs import OwnerDecision
from bridgework_mapping.compile import Mapper, compile_mapping
from bridgework_mapping.document import MappingDocument

OWNERS = (
    OwnerDecision(provider_key="11", user_id="9011", evidence="email", review=False),
    OwnerDecision(provider_key="13", user_id="9013", evidence="npi", review=True),
    OwnerDecision(provider_key="15", user_id="9000", evidence="fallback", review=True),
)

SAMPLES: dict[str, dict[str, Any]] = {
    "carrier": {"key": "201", "name": "MetLife Dental", "payer_id": "37703", "active": True},
    "location": {"key": "1", "name": "Harbor Dental"},
    "patient": {"key": "1201", "last_name": "Hill", "first_name": "Victoria"},
    "treatment_plan": {"key": "4001", "patient_key": "1202", "title": "Perio therapy"},
    "treatment_item": {"key": "9001", "plan_key": "4001", "patient_key": "1202", "code": "D4341"},
    "account": {"key": "607", "patient_key": "1417", "balance": "0.00", "collections": False},
    "ledger_entry": {
        "key": "100001",
        "account_key": "642",
        "patient_key": "1202",
        "kind": "Charge",
        "amount": "152.45",
    },
    "claim": {"key": "60001", "patient_key": "1556"},
    "perio_exam": {"key": "701", "patient_key": "1233", "date": "2023-11-20"},
    "appointment": {
        "key": "20001",
        "patient_key": "1201",
        "title": "Consult",
        "start": "2024-01-11T09:20:00",
        "end": "2024-01-11T10:40:00",
        "undated": False,
    },
    "task": {"key": "50001", "patient_key": "1358", "subject": "Lab case"},
    "note": {"key": "70001", "patient_key": "1202", "text": "Gum exam."},
    "production_goal": {
        "key": "11|2025-05",
        "provider_key": "11",
        "provider_name": "Emeka Abernathy",
        "month": "2025-05-01",
        "goal": "10000.00",
    },
}
"""The least that makes a record of each object writable."""

MakeRecord = Callable[..., RecordExtracted]


@pytest.fixture(scope="session")
def doc() -> MappingDocument:
    """The packaged document."""
    return MappingDocument.default()


@pytest.fixture(scope="session")
def mapper(doc: MappingDocument) -> Mapper:
    """The packaged document compiled for New York."""
    return compile_mapping(
        doc,
        live_names={},
        owners=OWNERS,
        fallback_user_id="9000",
        practice_timezone="America/New_York",
    )


@pytest.fixture(scope="session")
def make_record() -> MakeRecord:
    """A record of an object: its sample fields, changed by keyword."""

    def make(name: str, /, change: Change = Change.NEW, **fields: Any) -> RecordExtracted:
        merged = SAMPLES[name] | fields
        return RecordExtracted(
            run_id=RunId("run_1"),
            object=name,
            key=merged["key"],
            change=change,
            content_hash="h",
            fields=merged,
            provenance=(Provenance(file=f"{name}.csv", line=2),),
        )

    return make
