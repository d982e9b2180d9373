"""What a consumer loop does with success, trouble and crashes: named, so that docs can table them.

| | ``IN_ORDER`` | ``SPREAD`` |
| --- | --- | --- |
| within a partition | one batch at a time | several batches at once |
| handler returns | batch done | batch done; committed up to the first unfinished record |
| ``Hold`` | the rest offered again on release | the same; no new batch starts meanwhile |
| ``TransientError`` | batch again, growing pauses, for ever | the same; no new batch meanwhile |
| ``TerminalError`` | one by one, the culprit becomes a dead letter | the same |
| anything else | not committed, process stops; alone after restarts; poison after 3 | the same |

Both are patient for ever by default: while a destination is away waiting loses nothing, and dead
letters would cost a person's work. ``transient_limit_s`` or ``transient_attempts`` bound it where a
person should look earlier.
"""

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class AckPolicy:
    """How one subject is consumed.

    Attributes:
        name: In docs and logs.
        ordering: ``partition``: one batch after another; ``none``: ``lanes`` batches at once, the
            commit follows the longest finished run.
        batch_size: Most deliveries a handler gets at once.
        lanes: Batches of one partition in flight when ordering is ``none``.
        linger_s: How long a batch may wait to become full; 0 hands over what is there.
        buffered_batches: Batches read ahead per partition before it is paused.
        most_in_flight: Records read and not handled, over all partitions that make progress.
        transient_limit_s: Patience with one batch; ``None`` is for ever.
        transient_attempts: Tries of one batch; ``None`` is any number.
        on_exhausted: What happens when patience ends: ``dead_letter`` (one by one, one more try
            each) or ``stop`` (the process, nothing committed).
        first_pause_s: Before the second try; doubles, with jitter.
        longest_pause_s: Upper bound of a pause, unless the error asks for a longer one.
        poison_after: Process ends that one record may cause before it is dead-lettered.
        hold_poll_s: How often a held batch is offered again without having been released.
        commit_interval_s: How often finished offsets are committed.
        drain_timeout_s: How long batches may finish when we stop or lose the partition.
    """

    name: str
    ordering: Literal["partition", "none"] = "partition"
    batch_size: int = 500
    lanes: int = 1
    linger_s: float = 0.0
    buffered_batches: int = 3
    most_in_flight: int = 10_000
    transient_limit_s: float | None = None
    transient_attempts: int | None = None
    on_exhausted: Literal["dead_letter", "stop"] = "dead_letter"
    first_pause_s: float = 0.2
    longest_pause_s: float = 30.0
    poison_after: int = 3
    hold_poll_s: float = 0.5
    commit_interval_s: float = 0.5
    drain_timeout_s: float = 20.0

    def sized(self, batch_size: int) -> "AckPolicy":
        """Return the same policy with another batch size."""
        return replace(self, batch_size=batch_size)

    @property
    def concurrency(self) -> int:
        """Batches of one partition that may run at once."""
        return self.lanes if self.ordering == "none" else 1

    @property
    def buffer_records(self) -> int:
        """Records of one partition that may wait for their batch."""
        return self.batch_size * self.buffered_batches


IN_ORDER = AckPolicy("in_order")
SPREAD = AckPolicy("spread", ordering="none", batch_size=8, lanes=8, buffered_batches=16)
