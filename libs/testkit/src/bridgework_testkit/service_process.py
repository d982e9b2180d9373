"""A service as its own process, for end-to-end and chaos tests: start, wait, kill, start again."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
from bridgework_embedded.processes import Child, log_tail, start_child

_OK = 200


class ServiceProcess:
    """``python -m <module>`` with an environment, a health address and a log file.

    The process ends when the test process does, even by SIGKILL.

    Args:
        module: e.g. ``bridgework_loader``.
        env: Added to our own environment; settings of the service.
        url: Base address of its HTTP port, e.g. ``http://127.0.0.1:8101``; the port must be the
            one in ``env``, so that it stays the same after a restart.
        log_path: Gets what it prints, restarts appended.
    """

    def __init__(self, module: str, *, env: Mapping[str, str], url: str, log_path: Path) -> None:
        self.module = module
        self.url = url.rstrip("/")
        self.log_path = log_path
        self._env = dict(env)
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """Process id, ``None`` while it is not running."""
        return self._child.process.pid if self._child is not None else None

    async def start(self, *, ready_within_s: float = 60.0) -> None:
        """Start the process and return when ``/readyz`` answers 200.

        Raises:
            AssertionError: It ended or did not get ready in time; holds the end of its log.
        """
        if self._child is not None:
            raise AssertionError(f"{self.module} runs already")
        self._child = start_child(
            [sys.executable, "-m", self.module],
            log_path=self.log_path,
            cwd=self.log_path.parent,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self._env},
            stop_signal=signal.SIGTERM,
        )
        try:
            await self._until_ready(self._child, ready_within_s)
        except BaseException:
            await self.kill()
            raise

    async def kill(self) -> None:
        """End it with SIGKILL, as a crash or the out-of-memory killer would."""
        if self._child is not None:
            self._child.kill()
            await self._child.stop(timeout_s=10)
            self._child = None

    async def stop(self, *, timeout_s: float = 40.0) -> int:
        """End it with SIGTERM and return its exit code; it drains first.

        Raises:
            AssertionError: It was not running, or did not end in time (it is killed then).
        """
        child = self._child
        if child is None:
            raise AssertionError(f"{self.module} is not running")
        self._child = None
        await child.stop(timeout_s=timeout_s)
        code = child.process.returncode
        if code == -signal.SIGKILL:
            raise AssertionError(f"{self.module} did not stop within {timeout_s:g} s")
        return code

    async def restart(self, *, ready_within_s: float = 60.0) -> None:
        """Kill it and start it again."""
        await self.kill()
        await self.start(ready_within_s=ready_within_s)

    async def wait(self, *, timeout_s: float = 60.0) -> int:
        """Wait until it ends by itself and return its exit code.

        Raises:
            TimeoutError: It goes on.
        """
        child = self._child
        if child is None:
            raise AssertionError(f"{self.module} is not running")
        async with asyncio.timeout(timeout_s):
            while not child.exited:  # noqa: ASYNC110 - a process has no event
                await asyncio.sleep(0.05)
        self._child = None
        await child.stop(timeout_s=1)
        return child.process.returncode

    async def _until_ready(self, child: Child, within_s: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        async with httpx.AsyncClient(base_url=self.url, timeout=2.0) as http:
            while loop.time() < deadline:
                if child.exited:
                    break
                try:
                    answer = await http.get("/readyz")
                except httpx.TransportError:
                    pass
                else:
                    if answer.status_code == _OK:
                        return
                await asyncio.sleep(0.05)
        state = f"ended with {child.process.returncode}" if child.exited else "is not ready"
        tail = log_tail(self.log_path, lines=40)
        raise AssertionError(f"{self.module} {state} after {within_s:g} s; its log ends:\n{tail}")
