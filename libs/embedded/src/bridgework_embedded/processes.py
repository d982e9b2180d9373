"""A server as a child process that never outlives us.

Whoever starts a server may be killed with SIGKILL and then cannot stop it. So each server gets a
guard: a tiny shell that waits on a pipe only we hold. When we die the pipe closes, and the guard
stops the server (and removes its folder when the data was throw-away).
"""

import asyncio
import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bridgework_embedded.accounts import Account, PopenIdentity

_GUARD = """
read -r _
kill -s "$1" "$2" 2>/dev/null
if [ -n "$3" ]; then
  tries=0
  while kill -0 "$2" 2>/dev/null && [ "$tries" -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
  rm -rf -- "$3"
fi
"""


def free_port() -> int:
    """Return a TCP port on the loopback interface that nobody listens on right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def log_tail(path: Path, *, lines: int = 25) -> str:
    """Return the last lines of a log file, an empty string when there is none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def is_alive(pid: int) -> bool:
    """Tell whether a process with this id exists (a zombie counts)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@dataclass
class Child:
    """A running server and its guard."""

    process: subprocess.Popen[bytes]
    guard: subprocess.Popen[bytes]
    stop_signal: signal.Signals

    @property
    def exited(self) -> bool:
        """Whether the server has ended by itself."""
        return self.process.poll() is not None

    async def stop(self, *, timeout_s: float) -> None:
        """End the server politely, and by force after ``timeout_s``; safe to call twice."""
        if not self.exited:
            self.process.send_signal(self.stop_signal)
        try:
            await asyncio.to_thread(self.process.wait, timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            await asyncio.to_thread(self.process.wait, 10)
        finally:
            self._dismiss_guard()

    def kill(self) -> None:
        """SIGKILL the server and everything in its process group, as a crash would."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def _dismiss_guard(self) -> None:
        self.guard.kill()
        if self.guard.stdin is not None:
            self.guard.stdin.close()
        self.guard.wait(timeout=10)


def start_child(
    command: Sequence[str],
    *,
    log_path: Path,
    cwd: Path,
    account: Account | None = None,
    env: Mapping[str, str] | None = None,
    stop_signal: signal.Signals,
    throw_away: Path | None = None,
) -> Child:
    """Start a server in its own process group, its output appended to ``log_path``.

    Args:
        command: Program and arguments.
        log_path: Where standard output and error go.
        cwd: Working folder of the server.
        account: Account to run as; ``None`` keeps ours.
        env: Environment; ``None`` inherits ours.
        stop_signal: What asks this server to end in an orderly way.
        throw_away: Folder the guard removes when we die without stopping the server.

    Raises:
        OSError: The program cannot be executed.
    """
    identity = account.popen_arguments() if account is not None else PopenIdentity()
    with log_path.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - the command is built by the launchers, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=env,
            start_new_session=True,
            **identity,
        )
    guard = subprocess.Popen(  # noqa: S603 - constant script, arguments passed as words
        [
            "/bin/sh",
            "-c",
            _GUARD,
            "guard",
            stop_signal.name.removeprefix("SIG"),
            str(process.pid),
            str(throw_away or ""),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return Child(process, guard, stop_signal)


def run_tool(
    command: Sequence[str],
    *,
    cwd: Path,
    account: Account | None = None,
    timeout_s: float,
) -> tuple[int, str]:
    """Run a short program to its end; return its code and what it printed (both streams)."""
    identity = account.popen_arguments() if account is not None else PopenIdentity()
    try:
        done = subprocess.run(  # noqa: S603 - the command is built by the launchers, no shell
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
            **identity,
        )
    except OSError as exc:
        return 126, f"{shlex.join(command[:1])}: {exc.strerror}"
    except subprocess.TimeoutExpired as exc:
        printed = exc.stdout or b""
        return 124, f"{printed.decode(errors='replace')}\n(no end after {timeout_s:g} s)"
    return done.returncode, done.stdout.decode(errors="replace")
