"""PostgreSQL as a child process: for tests (throw-away) and for one-machine use (kept).

The folder given to the server holds ``data`` (PostgreSQL's own), ``password``, ``server.log`` and a
lock, so that two launchers never run one folder and an orphan of a killed launcher is taken over.
"""

import asyncio
import fcntl
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import TextIOWrapper
from pathlib import Path

import asyncpg

from bridgework_embedded.accounts import place_within_reach, server_account
from bridgework_embedded.binaries import PostgresPrograms, find_postgres
from bridgework_embedded.errors import LauncherError
from bridgework_embedded.processes import (
    Child,
    free_port,
    is_alive,
    log_tail,
    run_tool,
    start_child,
)

_START_TIMEOUT_S = 60.0  # crash recovery of a large folder may take a while
_STOP_TIMEOUT_S = 30.0
_PORT_TRIES = 3


class PostgresServer:
    """One PostgreSQL server on the loopback interface.

    Attributes:
        home: Where the data lies (see ``place_within_reach`` for the one exception).
        durable: Whether a commit survives a power cut; ``False`` only for throw-away data.
    """

    def __init__(
        self,
        home: Path,
        *,
        durable: bool,
        port: int | None = None,
        max_connections: int = 200,
        throw_away: bool = False,
    ) -> None:
        self._account = server_account()
        self.home = place_within_reach(home, self._account)
        self.durable = durable
        self._wanted_port = port
        self._max_connections = max_connections
        self._throw_away = throw_away
        self._port = 0
        self._password = ""
        self._child: Child | None = None
        self._lock: TextIOWrapper | None = None

    @property
    def dsn(self) -> str:
        """Connection address of the maintenance database; known after ``start``."""
        return self.dsn_for("postgres")

    def dsn_for(self, database: str) -> str:
        """Return the connection address of one database of this server."""
        if self._child is None:
            raise LauncherError("The PostgreSQL server is not running.", remedy="Start it first.")
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self._port}/{database}"

    @property
    def pid(self) -> int | None:
        """Process id of the server, ``None`` when it is not running."""
        return self._child.process.pid if self._child is not None else None

    async def start(self) -> None:
        """Create the data folder if it is new, start the server, return when it answers.

        Raises:
            LauncherError: No programs, folder in use, or the server ended at once (with its log).
        """
        self._take_lock()
        try:
            await asyncio.to_thread(self._stop_orphan)
            programs = await asyncio.to_thread(self._prepare)
            for attempt in range(_PORT_TRIES):
                self._port = self._wanted_port or free_port()
                self._child = await asyncio.to_thread(self._spawn, programs)
                if await self._answers(last=attempt == _PORT_TRIES - 1):
                    return
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Shut down fast (open transactions roll back); data stays. Safe to call twice."""
        if self._child is not None:
            await self._child.stop(timeout_s=_STOP_TIMEOUT_S)
            self._child = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # -- steps of start ---------------------------------------------------------------------

    def _take_lock(self) -> None:
        lock = (self.home / "lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise LauncherError(
                f"{self.home} is in use by process {holder}.",
                remedy="Stop that process, or choose another folder.",
            ) from exc
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _stop_orphan(self) -> None:
        """Stop a server whose launcher was killed: we hold the lock, so nobody is using it."""
        pid_file = self.home / "data" / "postmaster.pid"
        try:
            pid = int(pid_file.read_text(encoding="utf-8").split("\n", 1)[0])
        except (OSError, ValueError):
            return
        status, printed = run_tool(
            ["/bin/ps", "-p", str(pid), "-o", "args="], cwd=Path("/"), timeout_s=10
        )
        if status != 0 or str(self.home / "data") not in printed:
            return  # stale file; the server itself checks and removes it
        os.kill(pid, signal.SIGINT)
        for _ in range(int(_STOP_TIMEOUT_S / 0.1)):
            if not is_alive(pid):
                return
            time.sleep(0.1)
        raise LauncherError(
            f"A PostgreSQL server (process {pid}) of an earlier run does not end.",
            remedy="Stop it by hand and start again.",
        )

    def _prepare(self) -> PostgresPrograms:
        """Create the data folder when it is new; return the programs that fit it."""
        data = self.home / "data"
        password_file = self.home / "password"
        version_file = data / "PG_VERSION"
        if version_file.exists():
            self._password = password_file.read_text(encoding="utf-8").strip()
            major = int(version_file.read_text(encoding="utf-8"))
            return find_postgres(self._account, major=major)
        programs = find_postgres(self._account)
        shutil.rmtree(data, ignore_errors=True)  # left by an initdb that was interrupted
        data.mkdir(mode=0o700)
        self._password = secrets.token_hex(16)
        password_file.touch(mode=0o600)
        password_file.write_text(self._password, encoding="utf-8")
        if self._account is not None:
            self._account.own(data, password_file)
        printed = ""
        for locale in ("C.UTF-8", "C"):  # old macOS has no C.UTF-8
            code, printed = run_tool(
                [
                    str(programs.initdb),
                    *("-D", str(data), "-U", "postgres", "-A", "scram-sha-256"),
                    *("--pwfile", str(password_file), "-E", "UTF8", "--locale", locale),
                    *("--no-instructions", *(() if self.durable else ("--no-sync",))),
                ],
                cwd=self.home,
                account=self._account,
                timeout_s=120,
            )
            if code == 0:
                return programs
        raise LauncherError(
            f"initdb of PostgreSQL {programs.major} ({programs.origin}) failed.",
            remedy="Check free disk space and that the folder is writable.",
            log_tail=printed[-2000:],
        )

    def _spawn(self, programs: PostgresPrograms) -> Child:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": "",  # TCP with a password is enough, and has no path limit
            "max_connections": str(self._max_connections),
            "jit": "off",  # our statements are short; compiling them costs more than it saves
            "max_wal_size": "2GB",  # appends are large: fewer checkpoints
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self.durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        settings = [word for item in options.items() for word in ("-c", "=".join(item))]
        return start_child(
            [str(programs.postgres), "-D", str(self.home / "data"), *settings],
            log_path=self.home / "server.log",
            cwd=self.home,
            account=self._account,
            stop_signal=signal.SIGINT,
            throw_away=self.home if self._throw_away else None,
        )

    async def _answers(self, *, last: bool) -> bool:
        """Wait for a real connection; ``False`` when the port was taken and may be tried anew."""
        child = self._child
        if child is None:
            return False
        deadline = asyncio.get_running_loop().time() + _START_TIMEOUT_S
        while asyncio.get_running_loop().time() < deadline:
            if child.exited:
                tail = log_tail(self.home / "server.log")
                await child.stop(timeout_s=1)
                if self._wanted_port is None and not last and "could not bind" in tail:
                    return False
                raise LauncherError(
                    "PostgreSQL ended while starting.",
                    remedy="Its log says why.",
                    log_tail=tail,
                )
            try:
                connection = await asyncpg.connect(self.dsn, timeout=5)
            except (OSError, asyncpg.CannotConnectNowError):
                await asyncio.sleep(0.02)
                continue
            await connection.close()
            return True
        raise LauncherError(
            f"PostgreSQL did not answer within {_START_TIMEOUT_S:g} s.",
            remedy="Its log says what it is doing.",
            log_tail=log_tail(self.home / "server.log"),
        )


@asynccontextmanager
async def running_postgres(
    data_dir: Path | None,
    *,
    durable: bool,
    port: int | None = None,
    max_connections: int = 200,
) -> AsyncIterator[PostgresServer]:
    """Run a PostgreSQL server for the length of a block.

    Args:
        data_dir: Folder that keeps the data; ``None`` is a temporary one, removed afterwards.
        durable: ``False`` trades crash safety for speed: tests only.
        port: Fixed port; ``None`` takes a free one.
        max_connections: Server limit.

    Raises:
        LauncherError: See ``PostgresServer.start``.
    """
    throw_away = data_dir is None
    home = data_dir or Path(tempfile.mkdtemp(prefix="bridgework-pg-"))
    if throw_away:
        home.chmod(0o755)  # the server's account must get to the data folder below
    server = PostgresServer(
        home,
        durable=durable,
        port=port,
        max_connections=max_connections,
        throw_away=throw_away,
    )
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
        if throw_away:
            await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)
