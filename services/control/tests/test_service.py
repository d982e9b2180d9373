"""The whole service: API in, commands on the log, progress back, steps against a local Zoho."""

from typing import Any

import pytest
from bridgework_contracts.codec import Message, decode
from bridgework_contracts.commands import AuditExport, OpenWave, StartRun, TakeFingerprint
from bridgework_contracts.ids import JobId, RunId, TenantId
from bridgework_contracts.progress import ExportAudited, FingerprintTaken
from bridgework_contracts.topics import Subject, topic_name
from bridgework_testkit.eventually import eventually
from bridgework_zoho.local import LocalZoho

from services.control.tests.conftest import AUDIT, FINGERPRINT, LEAD, World, grant, job

pytestmark = pytest.mark.timeout(240)

USERS = [
    {"email": "admin@example.com", "full_name": "A Admin"},
    {"email": "dr.hill@example.com", "full_name": "Victoria Hill"},
]


def provider(key: str, email: str | None) -> dict[str, Any]:
    """A provider as the audit finds it."""
    return {
        "key": key,
        "abbr": None,
        "last_name": f"Provider {key}",
        "first_name": None,
        "suffix": None,
        "type": None,
        "specialty": None,
        "npi": None,
        "npi_valid": False,
        "email": email,
        "active": True,
        "names": [],
    }


def audited(job_id: str) -> ExportAudited:
    """What the extractor says of an export."""
    return ExportAudited(
        job_id=JobId(job_id),
        audit_id="audit_1",
        ok=True,
        report=AUDIT,
        providers=[provider("11", "DR.Hill@example.com"), provider("12", None)],
    )


class Commands:
    """Reads a tenant's commands as a service would."""

    def __init__(self, world: World, tenant_id: str) -> None:
        topic = topic_name(TenantId(tenant_id), Subject.COMMANDS)
        self._consumer = world.log.consumer("test", [topic])
        self.seen: list[Message] = []

    async def until(self, wanted: type[Message]) -> list[Message]:
        """Read on until a command of a type came; return everything so far."""

        async def came() -> bool:
            for records in (await self._consumer.read(100, 0.2)).values():
                self.seen.extend(decode(record.value) for record in records)
            return any(isinstance(one, wanted) for one in self.seen)

        await eventually(came, deadline_s=30)
        return self.seen

    async def close(self) -> None:
        """Leave."""
        await self._consumer.close()


async def in_state(world: World, job_id: str, state: str) -> dict[str, Any]:
    """Wait until a job is in a state; return it."""

    async def arrived() -> dict[str, Any] | None:
        shown: dict[str, Any] = await world.api.get(f"/jobs/{job_id}")
        assert shown["state"] == state, shown["error"]
        return shown

    found: dict[str, Any] | None = await eventually(arrived, deadline_s=120, poll_s=0.1)
    assert found is not None
    return found


async def test_a_job_goes_from_its_export_to_the_first_open_wave(
    world: World, local_zoho: LocalZoho
) -> None:
    """Over the real log: the schema is made in Zoho and read back, owners are found by e-mail."""
    org = await local_zoho.create_org(users=USERS)
    tenant_id = await world.tenant(**grant(org))
    commands = Commands(world, tenant_id)
    async with world.running():
        made = await world.api.post("/jobs", job(tenant_id, fallback_email=USERS[0]["email"]))
        job_id = made["job_id"]
        assert [type(one) for one in await commands.until(AuditExport)] == [AuditExport]
        await world.publish(tenant_id, audited(job_id))
        await in_state(world, job_id, "audited")
        await world.approve(job_id, "G1")
        await world.api.post(f"/jobs/{job_id}/schema-plan/apply")
        await in_state(world, job_id, "schema_applied")

        mapping = await world.api.get(f"/jobs/{job_id}/mapping")
        owners = {one["provider_key"]: one for one in mapping["owners"]}
        assert (owners["11"]["evidence"], owners["11"]["review"]) == ("email", False)
        assert (owners["12"]["evidence"], owners["12"]["review"]) == ("fallback", True)
        assert owners["12"]["user_id"] == org.user_id
        assert owners["11"]["user_id"] != org.user_id
        names = mapping["live_names"]["Contacts"]
        assert names["Source_Patient_ID__c"] == "Source_Patient_ID"
        await world.approve(job_id, "G2")
        await world.api.post(f"/jobs/{job_id}/mapping/confirm", LEAD)

        run_id = RunId(await world.start(job_id))
        seen = await commands.until(TakeFingerprint)
        (start,) = [one for one in seen if isinstance(one, StartRun)]
        assert start.spec.live_names == mapping["live_names"]
        assert start.spec.fallback_user_id == org.user_id
        await world.publish(
            tenant_id, FingerprintTaken(run_id=run_id, label="before", modules=FINGERPRINT)
        )
        assert (await commands.until(OpenWave))[-1] == OpenWave(run_id=run_id, wave=1)

        # Applied again, nothing is made twice and nothing drifts.
        await world.api.post(f"/runs/{run_id}/cancel")
        await world.api.post(f"/jobs/{job_id}/schema-plan/apply")
        await in_state(world, job_id, "schema_applied")
        again = await world.api.get(f"/jobs/{job_id}/mapping")
        assert again["live_names"] == mapping["live_names"]
        await commands.close()


async def test_a_fallback_user_nobody_has_fails_the_step_in_words(
    world: World, local_zoho: LocalZoho
) -> None:
    """No record is ever written to an unresolved owner; another try is possible."""
    org = await local_zoho.create_org(users=USERS)
    tenant_id = await world.tenant(**grant(org))
    async with world.running():
        body = job(tenant_id, fallback_email="nobody-at-all@example.com")
        job_id = (await world.api.post("/jobs", body))["job_id"]
        await world.publish(tenant_id, audited(job_id))
        await in_state(world, job_id, "audited")
        await world.approve(job_id, "G1")
        await world.api.post(f"/jobs/{job_id}/schema-plan/apply")
        shown = await in_state(world, job_id, "failed")
        assert shown["error"]["code"] == "fallback_user_missing"
        assert "nobody-at-all" not in repr(shown["error"])
        await world.api.post(f"/jobs/{job_id}/schema-plan/apply")


async def test_a_tenant_whose_zoho_is_away_does_not_hold_up_another(
    world: World, local_zoho: LocalZoho
) -> None:
    """Each tenant's work is its own."""
    away = await world.tenant()
    org = await local_zoho.create_org(users=USERS)
    there = await world.tenant(**grant(org))
    async with world.running():
        job_id = (await world.api.post("/jobs", job(there)))["job_id"]
        await world.publish(there, audited(job_id))
        await in_state(world, job_id, "audited")
        assert (await world.api.get(f"/tenants/{away}"))["status"] == "active"
