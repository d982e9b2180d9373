"""The jars of a Kafka broker: resolved once by Maven from our pom, then kept in a cache folder."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path

from bridgework_embedded.errors import LauncherError
from bridgework_embedded.processes import run_tool

OLDEST_JAVA = 17
"""Kafka 4 brokers do not run on anything older."""

_DOWNLOAD_TIMEOUT_S = 900.0


def template(name: str) -> str:
    """Return the text of one of this package's data files."""
    return (files("bridgework_embedded") / "data" / name).read_text(encoding="utf-8")


def default_jars_dir() -> Path:
    """Return ``BRIDGEWORK_KAFKA_LIBS``, or ``var/kafka/libs`` under the working folder."""
    return Path(os.environ.get("BRIDGEWORK_KAFKA_LIBS") or Path("var/kafka/libs")).absolute()


def find_java() -> Path:
    """Return the ``java`` program (``JAVA_HOME`` first).

    Raises:
        LauncherError: None found, or older than 17.
    """
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    remedy = (
        f"Install a Java runtime {OLDEST_JAVA} or newer and set JAVA_HOME, or set "
        "KAFKA_BOOTSTRAP_SERVERS to a running broker, or use the embedded event log."
    )
    if not found:
        raise LauncherError("Kafka needs Java, and none was found.", remedy=remedy)
    code, printed = run_tool([found, "-version"], cwd=Path("/"), timeout_s=30)
    match = re.search(r'version "(\d+)', printed)
    if code != 0 or match is None:
        raise LauncherError(f"{found} does not run.", remedy=remedy, log_tail=printed[-500:])
    if int(match.group(1)) < OLDEST_JAVA:
        raise LauncherError(
            f"Kafka needs Java {OLDEST_JAVA}, {found} is {match.group(1)}.", remedy=remedy
        )
    return Path(found)


def provide_jars(folder: Path) -> Path:
    """Return ``folder`` filled with the jars our pom asks for; Maven runs only when it is not.

    Two processes may call this at once: one downloads, the other waits.

    Raises:
        LauncherError: Maven is missing or could not resolve the pom (its output is attached).
    """
    pom = template("pom.xml")
    stamp = hashlib.sha256(pom.encode()).hexdigest()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _stamp_of(folder) == stamp:
            return folder
        maven = shutil.which(os.environ.get("BRIDGEWORK_MVN", "mvn"))
        if maven is None:
            raise LauncherError(
                "Kafka's jars are fetched by Maven, and mvn was not found.",
                remedy=f"Install Maven, or put the jars of a Kafka 4 distribution and a file "
                f"named .pom with the text {stamp} into {folder}.",
            )
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            _copy_dependencies(maven, pom, Path(scratch))
            jars = Path(scratch) / "jars"
            (jars / ".pom").write_text(stamp, encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            jars.rename(folder)
    return folder


def _stamp_of(folder: Path) -> str | None:
    try:
        return (folder / ".pom").read_text(encoding="utf-8").strip()
    except OSError:
        return None


def _copy_dependencies(maven: str, pom: str, scratch: Path) -> None:
    (scratch / "pom.xml").write_text(pom, encoding="utf-8")
    (scratch / "jars").mkdir()
    command = [
        maven,
        *("-q", "-B", "-f", str(scratch / "pom.xml"), "dependency:copy-dependencies"),
        *("-DincludeScope=runtime", f"-DoutputDirectory={scratch / 'jars'}"),
    ]
    code, printed = run_tool(command, cwd=scratch, timeout_s=_DOWNLOAD_TIMEOUT_S)
    if code != 0 or not any((scratch / "jars").glob("kafka_2*.jar")):
        raise LauncherError(
            f"Maven could not fetch Kafka's jars ({subprocess.list2cmdline(command[:3])} …).",
            remedy="Check that Maven reaches its repository (settings.xml), then try again.",
            log_tail=printed[-3000:],
        )
