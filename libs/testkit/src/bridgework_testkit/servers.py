"""Where tests find PostgreSQL and Kafka: given by the environment, in containers, or started here.

The order is always the same: ``TEST_DATABASE_URL`` / ``TEST_KAFKA_BOOTSTRAP``, then a container
engine if one answers, then local processes. Without Java there is no local Kafka: those tests skip
on a laptop and fail where ``CI`` or ``REQUIRE_KAFKA=1`` is set.
"""

import asyncio
import os
import shutil
import tempfile
import warnings
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from bridgework_embedded import KafkaServer, LauncherError, PostgresServer
from bridgework_embedded.kafka_jars import default_jars_dir

_T = TypeVar("_T")

_DOCKER_SOCKET = Path("/var/run/docker.sock")


@contextmanager
def postgres_for_tests() -> Iterator[str]:
    """Yield the dsn of a server on which databases may be created."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
    elif docker_answers():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the module moved in 4.15
            from testcontainers.postgres import PostgresContainer  # noqa: PLC0415 - only with an engine
        with PostgresContainer("postgres:17-alpine", driver=None) as container:
            yield container.get_connection_url()
    else:
        home = Path(tempfile.mkdtemp(prefix="bridgework-pg-"))
        home.chmod(0o755)  # the server's account must get to the data folder below
        server = PostgresServer(home, durable=False, throw_away=True)
        try:
            _run(server.start())
            yield server.dsn
        finally:
            _run(server.stop())
            shutil.rmtree(home, ignore_errors=True)


@contextmanager
def kafka_for_tests(home: Path) -> Iterator[str]:
    """Yield a bootstrap address; ``home`` keeps the data of a broker started here.

    Skips the test when there is no way to get a broker, unless CI must not go green without.
    """
    given = os.environ.get("TEST_KAFKA_BOOTSTRAP")
    if given:
        yield given
    elif docker_answers():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            from testcontainers.kafka import KafkaContainer  # noqa: PLC0415 - only with an engine
        with KafkaContainer().with_kraft() as container:
            yield container.get_bootstrap_server()
    else:
        server = KafkaServer(home, jars_dir=default_jars_dir())
        try:
            _run(server.start())
        except LauncherError as exc:
            if kafka_is_required():
                raise
            pytest.skip(f"no Kafka: {exc.what}")
        try:
            yield server.bootstrap
        finally:
            _run(server.stop())


def kafka_is_required() -> bool:
    """Tell whether tests that need Kafka must fail without it."""
    return bool(os.environ.get("CI")) or os.environ.get("REQUIRE_KAFKA") == "1"


def docker_answers() -> bool:
    """Tell whether a container engine answers; takes a moment only."""
    if not os.environ.get("DOCKER_HOST") and not _DOCKER_SOCKET.exists():
        return False
    import docker  # type: ignore[import-untyped] # noqa: PLC0415 - no types; slow to import
    from docker.errors import (  # type: ignore[import-untyped] # noqa: PLC0415 - likewise
        DockerException,
    )

    try:
        client = docker.from_env(timeout=2)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except DockerException:
        return False


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end beside whatever loop the tests use."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
