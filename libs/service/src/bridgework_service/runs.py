"""What a service was told about each run, kept so that a restart needs nobody else's memory.

``StartRun`` carries the whole specification once. It is stored sealed with the tenant's key (owners
and pinned values are in it) and never changes afterwards, which is what makes caching it safe.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib.resources import files

import asyncpg
from bridgework_contracts.errors import TransientError
from bridgework_contracts.ids import RunId, TenantId
from bridgework_contracts.runs import RunSpec
from bridgework_store.errors import translate_errors
from bridgework_store.migrations import SchemaPart
from bridgework_store.pool import Connection, Pool
from bridgework_store.sealing import TenantSealer
from bridgework_store.statements import Statements

RUNS_PART = SchemaPart("runs", files("bridgework_service").joinpath("parts/runs"))
"""Give this to :func:`bridgework_store.migrations.migrate` to get the table."""

_CACHE_SIZE = 64


class RunStatus(StrEnum):
    """How far a run is, as far as this service knows."""

    STARTED = "started"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """True when nothing more happens in the run."""
        return self in {RunStatus.CANCELLED, RunStatus.FINISHED, RunStatus.FAILED}


class RunUnknown(TransientError):
    """The run's ``StartRun`` has not arrived yet: hold the record and ask again."""

    default_code = "run_unknown"


@dataclass(frozen=True, slots=True)
class Run:
    """A run with its status."""

    spec: RunSpec
    status: RunStatus
    started_at: datetime
    finished_at: datetime | None


class RunRegistry:
    """The runs of one service, in its own schema.

    Args:
        pool: The service's pool.
        schema: Holds the table ``runs`` (:data:`RUNS_PART`).
        sealer: Returns a tenant's sealer; ``TenantDirectory.sealer``.
    """

    def __init__(
        self, pool: Pool, schema: str, sealer: Callable[[TenantId], Awaitable[TenantSealer]]
    ) -> None:
        self._pool = pool
        self._sealer = sealer
        self._aad = f"{schema}.runs".encode()
        self._sql = Statements.load("bridgework_service", "sql/runs.sql", schema=schema)
        self._specs: OrderedDict[RunId, RunSpec] = OrderedDict()

    async def put(self, spec: RunSpec, connection: Connection | None = None) -> None:
        """Remember a run; the first specification stays. Idempotent.

        Args:
            spec: From ``StartRun``.
            connection: Takes part in the caller's transaction.
        """
        sealer = await self._sealer(spec.tenant_id)
        sealed = sealer.seal(spec.model_dump_json().encode(), self._bound_to(spec.run_id))
        with translate_errors():
            await (connection or self._pool).execute(
                self._sql.put, spec.run_id, spec.tenant_id, sealed
            )

    async def get(self, run_id: RunId) -> RunSpec:
        """Return a run's specification, from memory if it was read before.

        Raises:
            RunUnknown: ``StartRun`` has not arrived (yet).
            UnsealFailed, TenantClosed: the tenant was erased.
        """
        known = self._specs.get(run_id)
        if known is not None:
            self._specs.move_to_end(run_id)
            return known
        return (await self.get_run(run_id)).spec

    async def get_run(self, run_id: RunId) -> Run:
        """Return a run with its present status, read from the table.

        Raises:
            RunUnknown, UnsealFailed, TenantClosed: as :meth:`get`.
        """
        with translate_errors():
            row = await self._pool.fetchrow(self._sql.get, run_id)
        if row is None:
            raise RunUnknown(f"Run {run_id} has not been announced here yet.", run_id=run_id)
        return await self._opened(row)

    async def list(
        self, status: RunStatus | None = None, *, tenant_id: TenantId | None = None
    ) -> Sequence[Run]:
        """Return runs, oldest first; of one status and one tenant if given."""
        with translate_errors():
            rows = await self._pool.fetch(self._sql.list, status, tenant_id)
        return [await self._opened(row) for row in rows]

    async def status(self, run_id: RunId) -> RunStatus:
        """Return a run's present status.

        Raises:
            RunUnknown: ``StartRun`` has not arrived (yet).
        """
        with translate_errors():
            found = await self._pool.fetchval(self._sql.status, run_id)
        if found is None:
            raise RunUnknown(f"Run {run_id} has not been announced here yet.", run_id=run_id)
        return RunStatus(found)

    async def set_status(
        self, run_id: RunId, status: RunStatus, connection: Connection | None = None
    ) -> None:
        """Change a run's status. Idempotent.

        Raises:
            RunUnknown: ``StartRun`` has not arrived (yet).
        """
        with translate_errors():
            found = await (connection or self._pool).fetchval(
                self._sql.set_status, run_id, status, status.final
            )
        if found is None:
            raise RunUnknown(f"Run {run_id} has not been announced here yet.", run_id=run_id)

    async def _opened(self, row: asyncpg.Record) -> Run:
        run_id = RunId(row["run_id"])
        spec = self._specs.get(run_id)
        if spec is None:
            sealer = await self._sealer(TenantId(row["tenant_id"]))
            spec = RunSpec.model_validate_json(sealer.open(row["spec"], self._bound_to(run_id)))
            self._specs[run_id] = spec
            if len(self._specs) > _CACHE_SIZE:
                self._specs.popitem(last=False)
        return Run(spec, RunStatus(row["status"]), row["started_at"], row["finished_at"])

    def _bound_to(self, run_id: RunId) -> bytes:
        return self._aad + b"\x00" + run_id.encode()
