"""States of a job, the gates it needs, and the waves of an undo."""

from bridgework_contracts.runs import RunKind, Wave
from bridgework_control.domain.jobs import (
    AFTER,
    BUSY,
    DURING,
    GATE_MEANING,
    NEEDED_BEFORE,
    NEEDED_FOR_RUN,
    Gate,
    JobState,
)
from bridgework_control.domain.undo import undo_waves


def test_every_kind_of_run_has_a_state_while_it_goes_and_one_after() -> None:
    """And the job is busy while it goes, never after."""
    assert set(DURING) == set(AFTER) == set(NEEDED_FOR_RUN) == set(RunKind)
    assert set(DURING.values()) <= BUSY
    assert not BUSY & set(AFTER.values())
    assert BUSY - set(DURING.values()) == {JobState.AUDITING, JobState.APPLYING_SCHEMA}


def test_nothing_is_written_without_the_gates_before_it() -> None:
    """A rehearsal needs the confirmed mapping, a full run the rehearsal, a delta the full run."""
    g1, g2, g3, g4, g5 = list(Gate)[:5]
    assert set(NEEDED_FOR_RUN[RunKind.REHEARSAL]) == {g1, g2, g3}
    assert set(NEEDED_FOR_RUN[RunKind.FULL]) == {g1, g2, g3, g4}
    assert set(NEEDED_FOR_RUN[RunKind.DELTA]) == {g5}


def test_an_undo_is_never_kept_waiting_by_a_gate() -> None:
    """Going back must always be possible."""
    assert NEEDED_FOR_RUN[RunKind.UNDO] == ()


def test_gates_stand_in_one_order_and_each_has_a_meaning() -> None:
    """A gate needs only gates before it, and from the last one all others can be reached."""
    order = list(Gate)
    assert set(GATE_MEANING) == set(NEEDED_BEFORE) == set(order)
    for gate in order:
        assert all(order.index(need) < order.index(gate) for need in NEEDED_BEFORE[gate])
    reached: set[Gate] = set()
    todo = [Gate.G7_GO_LIVE]
    while todo:
        gate = todo.pop()
        reached.add(gate)
        todo.extend(NEEDED_BEFORE[gate])
    assert reached == set(order)


def test_an_undo_goes_through_the_same_waves_backwards() -> None:
    """Children before parents, numbered from one, nothing lost."""
    waves = (
        Wave(index=2, objects=("patient",)),
        Wave(index=1, objects=("carrier", "location")),
        Wave(index=5, objects=("note",)),
    )
    assert undo_waves(waves) == (
        Wave(index=1, objects=("note",)),
        Wave(index=2, objects=("patient",)),
        Wave(index=3, objects=("carrier", "location")),
    )
    assert undo_waves(()) == ()
