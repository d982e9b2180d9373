"""What each gate asks of the evidence."""

from typing import Any

import pytest
from bridgework_control.domain.gates import Evidence, evidence_for
from bridgework_control.domain.jobs import NEEDED_BEFORE, Gate

G1, G2, G3, G4, G5, G6, G7 = Gate
ALL = frozenset(Gate)
JOB: dict[str, Any] = {
    "audit": {"hash": "a", "grade": "B", "blockers": []},
    "schema_plan": {"applied": True, "hash": "p", "drift": []},
    "live_names": {"Contacts": {}},
    "owners": [{"provider_key": "11", "user_id": "9"}],
    "mapping_hash": "m",
    "state": "loaded",
}


def run(kind: str, **more: Any) -> dict[str, Any]:
    """A finished, clean run."""
    return {
        "run_id": f"run_{kind}",
        "kind": kind,
        "state": "finished",
        "spec": {"undo_of": None},
        "report": {
            "balanced": True,
            "objects": {"Contacts": {"extracted": 1}},
            "journal_hash": "j",
        },
        "diff": {"mismatches": 0, "compared_records": 1},
        "fingerprints": {},
        **more,
    }


REHEARSED = [
    run("rehearsal", fingerprints={"before": {"Contacts": {"count": 1}}}),
    run(
        "undo",
        spec={"undo_of": "run_rehearsal"},
        fingerprints={"after_undo": {"Contacts": {"count": 1}}},
    ),
]


def blockers(gate: Gate, runs: list[dict[str, Any]] | None = None, **job: Any) -> tuple[str, ...]:
    """What stands in a gate's way when all gates before it are approved."""
    return evidence_for(gate, {**JOB, **job}, runs or [], ALL).blockers


@pytest.mark.parametrize("gate", list(Gate))
def test_a_gate_waits_for_each_gate_it_needs_by_name(gate: Gate) -> None:
    """One blocker for each that is missing, none for those approved."""
    runs = [*REHEARSED, run("full"), run("delta")]
    for need in NEEDED_BEFORE[gate]:
        told = evidence_for(gate, JOB, runs, ALL - {need}).blockers
        assert told == (f"{need} is not approved.",)
    assert evidence_for(gate, JOB, runs, frozenset(NEEDED_BEFORE[gate])).blockers == ()


def test_the_audit_gate_needs_an_audit_without_blockers() -> None:
    """The audit's own blockers are shown word for word."""
    assert blockers(G1) == ()
    assert blockers(G1, audit=None) == ("The export has not been audited.",)
    assert blockers(G1, audit={"blockers": ["No patients."]}) == ("No patients.",)


def test_the_schema_gate_needs_the_plan_read_back_without_drift() -> None:
    """Applied is not enough: what is there must be what was planned."""
    assert blockers(G2) == ()
    unread = ("The schema plan has not been applied and read back.",)
    assert blockers(G2, schema_plan=None) == unread
    assert blockers(G2, schema_plan={"applied": False}) == unread
    drifted = {"applied": True, "drift": ["Contacts.Zip__c is missing."]}
    assert blockers(G2, schema_plan=drifted) == ("Contacts.Zip__c is missing.",)


def test_the_mapping_gate_needs_resolved_owners() -> None:
    """No record may be written to nobody."""
    assert blockers(G3) == ()
    assert blockers(G3, owners=[]) == ("Owners have not been resolved.",)


@pytest.mark.parametrize(
    ("gate", "kind", "what"),
    [(G4, "rehearsal", "rehearsal"), (G5, "full", "full run"), (G6, "delta", "delta")],
)
def test_a_run_gate_needs_its_run_finished_balanced_and_without_mismatches(
    gate: Gate, kind: str, what: str
) -> None:
    """Each thing that is wrong is said."""
    others = [one for one in [*REHEARSED, run("full"), run("delta")] if one["kind"] != kind]
    good = next((one for one in REHEARSED if one["kind"] == kind), run(kind))

    def told(**more: Any) -> tuple[str, ...]:
        return blockers(gate, [{**good, **more}, *others])

    assert told() == ()
    assert told(state="moving") == (f"No finished {what}.",)
    assert told(state="cancelled") == (f"No finished {what}.",)
    assert told(report={"balanced": False}) == (f"The {what} does not balance.",)
    assert told(report=None) == (f"The {what} does not balance.",)
    assert told(diff={"mismatches": 3}) == (f"The {what} has 3 mismatches.",)
    assert f"No finished {what}." in blockers(gate, others)


def test_only_the_newest_run_of_a_kind_counts() -> None:
    """A clean one before does not excuse the one that failed since; nor is an old failure held."""
    assert blockers(G5, [run("full"), run("full", state="failed")]) == ("No finished full run.",)
    assert blockers(G5, [run("full", state="failed"), run("full")]) == ()


def test_the_rehearsal_gate_needs_the_undo_of_that_very_rehearsal() -> None:
    """Undone before, or another run undone, proves nothing."""
    rehearsal, undo = REHEARSED
    not_undone = ("The rehearsal has not been undone.",)
    assert blockers(G4, [rehearsal]) == not_undone
    assert blockers(G4, [rehearsal, {**undo, "state": "moving"}]) == not_undone
    assert blockers(G4, [rehearsal, {**undo, "spec": {"undo_of": "run_full"}}]) == not_undone
    again = {**rehearsal, "run_id": "run_rehearsal_2"}
    assert blockers(G4, [rehearsal, undo, again]) == not_undone


def test_the_rehearsal_gate_needs_the_same_fingerprint_after_as_before() -> None:
    """Proven gone, not believed gone."""
    rehearsal, undo = REHEARSED
    differs = ("The fingerprint after the undo differs from the one before.",)
    after = {**undo, "fingerprints": {"after_undo": {"Contacts": {"count": 2}}}}
    assert blockers(G4, [rehearsal, after]) == differs
    assert blockers(G4, [{**rehearsal, "fingerprints": {}}, undo]) == differs
    neither = [{**rehearsal, "fingerprints": {}}, {**undo, "fingerprints": {}}]
    assert blockers(G4, neither) == differs


@pytest.mark.parametrize(
    ("state", "clear"), [("loaded", True), ("delta_loaded", True), ("delta_running", False),
                         ("undoing", False), ("undone", False), ("ready", False)]
)  # fmt: skip
def test_nobody_goes_live_while_a_run_is_under_way_or_undone(state: str, *, clear: bool) -> None:
    """Only from a loaded org."""
    assert blockers(G7, state=state) == (() if clear else ("A run is under way or undone.",))


def test_what_the_approver_signs_changes_with_the_facts_and_with_nothing_else() -> None:
    """The hash is over the facts in one order; blockers are not part of it."""
    one = Evidence({"b": 1, "a": {"y": 2, "x": 3}}, ())
    same = Evidence({"a": {"x": 3, "y": 2}, "b": 1}, ("blocked",))
    assert one.hash == same.hash
    assert one.hash != Evidence({"b": 1, "a": {"y": 2, "x": 4}}, ()).hash


def test_the_facts_of_a_run_gate_name_run_counts_comparison_and_journal() -> None:
    """Two gates over equal facts are still two signatures."""
    facts = evidence_for(G5, JOB, [run("full")], ALL).facts
    assert facts == {
        "gate": "G5",
        "run_id": "run_full",
        "objects": {"Contacts": {"extracted": 1}},
        "diff": {"mismatches": 0, "compared_records": 1},
        "journal_hash": "j",
    }
    hashes = {
        evidence_for(gate, JOB, [*REHEARSED, run("full"), run("delta")], ALL).hash for gate in Gate
    }
    assert len(hashes) == len(Gate)
