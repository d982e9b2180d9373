"""Ports for services that tests start."""

import random
import socket


def free_port_block(size: int = 6) -> int:
    """Return the first of some neighbouring ports that were free a moment ago."""
    while True:
        # Below the range from which outgoing connections take theirs: a killed service must find
        # its port free again.
        base = random.randrange(20_000, 32_000, 8)  # noqa: S311  # a port, not a secret
        if all(_is_free(base + n) for n in range(size)):
            return base


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
