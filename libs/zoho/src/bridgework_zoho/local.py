"""Starts the local Zoho of this repository and makes orgs in it: for tests and rehearsals.

The sandbox is a service and this is a library, so nothing of it is imported: it is run as a
process and spoken to over HTTP, as real Zoho would be.
"""

import asyncio
import contextlib
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from bridgework_zoho.data_centres import DataCentre
from bridgework_zoho.settings import ZohoConnection

_START_WITHIN_S = 30.0
_STOP_WITHIN_S = 10.0


class LocalOrg:
    """One org of a running sandbox, with its admin calls.

    Attributes:
        connection: What a ``ZohoClient`` needs.
        user_id: Zoho id of its first user.
    """

    def __init__(self, http: httpx.AsyncClient, base_url: str, made: dict[str, Any]) -> None:
        self._http = http
        self._admin = f"{base_url}/sandbox/orgs/{made['org_id']}"
        self.user_id = str(made["users"][0]["id"])
        self.connection = ZohoConnection(
            data_centre=DataCentre.US,
            accounts_url=base_url,
            content_url=base_url,
            client_id=made["client_id"],
            client_secret=SecretStr(made["client_secret"]),
            refresh_token=SecretStr(made["refresh_token"]),
            org_id=made["org_id"],
        )

    async def meters(self) -> dict[str, Any]:
        """Credits and concurrency as the org itself counts them."""
        return await self._call("GET", "/meters")

    async def fired(self) -> int:
        """How many automations have run."""
        return int((await self._call("GET", "/fired"))["count"])

    async def requests(self) -> list[dict[str, Any]]:
        """The log of requests."""
        found: list[dict[str, Any]] = (await self._call("GET", "/requests"))["requests"]
        return found

    async def settings(self, **changes: Any) -> None:
        """Change behaviour switches, edition or seats."""
        await self._call("PATCH", "/settings", changes)

    async def fault(self, **spec: Any) -> None:
        """Add a scripted fault."""
        await self._call("POST", "/faults", spec)

    async def clear_faults(self) -> None:
        """Remove every fault."""
        await self._call("DELETE", "/faults")

    async def freeze(self) -> datetime:
        """Stop its clock at a whole second; returns that moment."""
        now = await self._call("POST", "/clock/freeze", {})
        whole = await self._call("POST", "/clock/freeze", {"at": float(int(now["now"]) + 1)})
        return datetime.fromtimestamp(whole["now"], tz=UTC)

    async def advance(self, seconds: float) -> datetime:
        """Let virtual time pass; returns its new now."""
        moved = await self._call("POST", "/clock/advance", {"seconds": seconds})
        return datetime.fromtimestamp(moved["now"], tz=UTC)

    async def expire_tokens(self) -> None:
        """Invalidate every access token."""
        await self._call("POST", "/tokens/expire", {})

    async def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = await self._http.request(method, f"{self._admin}{path}", json=body)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found


class LocalZoho:
    """A running sandbox."""

    def __init__(self, base_url: str, http: httpx.AsyncClient) -> None:
        self.base_url = base_url
        self._http = http

    async def create_org(self, **wanted: Any) -> LocalOrg:
        """Create an org; takes ``edition``, ``seats``, ``time_zone``, ``users``, ``settings``."""
        answer = await self._http.post(f"{self.base_url}/sandbox/orgs", json=wanted)
        answer.raise_for_status()
        return LocalOrg(self._http, self.base_url, answer.json())


@asynccontextmanager
async def running_local_zoho() -> AsyncIterator[LocalZoho]:
    """Start a sandbox process on a free port with a temporary folder; stop it at the end.

    Raises:
        RuntimeError: It ended, or did not answer within 30 seconds; the message ends with its log.
    """
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="zoho-") as folder:
        log_path = Path(folder) / "log"
        with log_path.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "bridgework_zoho_sandbox", "--port", str(port)),
                *("--data", str(Path(folder) / "data")),
                stdout=log,
                stderr=log,
            )
        base_url = f"http://127.0.0.1:{port}"
        try:
            async with httpx.AsyncClient(timeout=30.0) as http:
                await _answering(http, base_url, process, log_path)
                yield LocalZoho(base_url, http)
        finally:
            await _stop(process)


async def _answering(
    http: httpx.AsyncClient, base_url: str, process: asyncio.subprocess.Process, log_path: Path
) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_START_WITHIN_S):
            while process.returncode is None:
                with contextlib.suppress(httpx.TransportError):
                    if (await http.get(f"{base_url}/sandbox/health")).is_success:
                        return
                await asyncio.sleep(0.05)
    tail = (await asyncio.to_thread(log_path.read_text, errors="replace"))[-2000:]
    raise RuntimeError(f"the local Zoho did not start: {tail}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_STOP_WITHIN_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
