"""What may be committed, and when a batch may start: pure bookkeeping."""

import asyncio
from datetime import UTC, datetime

from bridgework_eventlog.lane import Lane
from bridgework_eventlog.policies import AckPolicy
from bridgework_eventlog.port import Record, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

_TP = TopicPartition("t", 0)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _records(*offsets: int) -> list[Record]:
    return [Record("t", 0, offset, b"k", b"v", {}, _NOW) for offset in offsets]


def test_nothing_is_committed_before_anything_was_finished() -> None:
    """A lane that read and handled nothing has nothing to say, one that read says where it is."""
    lane = Lane(_TP, {})
    assert lane.to_commit is None
    lane.put(_records(5, 6), 0.0)
    assert lane.to_commit == 5


def test_commit_stays_before_the_first_unfinished_batch() -> None:
    """Out of order: the second batch finishes first and changes nothing until the first does."""
    lane = Lane(_TP, {})
    lane.put(_records(0, 1, 2, 3, 4, 5), 0.0)
    first = lane.begin(lane.take(2))
    second = lane.begin(lane.take(2))
    lane.end(second)
    assert lane.to_commit == 0
    lane.end(first)
    assert lane.to_commit == 4
    lane.committed(4)
    assert lane.to_commit is None


def test_suspects_run_alone() -> None:
    """A batch ends before a suspect, a suspect is a batch."""
    lane = Lane(_TP, {2: 1})
    lane.put(_records(0, 1, 2, 3, 4), 0.0)
    sizes = [[record.offset for record in lane.take(10)] for _ in range(3)]
    assert sizes == [[0, 1], [2], [3, 4]]


def test_a_batch_waits_for_its_linger_or_until_it_is_full() -> None:
    """Few records wait, a full batch does not."""
    policy = AckPolicy("p", batch_size=3, linger_s=1.0)
    lane = Lane(_TP, {})
    assert lane.ready_in(policy, 0.0) is None
    lane.put(_records(0), 10.0)
    assert lane.ready_in(policy, 10.25) == 0.75
    lane.put(_records(1, 2), 10.5)
    assert lane.ready_in(policy, 10.5) == 0.0


async def test_nothing_starts_while_a_batch_waits_and_a_close_wakes_it() -> None:
    """Retry pauses block the lane; closing it ends the pause at once."""
    policy = AckPolicy("p", ordering="none", lanes=4)
    lane = Lane(_TP, {})
    lane.put(_records(0, 1), 0.0)
    waiting = asyncio.create_task(lane.wait(60))
    await asyncio.sleep(0)
    assert lane.ready_in(policy, 0.0) is None
    lane.close()
    await asyncio.wait_for(waiting, 1)
    assert lane.closed


@given(st.data())
def test_commit_never_passes_an_unfinished_record(data: st.DataObject) -> None:
    """Whatever the order of reads, batches and finishes: all before the commit is finished."""
    lane = Lane(_TP, {})
    read = 0
    running: list[tuple[object, list[int]]] = []
    unfinished: set[int] = set()
    for _ in range(data.draw(st.integers(1, 40))):
        step = data.draw(st.sampled_from(["put", "take", "end", "commit"]))
        if step == "put":
            count = data.draw(st.integers(1, 5))
            lane.put(_records(*range(read, read + count)), 0.0)
            unfinished.update(range(read, read + count))
            read += count
        elif step == "take" and lane.queued:
            taken = lane.take(data.draw(st.integers(1, 4)))
            running.append((lane.begin(taken), [record.offset for record in taken]))
        elif step == "end" and running:
            batch, offsets = running.pop(data.draw(st.integers(0, len(running) - 1)))
            lane.end(batch)  # type: ignore[arg-type] # begin() returned it
            unfinished.difference_update(offsets)
        elif step == "commit" and (offset := lane.to_commit) is not None:
            assert offset == min(unfinished, default=read)
            lane.committed(offset)
