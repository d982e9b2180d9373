"""What a consumer loop does with success, trouble and crashes: named, so that docs can table them.

| policy | order within a partition | transient error | terminal error | crash |
| --- | --- | --- | --- | --- |
| ``IN_ORDER`` | one batch at a time | batch again, growing pauses, for ever | dead letter | again, poison after 3 |
| ``SPREAD`` | several batches at once | the same | dead letter | again, poison after 3 |
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
        buffered_batches: Batches read ahead per partition before it is paused.
        transient_limit_s: Give up a batch after so long and dead-letter it; ``None`` never: while
            the destination is away, waiting loses nothing and dead letters would.
        first_pause_s: Before the second try; doubles with jitter.
        longest_pause_s: Upper bound of a pause.
        poison_after: Process ends that one record may cause before it is dead-lettered.
        hold_poll_s: How often a held batch is offered again without having been released.
        commit_interval_s: How often finished offsets are committed.
    """

    name: str
    ordering: Literal["partition", "none"] = "partition"
    batch_size: int = 500
    lanes: int = 1
    buffered_batches: int = 3
    transient_limit_s: float | None = None
    first_pause_s: float = 0.2
    longest_pause_s: float = 30.0
    poison_after: int = 3
    hold_poll_s: float = 0.5
    commit_interval_s: float = 0.5

    def sized(self, batch_size: int) -> "AckPolicy":
        """Return the same policy with another batch size."""
        return replace(self, batch_size=batch_size)


IN_ORDER = AckPolicy("in_order")
SPREAD = AckPolicy("spread", ordering="none", batch_size=8, lanes=8, buffered_batches=16)
