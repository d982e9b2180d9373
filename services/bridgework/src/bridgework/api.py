"""The job API from the command's side: one method per call the commands need."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import httpx

RUN_ENDED = frozenset({"finished", "cancelled", "failed"})
JOB_BUSY = frozenset(
    {"auditing", "applying_schema", "rehearsing", "running", "delta_running", "undoing"}
)
Json = dict[str, Any]
OnState = Callable[[Json], None]


class ApiProblem(Exception):
    """The job API refused; the message is its code and detail."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code


class JobApi:
    """A client of the job API; use it as an async context manager."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=httpx.Timeout(30.0),
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def ready(self, timeout_s: float = 90.0) -> None:
        """Wait until the service says it is ready.

        Raises:
            ApiProblem: it does not within ``timeout_s``.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        while asyncio.get_running_loop().time() < deadline:
            try:
                if (await self._http.get("/readyz")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)
        raise ApiProblem(503, "not_ready", f"The job API is not ready after {timeout_s:.0f} s.")

    async def call(self, method: str, path: str, body: Json | None = None, **params: str) -> Any:
        """Send one request and return its JSON.

        Raises:
            ApiProblem: any answer that is not 2xx, or none at all.
        """
        try:
            answer = await self._http.request(method, f"/v1{path}", json=body, params=params)
        except httpx.TransportError as exc:
            raise ApiProblem(
                503, "unreachable", f"No job API at {self._http.base_url}: start `bridgework up`."
            ) from exc
        if answer.is_success:
            return answer.json()
        try:
            problem = answer.json()
        except ValueError:
            problem = {}
        raise ApiProblem(
            answer.status_code,
            problem.get("code", "http_error"),
            problem.get("detail", answer.reason_phrase),
        )

    async def get(self, path: str, **params: str) -> Any:
        """Read."""
        return await self.call("GET", path, None, **params)

    async def post(self, path: str, body: Json | None = None) -> Any:
        """Ask for something."""
        return await self.call("POST", path, body)

    async def job_settled(self, job_id: str, on_job: OnState, timeout_s: float = 900.0) -> Json:
        """Wait until a job is not busy; ``on_job`` sees every state of it; return it."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            job: Json = await self.get(f"/jobs/{job_id}")
            on_job(job)
            if job["state"] not in JOB_BUSY:
                return job
            if asyncio.get_running_loop().time() > deadline:
                raise ApiProblem(504, "timeout", f"The job is still {job['state']}.")
            await asyncio.sleep(0.2)

    async def run_ended(self, run_id: str, on_run: OnState, timeout_s: float = 86_400.0) -> Json:
        """Follow a run until it ends; ``on_run`` sees every state of it."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            run: Json = await self.get(f"/runs/{run_id}")
            on_run(run)
            if run["state"] in RUN_ENDED:
                return run
            if asyncio.get_running_loop().time() > deadline:
                raise ApiProblem(504, "timeout", f"The run is still {run['state']}.")
            await asyncio.sleep(0.25)
