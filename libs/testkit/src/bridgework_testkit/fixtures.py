"""Fixtures every test may use: ``pytest_plugins = ["bridgework_testkit.fixtures"]``.

Servers live for the session; each test gets its own database, topics and groups.
"""

import gc
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
import pytest_asyncio
from bridgework_contracts.ids import TenantId
from bridgework_eventlog.opening import open_event_log
from bridgework_eventlog.port import EventLog
from bridgework_eventlog.settings import EventLogSettings, KafkaSettings
from bridgework_store.pool import Pool, StoreSettings, open_pool
from bridgework_zoho.local import LocalZoho, running_local_zoho
from pydantic import SecretStr

from bridgework_testkit.databases import Databases
from bridgework_testkit.servers import kafka_for_tests, postgres_for_tests

# The suites are imported, so their assertions would not explain themselves.
pytest.register_assert_rewrite(
    "bridgework_testkit.event_log_contract", "bridgework_testkit.attempts"
)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Dsn of a PostgreSQL server (15 or newer) on which databases may be created."""
    with postgres_for_tests() as dsn:
        yield dsn


@pytest.fixture
def sockets_collected() -> Iterator[None]:
    """Collect at a test's end what a driver left; see ``restored.DRIVER_LEAVES_SOCKETS``."""
    yield
    gc.collect()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def databases(postgres_server: str) -> AsyncIterator[Databases]:
    """Creates databases from templates or empty; see :class:`Databases`."""
    made = Databases(postgres_server)
    yield made
    await made.drop_templates()


@pytest_asyncio.fixture(loop_scope="session")
async def database(databases: Databases) -> AsyncIterator[str]:
    """Dsn of an empty database of this test alone."""
    dsn = await databases.create()
    yield dsn
    await databases.drop(dsn)


@pytest.fixture
def store_settings(database: str) -> StoreSettings:
    """Settings of a pool on the test's own database."""
    return StoreSettings(dsn=SecretStr(database), max_size=10, application_name="bridgework-tests")


@pytest_asyncio.fixture(loop_scope="session")
async def pool(store_settings: StoreSettings) -> AsyncIterator[Pool]:
    """A pool on the test's own database."""
    async with open_pool(store_settings) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def local_zoho() -> AsyncIterator[LocalZoho]:
    """The sandbox, as a process of its own; every test makes its own orgs in it."""
    async with running_local_zoho() as zoho:
        yield zoho


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real Kafka broker."""
    with kafka_for_tests(tmp_path_factory.mktemp("kafka")) as bootstrap:
        yield bootstrap


@pytest.fixture
def tenant() -> TenantId:
    """A tenant of this test alone, so that topics and groups are too."""
    return TenantId(f"t{uuid4().hex[:16]}")


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def event_log_settings(request: pytest.FixtureRequest) -> EventLogSettings:
    """Settings of both event logs in turn."""
    if request.param == "kafka":
        bootstrap = request.getfixturevalue("kafka_bootstrap")
        return kafka_log_settings(bootstrap)
    return embedded_log_settings(request.getfixturevalue("database"))


@pytest_asyncio.fixture(loop_scope="session")
async def event_log(event_log_settings: EventLogSettings) -> AsyncIterator[EventLog]:
    """Both event logs in turn, opened."""
    async with open_event_log(event_log_settings) as log:
        yield log


def embedded_log_settings(dsn: str) -> EventLogSettings:
    """Return settings of the embedded log for tests: members are missed after seconds."""
    return EventLogSettings(kind="embedded", dsn=SecretStr(dsn), session_timeout_s=6)


def kafka_log_settings(bootstrap: str) -> EventLogSettings:
    """Return settings of a Kafka log for tests: members are missed after seconds."""
    return EventLogSettings(
        kind="kafka",
        kafka=KafkaSettings(bootstrap_servers=bootstrap),
        session_timeout_s=6,  # the least a broker with default settings accepts
    )
