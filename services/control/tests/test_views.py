"""Rows as the API and the report show them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from bridgework_control.domain.views import gate_views, job_report, job_view, run_view

NOW = datetime(2026, 11, 23, tzinfo=UTC)
JOB: dict[str, Any] = {
    "job_id": "job_1",
    "tenant_id": "harbor",
    "name": "n",
    "state": "loaded",
    "source": {"export_path": "exports/harbor", "merges": {"2": "1"}},
    "mapping_hash": "m",
    "mapping": {},
    "audit": {"hash": "a"},
    "waiting": None,
    "schema_plan": None,
    "live_names": {},
    "owners": [{"provider_key": "11", "user_id": "9", "evidence": "email", "review": False}],
    "error": None,
    "created_at": NOW,
    "updated_at": NOW,
}
APPROVED = [
    {"gate": "G1", "approved_by": "lead", "approved_at": NOW, "comment": "ok", "evidence_hash": "e"}
]


def run(state: str = "moving", **more: Any) -> dict[str, Any]:
    """A run's row with three waves, the second open."""
    return {
        "run_id": "run_1",
        "job_id": "job_1",
        "tenant_id": "harbor",
        "kind": "full",
        "state": state,
        "spec": {
            "undo_of": None,
            "waves": [{"index": n, "objects": [f"o{n}"]} for n in (1, 2, 3)],
        },
        "open_wave": 2,
        "last_wave": 3,
        "extracted": {},
        "outcomes": {},
        "credits": 0.0,
        "fingerprints": {},
        "diff": None,
        "report": None,
        "findings": [],
        "waiting": None,
        "error": None,
        "created_at": NOW,
        "finished_at": None,
        **more,
    }


def report(run_id: str, **more: Any) -> dict[str, Any]:
    """What the reconciler reported of a run."""
    return {
        "run_id": run_id,
        "balanced": True,
        "files": {},
        "conflicts": [],
        "quarantined": [],
        **more,
    }


def waves(row: dict[str, Any]) -> list[str]:
    """The states of a run's waves."""
    return [wave["state"] for wave in run_view(row)["waves"]]


def test_waves_are_settled_open_or_closed_around_the_open_one() -> None:
    """What a person watches."""
    assert waves(run("moving")) == ["settled", "open", "closed"]
    assert waves(run("paused")) == ["settled", "open", "closed"]
    assert waves(run("starting", open_wave=0)) == ["closed", "closed", "closed"]


@pytest.mark.parametrize("state", ["comparing", "proving", "reporting", "finished"])
def test_all_waves_have_settled_once_the_run_compares(state: str) -> None:
    """The last wave is not open any more."""
    assert waves(run(state, open_wave=3)) == ["settled"] * 3


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_the_wave_in_which_a_run_stopped_has_not_settled(state: str) -> None:
    """Somebody must see where it stopped."""
    assert waves(run(state)) == ["settled", "open", "closed"]


def test_a_run_balances_by_its_report_and_by_nothing_else() -> None:
    """Before the report nobody knows."""
    assert run_view(run())["balanced"] is None
    assert run_view(run(report=report("run_1")))["balanced"] is True
    assert run_view(run(report=report("run_1", balanced=False)))["balanced"] is False


def test_a_job_is_shown_without_what_the_practice_confirmed_about_people() -> None:
    """Merges name patients; owners name users: both have pages of their own."""
    shown = job_view(JOB, APPROVED)
    assert shown["export_path"] == "exports/harbor"
    assert shown["gates_approved"] == ["G1"]
    assert not {"source", "owners", "mapping"} & shown.keys()


def test_every_gate_is_shown_with_who_approved_it_and_what_stands_in_the_way() -> None:
    """Seven gates, one approved."""
    shown = gate_views(JOB, [], APPROVED)
    assert [gate["gate"] for gate in shown] == ["G1", "G2", "G3", "G4", "G5", "G6", "G7"]
    first, second = shown[:2]
    assert (first["approved"], first["approved_by"], first["comment"]) == (True, "lead", "ok")
    assert first["blockers"] == []
    assert (second["approved"], second["approved_by"], second["approved_at"]) == (False, None, None)
    assert second["blockers"] == ["The schema plan has not been applied and read back."]


# ---- the acceptance report ----------------------------------------------------------------------

BEFORE, OTHER = {"Contacts": {"count": 1}}, {"Contacts": {"count": 2}}


def rehearsed(after: dict[str, Any]) -> list[dict[str, Any]]:
    """A rehearsal and its undo."""
    return [
        run(
            "finished",
            run_id="run_r",
            kind="rehearsal",
            report=report("run_r", files={"inserted": 99}),
            fingerprints={"before": BEFORE},
        ),
        run(
            "finished",
            run_id="run_u",
            kind="undo",
            spec={"undo_of": "run_r", "waves": []},
            report=report("run_u"),
            fingerprints={"before": OTHER, "after_undo": after},
        ),
    ]


def test_fingerprints_are_those_of_the_undone_run_and_of_its_undo() -> None:
    """Equal only if the same came back."""
    equal = job_report(JOB, rehearsed(BEFORE), [])["fingerprints"]
    assert equal == {"before": BEFORE, "after_undo": BEFORE, "equal": True}
    differs = job_report(JOB, rehearsed(OTHER), [])["fingerprints"]
    assert differs == {"before": BEFORE, "after_undo": OTHER, "equal": False}


def test_without_an_undo_nothing_is_called_equal() -> None:
    """Two empty fingerprints prove nothing."""
    assert job_report(JOB, [], [])["fingerprints"]["equal"] is False
    assert job_report(JOB, rehearsed(BEFORE)[:1], [])["fingerprints"] == {
        "before": BEFORE,
        "after_undo": {},
        "equal": False,
    }


def test_a_job_balances_when_every_reported_run_does_and_there_is_one() -> None:
    """No report is not a balance."""
    good, bad = (run(report=report("r", balanced=b)) for b in (True, False))
    assert job_report(JOB, [], [])["balanced"] is False
    assert job_report(JOB, [run()], [])["balanced"] is False
    assert job_report(JOB, [good, run()], [])["balanced"] is True
    assert job_report(JOB, [good, bad], [])["balanced"] is False


def test_files_come_from_the_latest_run_that_moved_everything() -> None:
    """Not from the rehearsal, whose files are gone again."""
    full = run(run_id="run_f", report=report("run_f", files={"inserted": 5}))
    delta = run(run_id="run_d", kind="delta", report=report("run_d", files={"unchanged": 5}))
    assert job_report(JOB, rehearsed(BEFORE), [])["files"] == {}
    assert job_report(JOB, [*rehearsed(BEFORE), full], [])["files"] == {"inserted": 5}
    assert job_report(JOB, [*rehearsed(BEFORE), full, delta], [])["files"] == {"unchanged": 5}


def test_the_newest_word_about_one_place_replaces_the_earlier_ones() -> None:
    """A quarantined field that a delta meets again is one line, not two."""
    line = {"object": "Contacts", "key": "1", "field": "zip", "code": "odd", "remedy": "old"}
    other = {**line, "key": "2"}
    full = run(run_id="run_f", report=report("run_f", quarantined=[line, other]))
    delta = run(
        run_id="run_d",
        kind="delta",
        report=report("run_d", quarantined=[{**line, "remedy": "new"}]),
    )
    assert job_report(JOB, [full, delta], [])["quarantined"] == [
        {**line, "remedy": "new", "run_id": "run_d"},
        {**other, "run_id": "run_f"},
    ]


def test_the_report_names_the_job_its_gates_and_its_owners() -> None:
    """With the hash of what each approver saw."""
    shown = job_report(JOB, [], APPROVED)
    assert shown["format"] == "bridgework-report/1"
    assert shown["owners"] == JOB["owners"]
    assert shown["job"]["gates"] == [
        {
            "gate": "G1",
            "approved_by": "lead",
            "approved_at": "2026-11-23T00:00:00+00:00",
            "evidence_hash": "e",
        }
    ]


FINDING = {"file": "claims.csv", "line": 0, "code": "column_missing", "remedy": "Export again."}


def test_what_concerns_whole_files_stands_first_and_names_its_run() -> None:
    """From the newest full run or delta; a rehearsal's export says nothing of the practice's."""
    line = {"object": "Contacts", "key": "1", "field": "zip", "code": "odd"}
    full = run(run_id="run_f", findings=[FINDING], report=report("run_f", quarantined=[line]))
    rehearsal = run(kind="rehearsal", findings=[FINDING])
    assert job_report(JOB, [rehearsal], [])["quarantined"] == []
    assert job_report(JOB, [full], [])["quarantined"] == [
        {**FINDING, "run_id": "run_f"},
        {**line, "run_id": "run_f"},
    ]


def test_a_file_repaired_before_the_delta_is_not_reported_any_more() -> None:
    """The newer export is whole: what was wrong with the older one is over."""
    full = run("finished", run_id="run_f", findings=[FINDING], report=report("run_f"))
    delta = run("finished", run_id="run_d", kind="delta", report=report("run_d"))
    assert job_report(JOB, [full, delta], [])["quarantined"] == []


def test_providers_whose_owner_a_person_should_look_at_are_lines_of_the_report() -> None:
    """With file, line and remedy like everything else; a certain owner is none."""
    certain = JOB["owners"][0]
    nobody = {**certain, "evidence": "fallback", "review": True, "file": "providers.csv", "line": 3}
    by_npi = {**certain, "evidence": "npi", "review": True, "file": "providers.csv", "line": 5}
    lines = job_report({**JOB, "owners": [certain, nobody, by_npi]}, [], [])["quarantined"]
    assert [(one["file"], one["line"], one["code"]) for one in lines] == [
        ("providers.csv", 3, "owner_fallback"),
        ("providers.csv", 5, "owner_uncertain"),
    ]
    assert all(one["remedy"] and one["object"] == "Users" for one in lines)
