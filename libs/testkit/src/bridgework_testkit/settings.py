"""What every service is told in tests: as settings in this process, as environment in its own."""

import base64
from collections.abc import Mapping
from typing import Any

MASTER_KEY = base64.b64encode(b"m" * 32).decode()


def common_settings(dsn: str, *, session_timeout_s: float = 6) -> dict[str, Any]:
    """Return the settings that no service starts without: all of it in one database.

    Args:
        dsn: The service's database; the embedded log is in it.
        session_timeout_s: After which a silent member of a consumer group is missed.
    """
    return {
        "host": "127.0.0.1",
        "http_port": 0,
        "store": {"dsn": dsn},
        "event_log": {"kind": "embedded", "dsn": dsn, "session_timeout_s": session_timeout_s},
        "master_key": MASTER_KEY,
    }


def environment(service: str, told: Mapping[str, Any]) -> dict[str, str]:
    """Return settings as the environment variables of one service."""

    def flat(name: str, value: Any) -> dict[str, str]:
        if not isinstance(value, Mapping):
            return {name.upper(): str(value)}
        found: dict[str, str] = {}
        for inner, one in value.items():
            found |= flat(f"{name}__{inner}", one)
        return found

    return {
        variable: text
        for name, value in told.items()
        for variable, text in flat(f"{service}_{name}", value).items()
    }
