"""Waves open one by one; paused and cancelled runs let nothing pass."""

import pytest
from bridgework_contracts.ids import JobId, RunId, TenantId
from bridgework_contracts.runs import RunKind, RunSpec, SourceSpec, Wave
from bridgework_service.gates import Passage, RunGate, RunState, passage


@pytest.mark.parametrize(
    ("state", "waves", "name", "expected"),
    [
        (RunState.RUNNING, {1}, "patient", Passage.GO),
        (RunState.RUNNING, {1}, "plan", Passage.HOLD),
        (RunState.PAUSED, {1}, "patient", Passage.HOLD),
        (RunState.CANCELLED, {1}, "plan", Passage.CANCELLED),
        (RunState.RUNNING, {1}, "unheard", Passage.NO_WAVE),
    ],
)
def test_gates_let_open_waves_of_running_runs_pass(
    state: RunState, waves: set[int], name: str, expected: Passage
) -> None:
    """An unknown run holds."""
    wave_of = {"patient": 1, "plan": 2}
    gate = RunGate(RunId("r"), state, frozenset(waves), wave_of)
    assert passage(gate, name) is expected
    assert passage(None, name) is Passage.HOLD


def test_the_waves_of_a_run_are_read_from_its_specification() -> None:
    """Each object belongs to the wave that names it."""
    spec = RunSpec(
        run_id=RunId("r"),
        job_id=JobId("j"),
        tenant_id=TenantId("t"),
        kind=RunKind.FULL,
        mapping={},
        mapping_hash="",
        waves=(Wave(index=1, objects=("a", "b")), Wave(index=2, objects=("c",))),
        fallback_user_id="1",
        migration_user_id="2",
        source=SourceSpec(export_path="x"),
    )
    gate = RunGate.of(spec, RunState.RUNNING, frozenset({2}))
    assert [passage(gate, name) for name in "abc"] == [Passage.HOLD, Passage.HOLD, Passage.GO]
    assert gate.migration_user_id == "2"
