"""Which command follows which word of progress: every state with every word."""

from collections.abc import Callable

import pytest
from bridgework_contracts.commands import DiffRun, FinishRun, OpenWave, TakeFingerprint
from bridgework_contracts.ids import RunId
from bridgework_contracts.runs import RunKind
from bridgework_control.domain.runs import (
    ENDED,
    RunState,
    RunView,
    Step,
    on_diff,
    on_fingerprint,
    on_report,
    on_wave_settled,
)

RUN = RunId("run_1")
FORWARD = (RunKind.REHEARSAL, RunKind.FULL, RunKind.DELTA)


def run(
    state: RunState,
    *,
    kind: RunKind = RunKind.FULL,
    open_wave: int = 1,
    last_wave: int = 3,
    settled_wave: int = 0,
) -> RunView:
    """A run as the decisions see it."""
    return RunView(RUN, kind, state, open_wave, last_wave, settled_wave=settled_wave)


def to_wave(wave: int) -> Step:
    """The step that opens a wave."""
    return Step(RunState.MOVING, wave, (OpenWave(run_id=RUN, wave=wave),))


# ---- a run from its start to its end ------------------------------------------------------------


@pytest.mark.parametrize("kind", list(RunKind))
def test_the_fingerprint_before_opens_the_first_wave(kind: RunKind) -> None:
    """Nothing is written before it is known what was there; true of an undo as well."""
    step = on_fingerprint(run(RunState.STARTING, kind=kind, open_wave=0), "before")
    assert step == to_wave(1)


@pytest.mark.parametrize("kind", list(RunKind))
def test_a_settled_wave_opens_the_next(kind: RunKind) -> None:
    """One after another."""
    assert on_wave_settled(run(RunState.MOVING, kind=kind, open_wave=2), 2) == to_wave(3)


@pytest.mark.parametrize("kind", FORWARD)
def test_the_last_settled_wave_of_a_load_asks_for_the_comparison(kind: RunKind) -> None:
    """Everything is read back before anything is reported."""
    step = on_wave_settled(run(RunState.MOVING, kind=kind, open_wave=3), 3)
    assert step == Step(RunState.COMPARING, 3, (DiffRun(run_id=RUN),))


def test_the_last_settled_wave_of_an_undo_asks_for_the_fingerprint_after_it() -> None:
    """An undo is proven, not compared."""
    step = on_wave_settled(run(RunState.MOVING, kind=RunKind.UNDO, open_wave=3), 3)
    proof = TakeFingerprint(run_id=RUN, label="after_undo")
    assert step == Step(RunState.PROVING, 3, (proof,))


def test_comparison_and_proof_ask_for_the_report_which_ends_the_run() -> None:
    """The same end for loads and undos."""
    report = Step(RunState.REPORTING, 3, (FinishRun(run_id=RUN),))
    assert on_diff(run(RunState.COMPARING, open_wave=3)) == report
    proving = run(RunState.PROVING, kind=RunKind.UNDO, open_wave=3)
    assert on_fingerprint(proving, "after_undo") == report
    assert on_report(run(RunState.REPORTING, open_wave=3)) == Step(RunState.FINISHED, 3)


def test_a_run_without_waves_goes_straight_on_after_its_fingerprint() -> None:
    """Nothing to write is settled already."""
    empty = run(RunState.STARTING, open_wave=0, last_wave=0)
    assert on_fingerprint(empty, "before") == Step(RunState.COMPARING, 0, (DiffRun(run_id=RUN),))


@pytest.mark.parametrize(
    ("settled_wave", "opened", "state"),
    [
        (0, [1], RunState.MOVING),
        (1, [1, 2], RunState.MOVING),
        (2, [1, 2, 3], RunState.MOVING),
        (3, [1, 2, 3], RunState.COMPARING),
    ],
)
def test_waves_that_settled_before_they_were_opened_are_passed(
    settled_wave: int, opened: list[int], state: RunState
) -> None:
    """A run without files settles their wave before its fingerprint is taken; it goes on."""
    step = on_fingerprint(run(RunState.STARTING, open_wave=0, settled_wave=settled_wave), "before")
    assert step is not None
    assert step.state is state
    assert step.open_wave == opened[-1]
    waves = [command.wave for command in step.commands if isinstance(command, OpenWave)]
    assert waves == opened


# ---- words that do not fit ----------------------------------------------------------------------

Word = Callable[[RunView], Step | None]
WORDS: dict[str, tuple[Word, RunState]] = {
    "fingerprint before": (lambda r: on_fingerprint(r, "before"), RunState.STARTING),
    "fingerprint after": (lambda r: on_fingerprint(r, "after_undo"), RunState.PROVING),
    "wave settled": (lambda r: on_wave_settled(r, r.open_wave), RunState.MOVING),
    "compared": (on_diff, RunState.COMPARING),
    "reported": (on_report, RunState.REPORTING),
}


@pytest.mark.parametrize("kind", list(RunKind))
@pytest.mark.parametrize("state", list(RunState))
@pytest.mark.parametrize("word", WORDS)
def test_a_word_moves_a_run_in_its_own_state_and_changes_nothing_in_any_other(
    word: str, state: RunState, kind: RunKind
) -> None:
    """Progress may come twice or late: ten states, five words, four kinds."""
    decide, fits = WORDS[word]
    step = decide(run(state, kind=kind, open_wave=2))
    assert (step is not None) == (state is fits)


@pytest.mark.parametrize("state", list(RunState))
def test_a_fingerprint_with_another_label_changes_nothing(state: RunState) -> None:
    """A person may ask for one at any time."""
    assert on_fingerprint(run(state), "now") is None


@pytest.mark.parametrize("wave", [0, 1, 3, 4, 99])
def test_only_the_open_wave_can_settle(wave: int) -> None:
    """The word about an earlier wave is stale, about a later one premature."""
    assert on_wave_settled(run(RunState.MOVING, open_wave=2), wave) is None


def test_the_states_that_end_a_run_are_three() -> None:
    """A paused run goes on."""
    assert {RunState.FINISHED, RunState.CANCELLED, RunState.FAILED} == ENDED
