"""The folder of a one-machine installation: its secrets, its database, its reports."""

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

DEFAULT_HOME = Path("var/bridgework")


@dataclass(frozen=True, slots=True)
class Secrets:
    """Made at the first start, kept in ``secrets.json`` (readable by its owner only)."""

    master_key: str
    api_key: str


class Home:
    """Paths below one folder; created when first used."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.path.mkdir(parents=True, exist_ok=True)

    @property
    def postgres(self) -> Path:
        """Data of the embedded PostgreSQL."""
        return self.path / "postgres"

    @property
    def kafka(self) -> Path:
        """Data of a Kafka that we start ourselves."""
        return self.path / "kafka"

    @property
    def snapshots(self) -> Path:
        """Sealed snapshots."""
        return self.path / "snapshots"

    @property
    def reports(self) -> Path:
        """Audit reports, by job."""
        return self.path / "reports"

    def secrets(self) -> Secrets:
        """Return the installation's secrets; made once, from the system's randomness."""
        file = self.path / "secrets.json"
        if file.exists():
            kept = json.loads(file.read_text(encoding="utf-8"))
            return Secrets(kept["master_key"], kept["api_key"])
        made = Secrets(
            base64.b64encode(secrets.token_bytes(32)).decode(),
            f"bw_{secrets.token_urlsafe(32)}",
        )
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump({"master_key": made.master_key, "api_key": made.api_key}, out)
        return made
