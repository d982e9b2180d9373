"""How fast the default document maps: ``python -m bridgework_mapping.rates``."""

import json
import sys
import time
from typing import Any

from bridgework_contracts.ids import RunId
from bridgework_contracts.records import Provenance, RecordExtracted
from bridgework_contracts.runs import OwnerDecision

from bridgework_mapping.compile import Mapper, compile_mapping
from bridgework_mapping.document import MappingDocument

ROUNDS = 4

_LEDGER_ENTRY: dict[str, Any] = {
    "account_key": "642",
    "patient_key": "1202",
    "post_date": "2023-10-13",
    "entry_date": "2023-10-14",
    "kind": "Charge",
    "amount": "152.45",
    "written_amount": "152.45",
    "code": "D0274",
    "code_raw": "0274",
    "description": "Bitewings, four films",
    "provider_key": "11",
    "claim_key": "60210",
    "flag": "*",
    "counts": True,
}
_TEETH = [{"condition": "Filling", "surface": "MOD", "date": "2025-05-07", "active": True}]
_INSURANCE: dict[str, Any] = {
    "carrier_key": "201",
    "carrier_printed": "MetLife Dental",
    "subscriber_id": "W327768961",
    "subscriber_name": "Hill, Victoria",
    "relation": "Self",
    "group_number": "782772",
    "effective": "2023-04-06",
    "term": None,
    "deductible": "50.00",
    "annual_max": "1500.00",
}
_PATIENT: dict[str, Any] = {
    "chart_no": "01201A",
    "account_key": "707",
    "guarantor_key": "1201",
    "last_name": "Hill",
    "first_name": "Victoria",
    "title": "Ms.",
    "birth_date": "1982-05-13",
    "gender": "Female",
    "marital_status": "Married",
    "status": "Active",
    "email": "hill@example.com",
    "home_phone": "8575550176",
    "work_phone": "6175559086x12",
    "cell_phone": "6175551028",
    "street": "658 Hernandez Passage Suite 642",
    "city": "Boston",
    "state": "MA",
    "zip": "02111",
    "provider_key": "11",
    "hygienist_key": "14",
    "fee_schedule": "UCR",
    "first_visit": "2024-01-11",
    "last_visit": "2026-08-03",
    "last_exam": "2026-08-03",
    "last_bw": "2026-08-03",
    "last_pano": "2025-05-07",
    "recall_code": "PRO",
    "recall_interval": "6M",
    "recall_due": "2026-12-01",
    "referral_source": "Yelp",
    "referral_source_raw": "yelp.com",
    "referral_date": "2023-09-15",
    "medical_alert": "Parent must be present",
    "drug_interaction": "No",
    "premedication": "Unknown",
    "notes": "Prefers mornings\nCall the day before",
    "other_coverage": [],
    "alerts": [{"kind": "Allergy", "flag": "Yes", "since": "2024-01-01"}],
    "care_team": [{"provider_key": "11", "role": "primary", "from": "2023-09-15", "to": None}] * 2,
    "tooth_chart": json.dumps({"v": 1, "teeth": {str(tooth): _TEETH for tooth in range(1, 12)}}),
    "tooth_condition": "Filling",
    "tooth_condition_tooth": "11",
    "documents": [{"key": "90396", "name": "IC1.jpg", "category": "Photo", "teeth": None}] * 2,
    "created_at": "2023-09-15T15:57:00",
    "updated_at": "2026-08-03T17:42:00",
    **{f"primary_{name}": value for name, value in _INSURANCE.items()},
    **{f"secondary_{name}": value for name, value in _INSURANCE.items()},
}


def rate(mapper: Mapper, name: str, fields: dict[str, Any], count: int) -> tuple[float, float]:
    """Return the best of some rounds: writes per second, expectations per second."""
    blank = dict.fromkeys(MappingDocument.default().coverage(name))
    records = [
        RecordExtracted(
            run_id=RunId("run_rates"),
            object=name,
            key=str(100_000 + number),
            content_hash="h",
            fields=json.loads(json.dumps(blank | fields | {"key": str(100_000 + number)})),
            provenance=(Provenance(file="rates.csv", line=number + 2),),
        )
        for number in range(count)
    ]
    best = [0.0, 0.0]
    for _ in range(ROUNDS):
        for index, apply in enumerate((mapper.write_for, mapper.expected_for)):
            start = time.perf_counter()
            for record in records:
                apply(record)
            best[index] = max(best[index], count / (time.perf_counter() - start))
    return best[0], best[1]


def main() -> None:
    """Print the rates of the smallest and the widest record."""
    mapper = compile_mapping(
        MappingDocument.default(),
        live_names={},
        owners=[OwnerDecision(provider_key="11", user_id="1", evidence="email", review=False)],
        fallback_user_id="2",
        practice_timezone="America/New_York",
    )
    for name, fields, count in (("ledger_entry", _LEDGER_ENTRY, 6000), ("patient", _PATIENT, 2000)):
        writes, expectations = rate(mapper, name, fields, count)
        sys.stdout.write(f"{name}: {writes:,.0f} writes/s, {expectations:,.0f} expectations/s\n")


if __name__ == "__main__":
    main()
