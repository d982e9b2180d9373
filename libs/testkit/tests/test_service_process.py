"""A process that answers /readyz is started, killed, restarted and stopped."""

from pathlib import Path

import httpx
import pytest
from bridgework_embedded.processes import free_port, is_alive
from bridgework_testkit.service_process import ServiceProcess

_SERVER = """
import http.server, os, signal, sys
if os.environ["MODE"] == "crash":
    sys.exit("no database")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def _service(folder: Path, mode: str = "serve") -> ServiceProcess:
    (folder / "toy_service.py").write_text(_SERVER, encoding="utf-8")
    port = free_port()
    return ServiceProcess(
        "toy_service",
        env={"PYTHONPATH": str(folder), "PORT": str(port), "MODE": mode},
        url=f"http://127.0.0.1:{port}",
        log_path=folder / "toy.log",
    )


async def test_it_is_ready_after_start_and_another_process_after_restart(tmp_path: Path) -> None:
    """SIGKILL and start again: same address, new process, then an orderly stop."""
    service = _service(tmp_path)
    await service.start()
    first = service.pid
    assert first is not None
    await service.restart()
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{service.url}/readyz")).text == str(service.pid)
    assert service.pid != first
    assert not is_alive(first)
    assert await service.stop() == 0


async def test_a_process_that_ends_at_once_fails_with_the_end_of_its_log(tmp_path: Path) -> None:
    """The message says what the process printed."""
    with pytest.raises(AssertionError, match="no database"):
        await _service(tmp_path, "crash").start()
