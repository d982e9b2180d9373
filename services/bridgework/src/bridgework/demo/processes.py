"""The demo's two processes: the sandbox, and ``bridgework up``."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from bridgework.api import ApiProblem

_STOP_TIMEOUT_S = 40.0


@asynccontextmanager
async def running(name: str, arguments: Sequence[str], log_file: Path) -> AsyncIterator[int]:
    """Run one of our modules as a child; its output goes to ``log_file``; ended at the end."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("wb") as out:
        child = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        yield child.pid
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await child.wait()
            except TimeoutError:
                child.kill()
                await child.wait()
    if child.returncode not in {0, -signal.SIGTERM}:
        raise ApiProblem(500, f"{name}_failed", f"exit code {child.returncode}; see {log_file}")


async def answers(url: str, timeout_s: float = 60.0) -> None:
    """Wait until a URL answers 2xx.

    Raises:
        ApiProblem: it does not within ``timeout_s``.
    """
    deadline = asyncio.get_running_loop().time() + timeout_s
    async with httpx.AsyncClient() as http:
        while asyncio.get_running_loop().time() < deadline:
            try:
                if (await http.get(url)).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    raise ApiProblem(503, "not_ready", f"{url} does not answer after {timeout_s:.0f} s")
