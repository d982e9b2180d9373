"""Tenants, jobs, gates and runs over the API: what is accepted, refused, owed to the services."""

import base64
import json
from typing import Any

import pytest
from bridgework_contracts.commands import (
    AuditExport,
    CancelRun,
    PauseRun,
    ResumeRun,
    StartRun,
    TakeFingerprint,
)
from bridgework_contracts.ids import JobId, TenantId
from bridgework_contracts.progress import AuditWaiting, ExportAudited, RunFailed
from bridgework_contracts.runs import RunKind
from bridgework_contracts.topics import tenant_topics
from bridgework_mapping.document import MappingDocument

from services.control.tests.conftest import LEAD, World, job, tenant

# ---- tenants ------------------------------------------------------------------------------------


async def test_a_tenant_is_registered_with_its_topics_and_shown_without_its_secrets(
    world: World,
) -> None:
    """Topics exist before anyone sees the tenant; secrets never come back and lie sealed."""
    body = tenant("harbor", client_secret="Geheim-1", refresh_token="Geheim-2")
    answer = await world.api.ask("POST", "/tenants", body)
    assert (answer.status, answer.headers["location"]) == (201, "/v1/tenants/harbor")
    shown = {
        "tenant_id": "harbor",
        "display_name": "A Practice",
        "time_zone": "America/New_York",
        "partitions": 2,
        "status": "active",
    }
    assert answer.body == shown
    assert await world.api.get("/tenants/harbor") == shown
    topics = await world.control._log.topics()
    assert tenant_topics(TenantId("harbor"), 2).items() <= topics.items()
    row = await world.pool.fetchrow("select * from tenancy.tenants")
    assert "Geheim" not in repr(row)
    kept = (await world.control.directory.get(TenantId("harbor"))).zoho
    assert kept is not None
    assert (kept["client_secret"], kept["refresh_token"]) == ("Geheim-1", "Geheim-2")


async def test_a_tenant_is_not_registered_twice(world: World) -> None:
    """409, and the first one stays as it is."""
    await world.api.post("/tenants", tenant("harbor"))
    again = tenant("harbor") | {"display_name": "Other"}
    (await world.api.ask("POST", "/tenants", again)).problem(409, "tenant_exists")
    assert (await world.api.get("/tenants/harbor"))["display_name"] == "A Practice"


@pytest.mark.parametrize(
    "change",
    [
        {"tenant_id": "Harbor"},
        {"tenant_id": "harbor\n"},
        {"tenant_id": ""},
        {"partitions": 0},
        {"partitions": 65},
        {"display_name": ""},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../etc/passwd"},
        {"zoho": {}},
        {"unknown": 1},
    ],
)
async def test_a_malformed_tenant_is_refused_and_leaves_nothing_behind(
    world: World, change: dict[str, Any]
) -> None:
    """422 names the field; neither tenant nor topic is made."""
    answer = await world.api.ask("POST", "/tenants", tenant("harbor") | change)
    (where,) = {
        str(error["where"][1]) for error in answer.problem(422, "invalid_request")["errors"]
    }
    assert where in change
    assert await world.api.get("/tenants") == []
    assert await world.control._log.topics() == {}


@pytest.mark.parametrize("field", ["accounts_url", "api_domain", "content_url"])
@pytest.mark.parametrize(
    "url", ["", "not a url", "http://[", "ftp://zoho.example", "http://a:99999"]
)
async def test_an_address_that_is_none_is_refused(shared: World, field: str, url: str) -> None:
    """A tenant whose Zoho cannot even be asked would fail in every service, again and again."""
    answer = await shared.api.ask("POST", "/tenants", tenant("harbor", **{field: url}))
    answer.problem(422, "invalid_request")


# ---- jobs ---------------------------------------------------------------------------------------


async def test_a_job_is_created_with_the_packaged_mapping_and_its_audit_is_asked_for(
    world: World,
) -> None:
    """202, where to look, and one command to the extractor."""
    await world.api.post("/tenants", tenant("harbor"))
    asked = job("harbor", appointment_unit_min=15, dialect_pins={"date_order": "mdy"})
    answer = await world.api.ask("POST", "/jobs", asked)
    job_id = answer.body["job_id"]
    assert (answer.status, answer.headers["location"]) == (202, f"/v1/jobs/{job_id}")
    assert answer.body["state"] == "auditing"
    assert answer.body["mapping_hash"] == MappingDocument.default().hash
    assert await world.api.get(f"/jobs/{job_id}") == {
        **answer.body,
        "created_at": answer.body["created_at"].replace("+00:00", "Z"),
        "updated_at": answer.body["updated_at"].replace("+00:00", "Z"),
    }
    (command,) = await world.owed("harbor")
    assert isinstance(command, AuditExport)
    assert command.job_id == job_id
    assert (command.source.export_path, command.source.appointment_unit_min) == (
        "exports/harbor",
        15,
    )
    assert command.source.dialect_pins == {"date_order": "mdy"}
    assert command.report_dir.startswith(str(world.settings.reports_dir / job_id))


async def test_a_job_needs_a_tenant_that_exists(world: World) -> None:
    """404, and nothing is owed to anyone."""
    (await world.api.ask("POST", "/jobs", job("nobody"))).problem(404, "not_found")
    assert (await world.api.get("/jobs"))["data"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"export_path": ""},
        {"appointment_unit_min": 0},
        {"practice_timezone": "Mars/Olympus"},
        {"fallback_email": "x"},
        {"mapping": {"language": 1, "name": "n", "profile": "p", "objects": [{"object": 5}]}},
        {"mapping": {}},
        {"typo": True},
        {"name": "a\x00b"},
        {"dialect_pins": {"date\x00order": "mdy"}},
    ],
)
async def test_a_malformed_job_is_refused(world: World, change: dict[str, Any]) -> None:
    """422: repeating the same request can never succeed."""
    tenant_id = await world.tenant()
    answer = await world.api.ask("POST", "/jobs", job(tenant_id) | change)
    assert answer.problem(422, answer.body["code"])["code"] in {
        "invalid_request",
        "mapping_invalid",
    }
    assert (await world.api.get("/jobs"))["data"] == []
    assert await world.owed(tenant_id) == []


async def test_a_job_takes_a_mapping_of_its_own(world: World) -> None:
    """With its own hash, given back as it was."""
    document = MappingDocument.default().dump() | {"name": "harbor's own"}
    tenant_id = await world.tenant()
    made = await world.api.post("/jobs", job(tenant_id, mapping=document))
    shown = await world.api.get(f"/jobs/{made['job_id']}/mapping")
    assert MappingDocument.parse(shown["mapping"]).hash == shown["mapping_hash"]
    assert shown["mapping"]["name"] == "harbor's own"
    assert made["mapping_hash"] != MappingDocument.default().hash


async def test_the_audits_result_is_the_jobs_and_findings_about_people_lie_sealed(
    world: World,
) -> None:
    """Duplicates are shown to who asks for them; the table shows no name."""
    job_id = await world.job()
    tenant_id = await world.tenant_of(job_id)
    said = ExportAudited.model_validate(
        {
            "job_id": job_id,
            "audit_id": "a",
            "ok": True,
            "report": {"grade": "C", "blockers": ["No patients."]},
            "providers": [{"key": "11", "last_name": "Quimby"}],
            "duplicates": [{"keep": "1", "duplicate": "2", "grade": "auto", "names": ["Quimby"]}],
            "referral_values": {"Yellow pages": "Advertising"},
        }
    )
    await world.say(tenant_id, said)
    shown = await world.api.get(f"/jobs/{job_id}")
    assert (shown["state"], shown["audit"]["grade"]) == ("audited", "C")
    assert (await world.api.get(f"/jobs/{job_id}/duplicates"))[0]["names"] == ["Quimby"]
    assert "Quimby" not in repr(await world.pool.fetch("select * from control.job_findings"))
    row = await world.control.job_row(job_id)
    assert row["source"]["referral_values"] == {"Yellow pages": "Advertising"}


async def test_a_failed_audit_fails_the_job_and_can_be_asked_for_again(world: World) -> None:
    """The export is repaired; the job is the same."""
    job_id = await world.job()
    tenant_id = await world.tenant_of(job_id)
    await world.owed(tenant_id)
    said = {"job_id": job_id, "audit_id": "a", "ok": False, "report": {}, "error": "No files."}
    await world.say(tenant_id, ExportAudited.model_validate(said))
    shown = await world.api.get(f"/jobs/{job_id}")
    assert shown["state"] == "failed"
    assert shown["error"] == {"code": "audit_failed", "sentence": "No files."}
    again = await world.api.ask("POST", f"/jobs/{job_id}/audit")
    assert (again.status, again.body["state"], again.body["error"]) == (202, "auditing", None)
    (command,) = await world.owed(tenant_id)
    assert isinstance(command, AuditExport)
    (await world.api.ask("POST", f"/jobs/{job_id}/audit")).problem(409, "job_busy")


async def test_a_job_shows_what_its_audit_waits_for(world: World) -> None:
    """Until it is audited; a word that comes later changes nothing."""
    job_id = await world.job()
    tenant_id = await world.tenant_of(job_id)
    waiting = AuditWaiting(
        job_id=JobId(job_id),
        audit_id="audit_1",
        service="extractor",
        code="source_unavailable",
        sentence="No answer.",
    )
    await world.say(tenant_id, waiting)
    assert (await world.api.get(f"/jobs/{job_id}"))["waiting"] == {
        "service": "extractor",
        "code": "source_unavailable",
        "sentence": "No answer.",
        "until": None,
    }
    await world.audited(job_id)
    assert (await world.api.get(f"/jobs/{job_id}"))["waiting"] is None
    await world.say(tenant_id, waiting)
    assert (await world.api.get(f"/jobs/{job_id}"))["waiting"] is None


async def test_an_audit_that_nobody_waits_for_changes_nothing(world: World) -> None:
    """The same word twice, or about a job that has moved on or is not there."""
    job_id = await world.job()
    tenant_id = await world.audited(job_id, grade="A")
    before = await world.control.job_row(job_id)
    await world.audited(job_id, grade="F")
    said = {"job_id": "job_none", "audit_id": "a", "ok": True, "report": {}}
    await world.say(tenant_id, ExportAudited.model_validate(said))
    assert await world.control.job_row(job_id) == before


async def test_jobs_are_paged_newest_first_without_gaps_or_repeats(world: World) -> None:
    """Five jobs, two a page, also while another one is created."""
    tenant_id = await world.tenant()
    made = [await world.job(tenant_id) for _ in range(5)]
    page = await world.api.get("/jobs?limit=2")
    newest = await world.job(tenant_id)
    seen = [one["job_id"] for one in page["data"]]
    while page["next_cursor"]:
        page = await world.api.get(f"/jobs?limit=2&cursor={page['next_cursor']}")
        seen += [one["job_id"] for one in page["data"]]
    assert seen == made[::-1]
    assert (await world.api.get("/jobs?limit=1"))["data"][0]["job_id"] == newest
    assert (await world.api.get("/jobs?limit=6"))["next_cursor"] is None


def cursor(*parts: Any) -> str:
    """A cursor somebody made up."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


@pytest.mark.parametrize(
    "made_up",
    [
        "x",
        "====",
        "%C3%BC",
        cursor(),
        cursor("2026-11-23T00:00:00+00:00"),
        cursor(1, 2),
        cursor("yesterday", "job_1"),
        cursor("2026-11-23T00:00:00+00:00", "job_\x00"),
        cursor("0001-01-01T00:00:00+23:59", "job_1"),
        cursor("2026-11-23T00:00:00+00:00", "job_\ud800"),
    ],
)
async def test_a_made_up_cursor_is_malformed(shared: World, made_up: str) -> None:
    """422, whatever is inside."""
    (await shared.api.ask("GET", f"/jobs?cursor={made_up}")).problem(422, "invalid_request")


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", f"cursor={'a' * 1025}"])
async def test_a_page_has_limits(shared: World, query: str) -> None:
    """422 for what is out of range."""
    (await shared.api.ask("GET", f"/jobs?{query}")).problem(422, "invalid_request")


# ---- gates --------------------------------------------------------------------------------------


async def test_a_gate_is_approved_over_the_evidence_its_approver_saw(world: World) -> None:
    """Another audit in between is another evidence: 409, and the gate stays open."""
    job_id = await world.job()
    await world.audited(job_id, hash="one")
    seen = (await world.api.get(f"/jobs/{job_id}/gates"))[0]
    await world.api.post(f"/jobs/{job_id}/audit")
    await world.audited(job_id, hash="two")
    path = f"/jobs/{job_id}/gates/G1/approve"
    stale = LEAD | {"evidence_hash": seen["evidence_hash"]}
    (await world.api.ask("POST", path, stale)).problem(409, "conflict")
    now = (await world.api.get(f"/jobs/{job_id}/gates"))[0]
    assert now["approved"] is False
    signed = LEAD | {"evidence_hash": now["evidence_hash"], "comment": "seen with the practice"}
    shown = (await world.api.post(path, signed))[0]
    assert (shown["approved"], shown["approved_by"], shown["comment"]) == (
        True,
        "migration lead",
        "seen with the practice",
    )
    assert (await world.api.get(f"/jobs/{job_id}"))["gates_approved"] == ["G1"]


async def test_a_gate_with_something_in_its_way_is_refused_by_naming_it(world: World) -> None:
    """409 with every blocker; the order of gates is kept."""
    job_id = await world.job()
    answer = await world.api.ask("POST", f"/jobs/{job_id}/gates/G1/approve", LEAD)
    told = answer.problem(409, "gate_not_ready")
    assert told["errors"] == [{"what": "The export has not been audited."}]
    await world.audited(job_id, blockers=["Nothing but headers."])
    answer = await world.api.ask("POST", f"/jobs/{job_id}/gates/G1/approve", LEAD)
    assert answer.problem(409, "gate_not_ready")["detail"] == "Nothing but headers."
    for gate in ("G2", "G3", "G4", "G5", "G6", "G7"):
        answer = await world.api.ask("POST", f"/jobs/{job_id}/gates/{gate}/approve", LEAD)
        answer.problem(409, "gate_not_ready")
    assert (await world.api.get(f"/jobs/{job_id}"))["gates_approved"] == []


async def test_an_approval_needs_a_name(world: World) -> None:
    """Nobody approves anonymously; there is no eighth gate."""
    job_id = await world.job()
    path = f"/jobs/{job_id}/gates/G1/approve"
    (await world.api.ask("POST", path, {})).problem(422, "invalid_request")
    (await world.api.ask("POST", path, {"approver": ""})).problem(422, "invalid_request")
    path = f"/jobs/{job_id}/gates/G8/approve"
    (await world.api.ask("POST", path, LEAD)).problem(422, "invalid_request")


async def test_the_schema_is_applied_after_the_first_gate_only(world: World) -> None:
    """And the job is busy meanwhile."""
    job_id = await world.job()
    await world.audited(job_id)
    path = f"/jobs/{job_id}/schema-plan/apply"
    told = (await world.api.ask("POST", path)).problem(409, "gate_not_ready")
    assert told["errors"] == [{"gate": "G1"}]
    await world.approve(job_id, "G1")
    assert (await world.api.post(path))["state"] == "applying_schema"
    (await world.api.ask("POST", path)).problem(409, "job_busy")
    (await world.api.ask("POST", f"/jobs/{job_id}/audit")).problem(409, "job_busy")
    answer = await world.api.ask("POST", f"/jobs/{job_id}/runs", {"kind": "rehearsal"})
    answer.problem(409, "job_busy")
    answer = await world.api.ask("POST", f"/jobs/{job_id}/mapping/confirm", LEAD)
    answer.problem(409, "job_busy")
    steps = await world.pool.fetch("select job_id, step, done_at from control.steps")
    assert [tuple(row) for row in steps] == [(job_id, "apply_schema", None)]


async def test_the_schema_plan_shows_every_line_with_its_credits(world: World) -> None:
    """Before anything is created."""
    job_id = await world.job()
    shown = await world.api.get(f"/jobs/{job_id}/schema-plan")
    assert shown["applied"] is None
    assert shown["plan"]["modules"]
    assert "credits" in json.dumps(shown["plan"])


async def test_confirming_keeps_a_persons_decisions_and_approves_the_mapping(
    world: World,
) -> None:
    """Merges graded auto are taken unless declined; a person's word wins over both."""
    job_id = await world.ready()
    tenant_id = await world.tenant_of(job_id)
    duplicates = [
        {"keep": "1", "duplicate": "2", "grade": "auto"},
        {"keep": "3", "duplicate": "4", "grade": "review"},
        {"keep": "5", "duplicate": "6", "grade": "auto"},
    ]
    await world.api.post(f"/jobs/{job_id}/audit")
    said = {"job_id": job_id, "audit_id": "a", "ok": True, "report": {}, "duplicates": duplicates}
    await world.say(tenant_id, ExportAudited.model_validate(said))
    decided = LEAD | {
        "merges": {"4": "3", "6": "7"},
        "owners": {"11": "42"},
        "referral_values": {"Web": "Online"},
    }
    shown = await world.api.post(f"/jobs/{job_id}/mapping/confirm", decided)
    assert (shown["state"], shown["gates_approved"]) == ("ready", ["G1", "G2", "G3"])
    row = await world.control.job_row(job_id)
    assert row["source"]["merges"] == {"2": "1", "4": "3", "6": "7"}
    assert row["source"]["referral_values"] == {"Web": "Online"}
    assert row["owners"] == [
        {"provider_key": "11", "user_id": "42", "evidence": "person", "review": False}
    ]
    assert (await world.api.get(f"/jobs/{job_id}/mapping"))["owners"] == row["owners"]


async def test_auto_merges_can_be_declined(world: World) -> None:
    """Then only what a person named is merged."""
    job_id = await world.job()
    tenant_id = await world.tenant_of(job_id)
    said = {
        "job_id": job_id,
        "audit_id": "a",
        "ok": True,
        "report": {"blockers": []},
        "duplicates": [{"keep": "1", "duplicate": "2", "grade": "auto"}],
    }
    await world.say(tenant_id, ExportAudited.model_validate(said))
    answer = await world.api.ask("POST", f"/jobs/{job_id}/mapping/confirm", LEAD)
    answer.problem(409, "gate_not_ready")
    assert (
        "merges" not in (await world.control.job_row(job_id))["source"]
        or not (await world.control.job_row(job_id))["source"]["merges"]
    )
    ready = await world.ready()
    await world.api.post(f"/jobs/{ready}/audit")
    await world.say(
        await world.tenant_of(ready), ExportAudited.model_validate(said | {"job_id": ready})
    )
    await world.api.post(f"/jobs/{ready}/mapping/confirm", LEAD | {"accept_auto_merges": False})
    assert (await world.control.job_row(ready))["source"]["merges"] == {}


# ---- runs ---------------------------------------------------------------------------------------


async def test_a_run_is_told_everything_once_and_the_fingerprint_is_asked_for_first(
    world: World,
) -> None:
    """202, the whole specification to all services, and the job is busy."""
    job_id = await world.ready()
    tenant_id = await world.tenant_of(job_id)
    body = {"kind": "rehearsal", "sample": {"plans": 120, "seed": 7}}
    answer = await world.api.ask("POST", f"/jobs/{job_id}/runs", body)
    run = answer.body
    assert (answer.status, answer.headers["location"]) == (202, f"/v1/runs/{run['run_id']}")
    assert (run["state"], run["kind"], run["balanced"]) == ("starting", "rehearsal", None)
    assert {wave["state"] for wave in run["waves"]} == {"closed"}
    start, fingerprint = await world.owed(tenant_id)
    assert isinstance(start, StartRun)
    spec = start.spec
    assert (spec.run_id, spec.job_id, spec.tenant_id) == (run["run_id"], job_id, tenant_id)
    assert spec.kind is RunKind.REHEARSAL
    assert spec.sample is not None
    assert (spec.sample.plans, spec.sample.seed) == (120, 7)
    assert (spec.fallback_user_id, spec.migration_user_id) == ("900", "901")
    assert [owner.user_id for owner in spec.owners] == ["9"]
    assert spec.waves == MappingDocument.default().waves()
    assert MappingDocument.parse(spec.mapping).hash == spec.mapping_hash
    assert fingerprint == TakeFingerprint(run_id=spec.run_id, label="before")
    assert (await world.api.get(f"/jobs/{job_id}"))["state"] == "rehearsing"
    assert [one["run_id"] for one in await world.api.get(f"/jobs/{job_id}/runs")] == [run["run_id"]]
    for kind in ("rehearsal", "full", "delta", "undo"):
        again = await world.api.ask("POST", f"/jobs/{job_id}/runs", {"kind": kind})
        again.problem(409, "job_busy")
    undo = await world.api.ask("POST", f"/runs/{run['run_id']}/undo")
    undo.problem(409, "job_busy")


async def test_runs_wait_for_their_gates(world: World) -> None:
    """A full run needs the rehearsal's gate, a delta the full run's; nothing is owed meanwhile."""
    job_id = await world.ready()
    tenant_id = await world.tenant_of(job_id)
    path = f"/jobs/{job_id}/runs"
    told = (await world.api.ask("POST", path, {"kind": "full"})).problem(409, "gate_not_ready")
    assert told["errors"] == [{"gate": "G4"}]
    delta = {"kind": "delta", "export_path": "x"}
    told = (await world.api.ask("POST", path, delta)).problem(409, "gate_not_ready")
    assert told["errors"] == [{"gate": "G5"}]
    fresh = await world.job(tenant_id)
    await world.audited(fresh)
    answer = await world.api.ask("POST", f"/jobs/{fresh}/runs", {"kind": "rehearsal"})
    assert answer.problem(409, "gate_not_ready")["detail"] == "Approve G1, G2, G3 first."
    assert await world.api.get(path) == []
    assert not [one for one in await world.owed(tenant_id) if isinstance(one, StartRun)]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "sideways"},
        {"kind": "undo"},
        {"kind": "undo", "undo_of": "run_none"},
        {"kind": "rehearsal", "sample": {"plans": "many"}},
        {"kind": "rehearsal", "sample": {"plans": 0}},
        {"kind": "rehearsal", "sample": {"plans": 10**30}},
        {"kind": "rehearsal", "sample": {"seed": 10**30}},
        {"kind": "rehearsal", "sample": {"typo": 1}},
        {"kind": "rehearsal", "unknown": 1},
    ],
)
async def test_a_malformed_run_is_refused_and_the_job_stays_free(
    world: World, body: dict[str, Any]
) -> None:
    """422; the next request is not told the job is busy."""
    job_id = await world.ready()
    answer = await world.api.ask("POST", f"/jobs/{job_id}/runs", body)
    answer.problem(422, "invalid_request")
    assert (await world.api.get(f"/jobs/{job_id}"))["state"] == "ready"
    await world.start(job_id)


async def test_only_a_run_of_the_same_job_can_be_undone(world: World) -> None:
    """Undo travels backwards through its own job's journal."""
    tenant_id = await world.tenant()
    mine, other = await world.ready(tenant_id), await world.ready(tenant_id)
    run_id = await world.start(other)
    body = {"kind": "undo", "undo_of": run_id}
    answer = await world.api.ask("POST", f"/jobs/{mine}/runs", body)
    answer.problem(422, "invalid_request")


async def test_only_an_undo_carries_what_it_takes_back(world: World) -> None:
    """A rehearsal that names a run to undo does not become half an undo."""
    job_id = await world.ready()
    run_id = await world.start(job_id)
    await world.api.post(f"/runs/{run_id}/cancel")
    await world.start(job_id, undo_of=run_id)
    start = (await world.owed(await world.tenant_of(job_id)))[-2]
    assert isinstance(start, StartRun)
    assert (start.spec.kind, start.spec.undo_of) == (RunKind.REHEARSAL, None)


async def test_a_cancelled_run_can_be_undone_with_its_waves_reversed(world: World) -> None:
    """What it did until then is taken back, children before parents."""
    job_id = await world.ready()
    run_id = await world.start(job_id)
    cancelled = await world.api.post(f"/runs/{run_id}/cancel")
    assert cancelled["state"] == "cancelled"
    assert cancelled["finished_at"] is not None
    assert (await world.api.get(f"/jobs/{job_id}"))["state"] == "ready"
    answer = await world.api.ask("POST", f"/runs/{run_id}/undo")
    assert answer.status == 202
    assert (answer.body["kind"], answer.body["state"]) == ("undo", "starting")
    *_, cancel, start, fingerprint = await world.owed(await world.tenant_of(job_id))
    assert cancel == CancelRun(run_id=cancelled["run_id"])
    assert isinstance(start, StartRun)
    assert (start.spec.undo_of, start.spec.kind) == (run_id, RunKind.UNDO)
    there = MappingDocument.default().waves()
    assert [set(wave.objects) for wave in start.spec.waves] == [
        set(wave.objects) for wave in reversed(there)
    ]
    assert isinstance(fingerprint, TakeFingerprint)
    assert (await world.api.get(f"/jobs/{job_id}"))["state"] == "undoing"


SWITCHES = {
    "pause": ({"moving"}, "paused", PauseRun),
    "resume": ({"paused", "failed"}, "moving", ResumeRun),
    "cancel": (
        {"starting", "moving", "comparing", "proving", "reporting", "paused", "failed"},
        "cancelled",
        CancelRun,
    ),
}
STATES = (
    "starting",
    "moving",
    "comparing",
    "proving",
    "reporting",
    "finished",
    "paused",
    "cancelled",
    "failed",
)


@pytest.mark.parametrize("switch", SWITCHES)
async def test_a_run_is_steered_where_it_may_be_and_nowhere_else(world: World, switch: str) -> None:
    """Nine states: each either moves and owes its command, or answers 409 and owes nothing."""
    allowed, to, command = SWITCHES[switch]
    job_id = await world.ready()
    tenant_id = await world.tenant_of(job_id)
    run_id = await world.start(job_id)
    for state in STATES:
        await world.pool.execute("update control.job_runs set state = $1", state)
        await world.owed(tenant_id)
        answer = await world.api.ask("POST", f"/runs/{run_id}/{switch}")
        if state in allowed:
            assert (state, answer.status, answer.body["state"]) == (state, 200, to)
            assert [type(one) for one in await world.owed(tenant_id)] == [command]
        else:
            told = answer.problem(409, "illegal_transition")
            assert state in told["detail"]
            assert (await world.api.get(f"/runs/{run_id}"))["state"] == state
            assert await world.owed(tenant_id) == []


async def test_a_failed_run_that_cannot_be_repaired_does_not_hold_its_job_for_ever(
    world: World,
) -> None:
    """Cancelled, undone, started again."""
    job_id = await world.ready()
    run_id = await world.start(job_id)
    failed = {"run_id": run_id, "service": "loader", "code": "scope_missing", "sentence": "No."}
    await world.say(await world.tenant_of(job_id), RunFailed.model_validate(failed))
    answer = await world.api.ask("POST", f"/jobs/{job_id}/runs", {"kind": "rehearsal"})
    answer.problem(409, "job_busy")
    await world.api.post(f"/runs/{run_id}/cancel")
    await world.start(job_id)


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/jobs/job_none",
        "/runs/run_none",
        "/jobs/job_none/report",
        "/tenants/nobody",
        "/tenants/nobody/dead-letters",
    ],
)
async def test_what_does_not_exist_is_not_found_as_a_problem(shared: World, path: str) -> None:
    """Also paths nobody ever made."""
    (await shared.api.ask("GET", path)).problem(404, "not_found")


async def test_a_method_nobody_offers_is_a_problem(world: World) -> None:
    """405 with a code."""
    (await world.api.ask("DELETE", "/jobs")).problem(405, "method_not_allowed")


@pytest.mark.parametrize("path", ["/jobs/a%00b", "/jobs/..", "/runs/%C3%BC", f"/jobs/{'x' * 65}"])
async def test_an_id_of_another_form_is_malformed_or_not_found(shared: World, path: str) -> None:
    """Never an error of ours."""
    answer = await shared.api.ask("GET", path)
    assert answer.status in {404, 422}
    answer.problem(answer.status, answer.body["code"])
