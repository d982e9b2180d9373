"""The Kafka launcher against a real broker, where Java is present."""

import os
from pathlib import Path

import pytest
from aiokafka.admin import (  # type: ignore[import-untyped]  # it ships no types
    AIOKafkaAdminClient,
)
from bridgework_embedded import KafkaServer, LauncherError, running_kafka
from bridgework_embedded.kafka_jars import find_java, provide_jars, template
from bridgework_testkit.servers import kafka_is_required


def _jars_dir() -> Path:
    repository = Path(__file__).resolve().parents[3]
    return Path(os.environ.get("BRIDGEWORK_KAFKA_LIBS") or repository / "var/kafka/libs")


@pytest.fixture(scope="module")
def jars() -> Path:
    """Return the jars, or skip without Java (in CI that is a failure)."""
    try:
        find_java()
        return provide_jars(_jars_dir())
    except LauncherError as exc:
        if kafka_is_required():
            raise
        pytest.skip(str(exc).split("\n", 1)[0])


async def _broker_count(bootstrap: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return len((await admin.describe_cluster())["brokers"])
    finally:
        await admin.close()


@pytest.mark.kafka
async def test_broker_answers_and_comes_back_after_a_kill_on_the_same_address(
    jars: Path, tmp_path: Path
) -> None:
    """Start, SIGKILL, start again: clients keep their address, data folder is reused."""
    server = KafkaServer(tmp_path / "kafka", jars_dir=jars)
    await server.start()
    try:
        address = server.bootstrap
        assert await _broker_count(address) == 1
        await server.kill()
        await server.start()
        assert server.bootstrap == address
        assert await _broker_count(address) == 1
    finally:
        await server.stop()


async def test_broker_of_the_environment_is_used_as_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """A given address starts nothing."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "somewhere:9092")
    async with running_kafka(None) as bootstrap:
        assert bootstrap == "somewhere:9092"


def test_missing_java_is_an_error_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No Java: the message says what to install or set instead."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LauncherError, match="KAFKA_BOOTSTRAP_SERVERS"):
        find_java()


def test_missing_maven_is_an_error_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No Maven and no cached jars: the message says so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LauncherError, match="Maven"):
        provide_jars(tmp_path / "jars")


def test_pom_names_no_registry() -> None:
    """Where Maven fetches from is the machine's business."""
    assert "http" not in template("pom.xml")
    assert "repositor" not in template("pom.xml").lower()
