"""Peak memory of a set of processes and their children, sampled."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import psutil

_EVERY_S = 3.0
_MIB = 1024 * 1024


class Memory:
    """Watches processes; ``peak_mib`` is the largest sum of their resident memory seen.

    Shared pages are divided among the processes that share them (proportional set size).
    """

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self.peak_mib = 0

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Sample for the length of a block."""
        task = asyncio.create_task(self._sample())
        try:
            yield
        finally:
            task.cancel()

    async def _sample(self) -> None:
        while True:
            self.peak_mib = max(self.peak_mib, self._now())
            await asyncio.sleep(_EVERY_S)

    def _now(self) -> int:
        total = 0
        for pid in self._pids:
            try:
                process = psutil.Process(pid)
                family = [process, *process.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
            for member in family:
                try:
                    info = member.memory_full_info()
                    total += getattr(info, "pss", 0) or info.rss
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue
        return total // _MIB
