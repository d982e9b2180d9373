"""The quarantine: what audits and runs find, what people decide, what the next run carries."""

import base64
from typing import Any

import pytest
from bridgework_contracts.commands import AuditExport, StartRun
from bridgework_contracts.ids import JobId, RunId
from bridgework_contracts.progress import (
    CorrectionApplied,
    ExportAudited,
    QuarantinedPlace,
    RunReported,
    SnapshotSealed,
)
from bridgework_contracts.runs import RunKind, correction_aad

from services.control.tests.conftest import AUDIT, World

FIX = {"value": "1984-02-28", "by": "front desk", "why": "asked the patient"}
LEAVE = {"by": "owner", "why": "closed in 2009"}


def place(item_id: str = "q_1", **more: Any) -> QuarantinedPlace:
    """A place as the extractor names it."""
    return QuarantinedPlace.model_validate(
        {
            "item_id": item_id,
            "object": "patient",
            "key": "1201",
            "file": "patients.csv",
            "line": 17,
            "column": "dob",
            "code": "date_impossible",
            "shape": "99/99/9999",
            "effect": "left_out",
            "sentence": "s",
            "remedy": "Enter the true date.",
            "row_mark": "ab" * 16,
            **more,
        }
    )


class Story:
    """One job that is past its rehearsal, and the words services say about its runs."""

    def __init__(self, world: World, job_id: str, tenant_id: str) -> None:
        self.world = world
        self.job_id = job_id
        self.tenant_id = tenant_id

    async def places(self, query: str = "") -> dict[str, dict[str, Any]]:
        """Item id → place."""
        page = await self.world.api.get(f"/jobs/{self.job_id}/quarantine{query}")
        return {one["item_id"]: one for one in page["data"]}

    async def states(self) -> dict[str, str]:
        """Item id → state."""
        return {name: one["state"] for name, one in (await self.places()).items()}

    async def act(self, item_id: str, verb: str, body: Any, **headers: str) -> Any:
        """Fix, accept or withdraw."""
        path = f"/jobs/{self.job_id}/quarantine/{item_id}/{verb}"
        return await self.world.api.post(path, body, **headers)

    async def refused(self, item_id: str, verb: str, body: Any, status: int, code: str) -> str:
        """Try what is refused; return the detail."""
        path = f"/jobs/{self.job_id}/quarantine/{item_id}/{verb}"
        answer = await self.world.api.ask("POST", path, body)
        return str(answer.problem(status, code)["detail"])

    async def audited(self, *places: QuarantinedPlace, left_out: int = 0, **more: Any) -> None:
        """Say that the export was audited."""
        await self.world.pool.execute(
            self.world.control.jobs.set_state, self.job_id, "auditing", None
        )
        await self.world.say(
            self.tenant_id,
            ExportAudited(
                job_id=JobId(self.job_id),
                audit_id=more.pop("audit_id", "audit_1"),
                ok=True,
                report=AUDIT,
                quarantined=places,
                quarantined_left_out=left_out,
                **more,
            ),
        )

    async def finished(
        self,
        kind: RunKind,
        *places: QuarantinedPlace,
        said: dict[str, str] | None = None,
        quarantined: tuple[dict[str, Any], ...] = (),
        late: bool = False,
        run_id: str | None = None,
        **more: Any,
    ) -> str:
        """Start a run (or take one) and have it end; ``said`` is item → what a correction did."""
        world = self.world
        if run_id is None:
            run_id = await world.start(self.job_id, kind.value, **more)
        rows = await world.pool.fetch(
            "select item_id, correction_id from control.corrections where state = 'active'"
        )
        applied = tuple(
            CorrectionApplied(
                correction_id=row["correction_id"],
                state=said[row["item_id"]],
                sentence="The row was changed." if said[row["item_id"]] == "stale" else "",
            )
            for row in rows
            if said and row["item_id"] in said
        )
        sealed = SnapshotSealed(
            run_id=RunId(run_id),
            extracted={},
            seconds=1.0,
            quarantined=None if kind is RunKind.REHEARSAL else places,
            corrections=applied,
        )
        report = {"run_id": run_id, "balanced": True, "quarantined": list(quarantined),
                  "conflicts": [], "files": {}, "objects": {}}  # fmt: skip
        await world.pool.execute(world.control.runs.advance, run_id, "reporting", 9)
        reported = RunReported(run_id=RunId(run_id), report=report)
        words = (reported, sealed) if late else (sealed, reported)
        for word in words if kind is not RunKind.UNDO else (reported,):
            await world.say(self.tenant_id, word)
        return run_id

    async def corrections(self) -> list[Any]:
        """Return the corrections of the run that was asked for last, opened."""
        owed = await self.world.owed(self.tenant_id)
        sources = [one.spec.source for one in owed if isinstance(one, StartRun)]
        sources += [one.source for one in owed if isinstance(one, AuditExport)]
        tenant = await self.world.control.tenant(self.tenant_id)
        return [
            (
                one,
                tenant.sealer.open(
                    base64.b64decode(one.value_sealed), correction_aad(one.correction_id)
                ).decode(),
            )
            for one in sources[-1].corrections
        ]


@pytest.fixture
async def story(world: World) -> Story:
    """A job whose full run may start."""
    job_id = await world.ready()
    made = Story(world, job_id, await world.tenant_of(job_id))
    await world.pool.execute(world.control.jobs.approve_gate, job_id, "G4", {}, "h", "lead", "")
    return made


async def test_places_are_listed_by_file_and_line_with_counts_pages_and_filters(
    story: Story,
) -> None:
    """Everything the extractor named, and how much more there was."""
    places = [place(f"q_{n:02}", line=n, file=f"{'ab'[n % 2]}.csv") for n in range(7)]
    await story.audited(*places, place("q_x", code="key_missing", column=""), left_out=12)
    page = await story.world.api.get(f"/jobs/{story.job_id}/quarantine?limit=3")
    seen = [one["item_id"] for one in page["data"]]
    assert (page["counts"]["open"], page["left_out"]) == (8, 12)
    while page["next_cursor"]:
        path = f"/jobs/{story.job_id}/quarantine?limit=3&cursor={page['next_cursor']}"
        page = await story.world.api.get(path)
        seen += [one["item_id"] for one in page["data"]]
    assert seen == ["q_00", "q_02", "q_04", "q_06", "q_01", "q_03", "q_05", "q_x"]
    assert set(await story.places("?file=a.csv")) == {"q_00", "q_02", "q_04", "q_06"}
    assert set(await story.places("?code=key_missing")) == {"q_x"}
    assert not await story.places("?state=fixed")
    one = (await story.places())["q_x"]
    assert (one["fixable"], one["correction"], one["first_seen"]) == (True, None, "audit_1")


async def test_a_correction_is_sealed_and_travels_with_every_later_run_and_audit(
    story: Story,
) -> None:
    """Its value is nowhere in the clear, and no answer shows it."""
    await story.audited(place())
    shown = await story.act("q_1", "fix", FIX)
    assert (shown["state"], shown["decided_by"]) == ("fixed", "front desk")
    assert shown["correction"]["value_shape"] == "9999-99-99"
    assert "1984-02-28" not in repr(shown)
    for table in ("quarantine", "corrections", "idempotency", "job_runs", "outbox"):
        rows = await story.world.pool.fetch(f"select t::text as row from control.{table} t")
        assert "1984-02-28" not in repr(rows)
    for kind in ("rehearsal", "full"):
        run_id = await story.world.start(story.job_id, kind)
        ((told, value),) = await story.corrections()
        assert value == "1984-02-28"
        assert (told.file, told.line, told.column) == ("patients.csv", 17, "dob")
        assert (told.row_mark, told.row_key, told.seen_in) == ("ab" * 16, "1201", None)
        await story.world.api.post(f"/runs/{run_id}/cancel")
    await story.world.api.post(f"/jobs/{story.job_id}/audit")
    assert [value for _, value in await story.corrections()] == ["1984-02-28"]


async def test_a_second_correction_replaces_the_first(story: Story) -> None:
    """Also where the same cell stands under two codes; the history keeps both."""
    await story.audited(place(), place("q_2", code="date_future"))
    await story.act("q_1", "fix", FIX)
    await story.act("q_2", "fix", {**FIX, "value": "1985-01-01"})
    await story.world.start(story.job_id, "full")
    assert [value for _, value in await story.corrections()] == ["1985-01-01"]
    report = await story.world.api.get(f"/jobs/{story.job_id}/report")
    made = report["quarantine"]["corrections"]
    assert [one["state"] for one in made] == ["superseded", "active"]


async def test_release_moves_corrections_by_a_delta_over_the_same_export(story: Story) -> None:
    """Nothing to release, no full run yet: said in words; then the run carries them."""
    path = f"/jobs/{story.job_id}/quarantine/release"
    await story.audited(place())
    (await story.world.api.ask("POST", path, {"by": "lead"})).problem(409, "gate_not_ready")
    await story.finished(RunKind.FULL, place())
    (await story.world.api.ask("POST", path, {"by": "lead"})).problem(409, "nothing_to_release")
    await story.act("q_1", "fix", FIX)
    await story.world.owed(story.tenant_id)
    made = await story.world.api.ask("POST", path, {"by": "lead"}, Idempotency_Key="r1")
    again = await story.world.api.ask("POST", path, {"by": "lead"}, Idempotency_Key="r1")
    assert (made.status, again.body) == (202, made.body)
    assert made.headers["location"] == f"/v1/runs/{made.body['run_id']}"
    assert made.body["kind"] == "delta"
    row = await story.world.runs.run_row(made.body["run_id"])
    assert row["spec"]["source"]["export_path"] == "exports/harbor"
    assert len(await story.corrections()) == 1
    (await story.world.api.ask("POST", path, {"by": "lead"})).problem(409, "job_busy")
    await story.finished(RunKind.DELTA, said={"q_1": "applied"}, run_id=made.body["run_id"])
    one = (await story.places())["q_1"]
    assert (one["state"], one["released_in"], one["released_by"]) == (
        "released", made.body["run_id"], "lead",
    )  # fmt: skip


@pytest.mark.parametrize("late", [False, True])
async def test_an_undo_takes_the_release_back_and_a_later_delta_starts_from_what_stands(
    story: Story, *, late: bool
) -> None:
    """The correction waits again; what was undone is no base. Either word may come first."""
    await story.audited(place())
    full = await story.finished(RunKind.FULL, place())
    await story.act("q_1", "fix", FIX)
    made = await story.world.api.post(f"/jobs/{story.job_id}/quarantine/release", {"by": "l"})
    run_id = await story.finished(
        RunKind.DELTA, said={"q_1": "applied"}, late=late, run_id=made["run_id"]
    )
    assert await story.states() == {"q_1": "released"}
    await story.finished(RunKind.UNDO, undo_of=run_id)
    assert await story.states() == {"q_1": "fixed"}
    again = await story.world.api.post(f"/jobs/{story.job_id}/quarantine/release", {"by": "l"})
    row = await story.world.runs.run_row(again["run_id"])
    assert row["spec"]["base_run_id"] == full


async def test_a_stale_correction_is_reported_not_counted_as_released(story: Story) -> None:
    """The row changed meanwhile: the place says so and may be corrected again."""
    await story.audited(place())
    await story.finished(RunKind.FULL, place())
    await story.act("q_1", "fix", FIX)
    await story.finished(
        RunKind.DELTA,
        place(line=20, row_mark="cd" * 16),
        said={"q_1": "stale"},
        run_id=(await story.world.api.post(
            f"/jobs/{story.job_id}/quarantine/release", {"by": "l"}
        ))["run_id"],
    )  # fmt: skip
    one = (await story.places())["q_1"]
    assert (one["state"], one["note"], one["line"]) == ("stale", "The row was changed.", 20)
    assert one["correction"]["said"] == "stale"
    await story.act("q_1", "fix", FIX)
    await story.world.owed(story.tenant_id)
    await story.world.api.post(f"/jobs/{story.job_id}/quarantine/release", {"by": "l"})
    ((told, _),) = await story.corrections()
    assert (told.row_mark, told.line) == ("cd" * 16, 20)


async def test_a_corrected_value_that_is_no_better_is_open_again(story: Story) -> None:
    """It was applied, and found all the same."""
    await story.audited(place())
    await story.finished(RunKind.FULL, place())
    await story.act("q_1", "fix", {**FIX, "value": "99/99/9999"})
    run = await story.world.api.post(f"/jobs/{story.job_id}/quarantine/release", {"by": "l"})
    await story.finished(RunKind.DELTA, place(), said={"q_1": "applied"}, run_id=run["run_id"])
    one = (await story.places())["q_1"]
    assert one["state"] == "open"
    assert "could not be understood either" in one["note"]


async def test_accepted_places_stay_accepted_and_gone_ones_are_told_apart(story: Story) -> None:
    """A person's word outlives the next audit; what a whole export no longer shows is gone."""
    await story.audited(place(), place("q_2", line=18), place("q_3", line=19))
    await story.act("q_1", "accept", LEAVE)
    await story.audited(place(), place("q_3", line=19), audit_id="audit_2")
    assert await story.states() == {"q_1": "accepted", "q_2": "gone", "q_3": "open"}
    # A list that was cut short proves nothing; a sample neither.
    await story.audited(place(), left_out=1, audit_id="audit_3")
    await story.finished(RunKind.REHEARSAL)
    assert (await story.states())["q_3"] == "open"
    await story.refused("q_2", "fix", FIX, 409, "illegal_transition")
    await story.audited(place("q_2", line=18), place(), audit_id="audit_4")
    assert await story.states() == {"q_1": "accepted", "q_2": "open", "q_3": "gone"}
    await story.act("q_1", "withdraw", LEAVE)
    assert (await story.states())["q_1"] == "open"


async def test_what_one_correction_cannot_repair_says_so(story: Story) -> None:
    """A whole file; a column nobody named; a place nobody knows; a wrong body, not echoed."""
    await story.audited(place("q_f", row_mark=None, remedy="Export the file again."))
    detail = await story.refused("q_f", "fix", FIX, 409, "not_fixable")
    assert "Export the file again." in detail
    await story.refused("q_none", "fix", FIX, 404, "not_found")
    path = f"/jobs/{story.job_id}/quarantine/q_f/fix"
    answer = await story.world.api.ask("POST", path, {"value": ["1984-02-28"], "by": "x"})
    answer.problem(422, "invalid_request")
    assert "1984" not in repr(answer.body)


async def test_a_record_that_another_service_could_not_move_is_listed_and_fixable(
    story: Story,
) -> None:
    """Bound to the row as that run saw it; what the extractor listed is not listed twice."""
    line = {
        "object": "Contacts", "key": "1302", "outcome": "failed", "effect": "failed",
        "file": "patients.csv", "line": 40, "field": "Last_Name", "code": "value_missing",
        "shape": "", "sentence": "It has no last name.", "remedy": "Enter it.", "missing": "",
    }  # fmt: skip
    known = {**line, "key": "1201", "line": 17}
    cancelled = {**line, "key": "9", "line": 50, "code": "run_cancelled"}
    run_id = await story.finished(RunKind.FULL, place(), quarantined=(line, known, cancelled))
    found = await story.places()
    assert len(found) == 2
    (one,) = (item for item in found.values() if item["item_id"] != "q_1")
    assert (one["key"], one["line"], one["column"], one["fixable"]) == ("1302", 40, "", True)
    await story.refused(one["item_id"], "fix", FIX, 422, "invalid_request")
    await story.act(one["item_id"], "fix", {**FIX, "column": "last", "value": "Hill"})
    await story.world.owed(story.tenant_id)
    run = await story.world.api.post(f"/jobs/{story.job_id}/quarantine/release", {"by": "l"})
    ((told, value),) = await story.corrections()
    assert (told.row_mark, told.seen_in, told.column, value) == (None, run_id, "last", "Hill")

    report = await story.world.api.get(f"/jobs/{story.job_id}/report")
    assert {"1302", "1201"} <= {one["key"] for one in report["quarantined"]}
    await story.finished(
        RunKind.DELTA, place(), said={one["item_id"]: "applied"}, run_id=run["run_id"]
    )
    report = await story.world.api.get(f"/jobs/{story.job_id}/report")
    keys = {one["key"] for one in report["quarantined"]}
    assert "1302" not in keys
    assert "1201" in keys
    assert report["quarantine"]["counts"]["released"] == 1


async def test_the_same_request_again_is_answered_again(story: Story) -> None:
    """With its key; another value under the same key is refused."""
    await story.audited(place())
    first = await story.act("q_1", "fix", FIX, Idempotency_Key="k1")
    assert await story.act("q_1", "fix", FIX, Idempotency_Key="k1") == first
    path = f"/jobs/{story.job_id}/quarantine/q_1/fix"
    answer = await story.world.api.ask(
        "POST", path, {**FIX, "value": "1984-02-29"}, Idempotency_Key="k1"
    )
    answer.problem(409, "idempotency_key_reused")
