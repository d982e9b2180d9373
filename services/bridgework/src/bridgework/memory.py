"""Peak memory of a set of processes and their children, sampled."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import psutil

_EVERY_S = 3.0
_MIB = 1024 * 1024


class Memory:
    """Watches named processes with their children.

    ``peak_mib`` is the largest sum of their memory seen, ``peaks_mib`` the largest of each.

    Shared pages are divided among the processes that share them (proportional set size).
    """

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self.peak_mib = 0
        self.peaks_mib: dict[str, int] = {}

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
        for name, pid in self._pids.items():
            own = 0
            try:
                process = psutil.Process(pid)
                own_process = pid == os.getpid()
                # Our own children are the other names here: each is counted under its own.
                family = [process] if own_process else [process, *process.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
            for member in family:
                try:
                    info = member.memory_full_info()
                    own += getattr(info, "pss", 0) or info.rss
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue
            self.peaks_mib[name] = max(self.peaks_mib.get(name, 0), own // _MIB)
            total += own
        return total // _MIB
