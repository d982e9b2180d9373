"""A practice's world in small: PostgreSQL, the embedded log, a local Zoho, and the loader."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bridgework_contracts.codec import encode, headers_for
from bridgework_contracts.ids import RunId, TenantId, message_id
from bridgework_contracts.outcomes import RecordOutcome
from bridgework_contracts.runs import Wave
from bridgework_contracts.topics import Subject
from bridgework_contracts.writes import Op, Owner, Ref, WriteRecord
from bridgework_eventlog.port import NewRecord
from bridgework_loader.app import open_app
from bridgework_loader.pacing import OnStep, Pacing, no_step
from bridgework_loader.settings import Settings
from bridgework_testkit.settings import common_settings
from bridgework_testkit.zoho_world import ZohoWorld, client_of
from bridgework_zoho.local import LocalOrg, LocalZoho
from bridgework_zoho.meta import NewField, NewModule
from bridgework_zoho.settings import ZohoSettings

PATIENT_KEY, APPOINTMENT_KEY, PLAN_KEY = (
    "Source_Patient_ID",
    "Source_Appointment_ID",
    "Source_Plan_ID",
)
QUICK_ZOHO = ZohoSettings(backoff_base_s=0.01, backoff_max_s=0.05, max_attempts=2)
QUICK = Pacing(settle_s=0.1, retry_pause_s=0.05, release_interval_s=0.05, release_claim_s=0.3)
WAVES = (
    Wave(index=1, objects=("patient",)),
    Wave(index=2, objects=("treatment_plan",)),
    Wave(index=3, objects=("appointment", "note")),
)
Outcomes = dict[tuple[str, str], RecordOutcome]


@pytest.fixture
async def org(local_zoho: LocalZoho) -> LocalOrg:
    """A fresh Enterprise org with the fields and the module that these tests write."""
    made = await local_zoho.create_org()
    async with client_of(made, QUICK_ZOHO) as zoho:
        assert (
            await zoho.meta.create_field(
                "Contacts", NewField(label="Source Patient ID", data_type="text", unique=True)
            )
        ).ok
        assert (
            await zoho.meta.create_field(
                "Events", NewField(label="Source Appointment ID", data_type="text")
            )
        ).ok
        profiles = await zoho.meta.profiles()
        plans = NewModule(
            api_name="TreatmentPlans",
            singular_label="Treatment Plan",
            plural_label="Treatment Plans",
            profile_ids=[str(one["id"]) for one in profiles],
            display_label="Plan Name",
        )
        assert (await zoho.meta.create_module(plans)).ok
        for new in (
            NewField(label="Source Plan ID", data_type="text", unique=True),
            NewField(label="Patient", data_type="lookup", lookup_module="Contacts"),
            NewField(label="Estimated Total", data_type="currency"),
        ):
            assert (await zoho.meta.create_field("TreatmentPlans", new)).ok
    return made


@dataclass(kw_only=True)
class World(ZohoWorld[Outcomes]):
    """Everything around one tenant; starts and stops loaders."""

    service = "loader"
    reads = (Subject.COMMANDS, Subject.WRITES)
    waves = WAVES
    crashing = Path(__file__).parent / "crashing_loader.py"

    pacing: Pacing = QUICK

    async def start(self, on_step: OnStep = no_step) -> None:
        """Start a loader in this process."""
        settings = Settings(
            **common_settings(self.dsn),
            zoho=self.zoho_settings,
            pacing=self.pacing,
            keep_for_others=0.0,
        )
        await self.serve(open_app(settings, on_step=on_step))

    async def write(self, *writes: WriteRecord) -> None:
        """Append writes as the transformer does."""
        await self.append(
            Subject.WRITES,
            [
                NewRecord(
                    write.key.split("-")[0].encode(),
                    encode(write),
                    headers_for(
                        write,
                        message_id(
                            write.run_id, write.type, write.object, write.key, write.content_hash
                        ),
                        run_id=write.run_id,
                    ),
                )
                for write in writes
            ],
        )

    async def outcomes(self, run: str | None = None) -> Outcomes:
        """The last outcome of each record, of one run or of all."""
        return {
            (one.object, one.key): one
            for one in await self.messages(Subject.OUTCOMES)
            if isinstance(one, RecordOutcome) and (run is None or one.run_id == run)
        }

    async def count(self, module: str) -> int:
        """Records of a module in Zoho."""
        return await self.zoho.records.count(module)

    async def state(self, module: str) -> list[dict[str, Any]]:
        """Every row of a module, as the local Zoho stores it."""
        dump = await self.org._call("GET", f"/state?module={module}")
        rows: list[dict[str, Any]] = dump[module]
        return rows

    async def edit(self, module: str, action: str, id_: str | None = None, **data: Any) -> str:
        """Let a person of the practice work in Zoho."""
        user = await self._person()
        body = {"action": action, "module": module, "id": id_, "data": data, "user": user}
        return str((await self.org._call("POST", "/edits", body))["id"])

    async def _person(self) -> str:
        described = await self.org._call("GET", "")
        others = [one["id"] for one in described["users"] if one["id"] != self.org.user_id]
        if others:
            return str(others[0])
        made = await self.org._call(
            "POST", "/users", {"full_name": "Front Desk", "email": "desk@practice.example"}
        )
        return str(made["id"])


@pytest.fixture
async def world(database: str, tenant: TenantId, org: LocalOrg) -> AsyncIterator[World]:
    """A tenant with its topics and a connected org; no loader runs yet."""
    async with World.opened(database, tenant, org, zoho_settings=QUICK_ZOHO) as made:
        yield made


# ---- writes as the transformer makes them ------------------------------------------------------


def patient(key: str, *, run: str = "run_1", version: int = 1, **fields: Any) -> WriteRecord:
    """A contact."""
    return WriteRecord(
        run_id=RunId(run),
        object="patient",
        module="Contacts",
        key=key,
        external_id_field=PATIENT_KEY,
        fields={"Last_Name": f"Name {key}", PATIENT_KEY: key, **fields},
        content_hash=f"v{version}",
    )


def plan(key: str, patient_key: str, *, run: str = "run_1", **fields: Any) -> WriteRecord:
    """A treatment plan, which must have its patient."""
    return WriteRecord(
        run_id=RunId(run),
        object="treatment_plan",
        module="TreatmentPlans",
        key=key,
        external_id_field=PLAN_KEY,
        fields={"Name": f"Plan {key}", PLAN_KEY: key, "Estimated_Total": 120.5, **fields},
        refs=(Ref(field="Patient", object="patient", key=patient_key),),
        content_hash="v1",
    )


def appointment(
    key: str, patient_key: str, *, run: str = "run_1", required: bool = True
) -> WriteRecord:
    """An event."""
    return WriteRecord(
        run_id=RunId(run),
        object="appointment",
        module="Events",
        key=key,
        external_id_field=APPOINTMENT_KEY,
        fields={
            "Event_Title": "Cleaning",
            "Start_DateTime": "2024-03-04T09:00:00-05:00",
            "End_DateTime": "2024-03-04T09:30:00-05:00",
            APPOINTMENT_KEY: key,
        },
        refs=(Ref(field="Who_Id", object="patient", key=patient_key, required=required),),
        content_hash="v1",
    )


def note(key: str, patient_key: str, *, run: str = "run_1", text: str = "Seen.") -> WriteRecord:
    """A note."""
    return WriteRecord(
        run_id=RunId(run),
        object="note",
        module="Notes",
        key=key,
        external_id_field=None,
        fields={"Note_Title": "Progress", "Note_Content": f"{text}\n[src:note:{key}]"},
        refs=(Ref(field="Parent_Id", object="patient", key=patient_key),),
        content_hash=f"v1-{text}",
    )


def owned(write: WriteRecord, user_id: str) -> WriteRecord:
    """The same write with an owner."""
    return write.model_copy(update={"owner": Owner(user_id=user_id)})


def taken_back(outcome: RecordOutcome, run: str) -> WriteRecord:
    """What the reconciler publishes to undo an outcome."""
    created = outcome.effect == "created"
    return WriteRecord(
        run_id=RunId(run),
        op=Op.UNDO_CREATE if created else Op.UNDO_UPDATE,
        object=outcome.object,
        module=outcome.module or "",
        key=outcome.key,
        external_id_field=None,
        fields={},
        content_hash=f"undo:{outcome.content_hash}",
        zoho_id=outcome.zoho_id,
        sent=outcome.sent,
        before=outcome.before,
    )


def tally(outcomes: Outcomes) -> dict[str, int]:
    """Outcome → number of records."""
    return dict(Counter(one.outcome.value for one in outcomes.values()))
