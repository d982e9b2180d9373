"""Whether the outcomes that decide about parents have all been read."""

from bridgework_contracts.ids import RunId
from bridgework_eventlog.port import EventLog, TopicPartition


class OutcomesRead:
    """Tells whether what we know of parents is how they are now.

    Files are let through once every record of the earlier waves has an outcome on the log. So the
    end of the log at that moment is behind every parent: once our group has committed that far, a
    parent we do not know is not in Zoho, and none that we know was deleted or made anew meanwhile.
    """

    def __init__(self, log: EventLog, *, group: str, topic: str) -> None:
        self._log = log
        self._group = group
        self._topic = topic
        self._ends: dict[RunId, dict[TopicPartition, int]] = {}
        self._complete: set[RunId] = set()

    async def complete(self, run_id: RunId) -> bool:
        """Tell whether everything on the log when this was first asked has been read."""
        if run_id in self._complete:
            return True
        # Several batches ask at once: while one waits here another may finish the question.
        ends = self._ends.get(run_id)
        if ends is None:
            ends = self._ends.setdefault(run_id, await self._log.end_offsets([self._topic]))
        committed = await self._log.committed(self._group, [self._topic])
        if any(committed.get(at, 0) < end for at, end in ends.items()):
            return False
        self._complete.add(run_id)
        self._ends.pop(run_id, None)
        return True
