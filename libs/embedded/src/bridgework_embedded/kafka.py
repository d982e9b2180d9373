"""A real single-node Kafka as a child process: no Docker, only Java and the jars.

``home`` holds ``data``, ``server.properties`` (written at each start from our template),
``server.log`` and ``cluster_id``. Ready means that the broker answers a metadata request, not that
its port is open.
"""

import asyncio
import base64
import logging
import os
import shutil
import signal
import string
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from aiokafka.admin import (  # type: ignore[import-untyped]  # it ships no types
    AIOKafkaAdminClient,
)
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # likewise

from bridgework_embedded.errors import LauncherError
from bridgework_embedded.kafka_jars import default_jars_dir, find_java, provide_jars, template
from bridgework_embedded.processes import Child, free_port, log_tail, run_tool, start_child

_START_TIMEOUT_S = 90.0  # 3 s on an idle machine; a busy one that starts three of them needs more
_STOP_TIMEOUT_S = 10.0
_FORMAT_TIMEOUT_S = 60.0

_BOOTSTRAP_VARIABLES = ("KAFKA_BOOTSTRAP_SERVERS", "TEST_KAFKA_BOOTSTRAP")


class KafkaServer:
    """One Kafka node on the loopback interface."""

    def __init__(
        self,
        home: Path,
        *,
        jars_dir: Path | None = None,
        port: int | None = None,
        heap_mb: int = 384,
    ) -> None:
        self.home = home.absolute()
        self._jars_dir = jars_dir or default_jars_dir()
        self._port = port or free_port()
        self._controller_port = free_port()
        self._heap_mb = heap_mb
        self._child: Child | None = None

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients; the same across ``start`` and ``stop`` of this object."""
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """Process id of the broker, ``None`` when it is not running."""
        return self._child.process.pid if self._child is not None else None

    async def start(self) -> None:
        """Fetch jars if needed, format a new data folder, start, return when the broker answers.

        Raises:
            LauncherError: Java or Maven is missing, or the broker ended (with its log).
        """
        java = await asyncio.to_thread(find_java)
        jars = await asyncio.to_thread(provide_jars, self._jars_dir)
        try:
            self._child = await asyncio.to_thread(self._spawn, java, jars)
            await self._wait_until_it_answers(self._child)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Shut down in order, by force after 10 s; data stays. Safe to call twice."""
        if self._child is not None:
            await self._child.stop(timeout_s=_STOP_TIMEOUT_S)
            self._child = None

    async def kill(self) -> None:
        """End the broker as a crash would (SIGKILL); ``start`` brings it back."""
        if self._child is not None:
            self._child.kill()
            await self.stop()

    def _spawn(self, java: Path, jars: Path) -> Child:
        data = self.home / "data"
        self.home.mkdir(parents=True, exist_ok=True)
        properties = self.home / "server.properties"
        properties.write_text(
            string.Template(template("server.properties")).substitute(
                port=self._port, controller_port=self._controller_port, data_dir=data
            ),
            encoding="utf-8",
        )
        logging_file = self.home / "log4j2.properties"
        logging_file.write_text(template("log4j2.properties"), encoding="utf-8")
        command = [
            str(java),
            *("-Xms128m", f"-Xmx{self._heap_mb}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            *("-Djava.awt.headless=true", f"-Dlog4j2.configurationFile={logging_file}"),
            *("-cp", f"{jars}/*"),
        ]
        if not (data / "meta.properties").exists():
            self._format(command, properties)
        return start_child(
            [*command, "kafka.Kafka", str(properties)],
            log_path=self.home / "server.log",
            cwd=self.home,
            stop_signal=signal.SIGTERM,
        )

    def _format(self, command: list[str], properties: Path) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
        code, printed = run_tool(
            [
                *(*command, "kafka.tools.StorageTool", "format", "--config", str(properties)),
                f"--cluster-id={cluster_id}",  # one word: an id may begin with a dash
            ],
            cwd=self.home,
            timeout_s=_FORMAT_TIMEOUT_S,
        )
        if code != 0:
            raise LauncherError(
                "Kafka could not format its data folder.",
                remedy="Check free disk space and that the folder is writable.",
                log_tail=printed[-2000:],
            )

    async def _wait_until_it_answers(self, child: Child) -> None:
        deadline = asyncio.get_running_loop().time() + _START_TIMEOUT_S
        while asyncio.get_running_loop().time() < deadline:
            if child.exited:
                raise LauncherError(
                    "Kafka ended while starting.",
                    remedy="Its log says why.",
                    log_tail=log_tail(self.home / "server.log"),
                )
            if await _broker_answers(self.bootstrap):
                return
            await asyncio.sleep(0.1)
        raise LauncherError(
            f"Kafka did not answer within {_START_TIMEOUT_S:g} s.",
            remedy="Its log says what it is doing.",
            log_tail=log_tail(self.home / "server.log"),
        )


async def _broker_answers(bootstrap: str) -> bool:
    host, _, port = bootstrap.rpartition(":")
    try:  # a refused connection is the normal case here, and aiokafka logs it as an error
        _reader, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    quiet = logging.getLogger("aiokafka")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=3000)
    try:
        await admin.start()
        described = await admin.describe_cluster()
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()
        quiet.setLevel(level)
    return bool(described["brokers"])


def kafka_from_environment() -> str | None:
    """Return the broker address somebody gave us, ``None`` when we have to start our own."""
    for variable in _BOOTSTRAP_VARIABLES:
        told = os.environ.get(variable)
        if told:
            return told
    return None


@asynccontextmanager
async def running_kafka(
    home: Path | None, *, jars_dir: Path | None = None, port: int | None = None
) -> AsyncIterator[str]:
    """Yield the bootstrap address of a Kafka: the environment's, else one of our own.

    Args:
        home: Folder that keeps our own broker's data; ``None`` is a temporary one.
        jars_dir: Cache of the jars; ``None`` is ``default_jars_dir()``.
        port: Fixed port; ``None`` takes a free one.

    Raises:
        LauncherError: See ``KafkaServer.start``.
    """
    given = kafka_from_environment()
    if given is not None:
        yield given
        return
    folder = home or Path(tempfile.mkdtemp(prefix="bridgework-kafka-"))
    server = KafkaServer(folder, jars_dir=jars_dir, port=port)
    try:
        await server.start()
        yield server.bootstrap
    finally:
        await server.stop()
        if home is None:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
