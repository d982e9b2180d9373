"""Making writes true: what is known is repeated, what is new is created, what changed is merged.

One engine per tenant and process. Everything it decides is recorded before it returns; what it
could not decide is raised, and the same writes come again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bridgework_contracts.errors import (
    BridgeworkError,
    RateLimited,
    StopRun,
    TerminalError,
    TransientError,
)
from bridgework_contracts.ids import MessageId
from bridgework_contracts.outcomes import Outcome
from bridgework_contracts.writes import Op
from bridgework_zoho.metering import CreditMeter, new_meter
from bridgework_zoho.paging import chunks

from bridgework_loader.adapters.crosswalk import Crosswalk
from bridgework_loader.adapters.ledger import Intent, WriteLedger
from bridgework_loader.creating import Creation, Creator
from bridgework_loader.domain import reasons
from bridgework_loader.domain.arrivals import Arrival, Link, RecordKey, fields_hash, rounds
from bridgework_loader.domain.deciding import Decision, outcome_of
from bridgework_loader.domain.references import Resolved, resolve
from bridgework_loader.metrics import LoaderMetrics
from bridgework_loader.pacing import Pacing
from bridgework_loader.ports import Destination, ModuleRules
from bridgework_loader.undoing import Undo, Undoer
from bridgework_loader.updating import Change, Updater

T = TypeVar("T")
MigrationUsers = Mapping[str, str | None]
"""Run id → the Zoho user our token belongs to in that run."""
_Work = Callable[[CreditMeter], Awaitable[None]]


@dataclass(slots=True)
class _Sorted:
    """The writes of one round by what they need."""

    decisions: list[Decision] = field(default_factory=list)
    creations: dict[str, list[Creation]] = field(default_factory=dict)
    changes: dict[str, list[Change]] = field(default_factory=dict)
    undos: dict[str, list[Undo]] = field(default_factory=dict)


class LoadEngine:
    """Writes batches of one tenant."""

    def __init__(
        self,
        *,
        destination: Destination,
        crosswalk: Crosswalk,
        ledger: WriteLedger,
        creator: Creator,
        updater: Updater,
        undoer: Undoer,
        pacing: Pacing,
        metrics: LoaderMetrics,
    ) -> None:
        self._metrics = metrics
        self._destination = destination
        self._crosswalk = crosswalk
        self._ledger = ledger
        self._creator = creator
        self._updater = updater
        self._undoer = undoer
        self._calls = asyncio.Semaphore(pacing.calls_in_flight)

    async def load(
        self, arrivals: Sequence[Arrival], users: MigrationUsers, *, released: bool = False
    ) -> None:
        """Make these writes true and record what became of each.

        Args:
            arrivals: In the order they came; whose waves are open; none decided before, unless
                ``released``.
            users: Our Zoho user, by run.
            released: They were parked and may go on now.

        Raises:
            TransientError: some are left; everything decided is recorded, all may come again.
            StopRun: nothing more can be written until a person acts.
        """
        if not arrivals:
            return
        under_way: set[RecordKey] = set()
        if not released:
            under_way = await self._ledger.supersede_parked(arrivals)
        intents = await self._ledger.open_intents([one.message_id for one in arrivals])
        for some in rounds([one for one in arrivals if one.record_key not in under_way]):
            await self._round(some, intents, users)
        if under_way:
            raise TransientError(
                "An older, parked write of the same record is being released at this moment.",
                code="release_under_way",
                retry_after_s=1.0,
                count=len(under_way),
            )

    async def _round(
        self,
        arrivals: Sequence[Arrival],
        intents: Mapping[MessageId, Intent],
        users: MigrationUsers,
    ) -> None:
        found = await self._sort(arrivals, intents, users)
        if found.decisions:
            await self._ledger.record(found.decisions)
        works: list[_Work] = []
        works += self._works(found.creations, self._creator.create)
        works += self._works(found.changes, self._updater.update)
        works += self._works(found.undos, self._undoer.undo)
        await self._all(works)

    async def _sort(
        self,
        arrivals: Sequence[Arrival],
        intents: Mapping[MessageId, Intent],
        users: MigrationUsers,
    ) -> _Sorted:
        """Sort writes by what they need; what needs no call is decided here."""
        own = await self._crosswalk.links([one.record_key for one in arrivals], with_base=True)
        parents = await self._crosswalk.links({need for one in arrivals for need in one.needs})
        put_modules = {one.write.module for one in arrivals if one.write.op is Op.PUT}
        rules = {module: await self._destination.rules(module) for module in put_modules}
        found = _Sorted()
        for one in arrivals:
            write, link = one.write, own.get(one.record_key)
            user, intent = users.get(write.run_id), intents.get(one.message_id)
            if write.op is Op.PUT:
                self._sort_put(found, one, link, resolve(write, parents), rules, user, intent)
            elif write.op is Op.FLAG_DELETED:
                zoho_id = link.zoho_id if link else None
                ended = outcome_of(
                    one, Outcome.SKIPPED, zoho_id=zoho_id, reason=reasons.DELETED_IN_SOURCE
                )
                found.decisions.append(Decision(one, ended))
            else:
                undo = Undo(one, user, link, self._base(one, link), intent)
                found.undos.setdefault(write.module, []).append(undo)
        return found

    def _sort_put(
        self,
        found: _Sorted,
        one: Arrival,
        link: Link | None,
        resolved: Resolved,
        rules: Mapping[str, ModuleRules],
        user: str | None,
        intent: Intent | None,
    ) -> None:
        module, fields = one.write.module, resolved.fields
        whole = not resolved.left_out
        if resolved.missing is not None:
            ended = outcome_of(one, Outcome.PARKED, reason=reasons.parent_missing(resolved.missing))
            found.decisions.append(Decision(one, ended, waits_for=resolved.missing))
        elif link is not None and whole and fields_hash(fields) == link.fields_hash:
            ended = outcome_of(one, Outcome.UNCHANGED, zoho_id=link.zoho_id)
            found.decisions.append(Decision(one, ended))
        elif link is not None:
            change = Change(
                one, link, self._base(one, link), fields, resolved.left_out, whole, intent
            )
            found.changes.setdefault(module, []).append(change)
        elif (refusal := rules[module].check(fields, "create")) is not None:
            ended = outcome_of(one, Outcome.FAILED, reason=refusal, problems=resolved.left_out)
            found.decisions.append(Decision(one, ended))
        else:
            creation = Creation(one, fields, resolved.left_out, whole, user)
            if intent is not None:
                creation.opened_at, creation.tried_at = intent.opened_at, intent.tried_at
            found.creations.setdefault(module, []).append(creation)

    def _base(self, one: Arrival, link: Link | None) -> dict[str, Any]:
        return {} if link is None else self._crosswalk.base_of(one.record_key, link)

    def _works(
        self,
        by_module: Mapping[str, Sequence[T]],
        work: Callable[[str, list[T], CreditMeter], Awaitable[None]],
    ) -> list[_Work]:
        def bound(module: str, items: list[T]) -> _Work:
            return lambda meter: work(module, items, meter)

        return [
            bound(module, some)
            for module, items in by_module.items()
            for some in chunks(items, self._destination.rows_per_call)
        ]

    async def _all(self, works: Sequence[_Work]) -> None:
        """Run works at the same time; let each end, then raise the weightiest error.

        None is cancelled because another failed: a write cut off in flight is a write whose end
        nobody knows.
        """

        async def one(work: _Work) -> None:
            async with self._calls:
                self._metrics.begun()
                try:
                    await work(new_meter())
                finally:
                    self._metrics.ended()

        results = await asyncio.gather(*(one(work) for work in works), return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        if errors:
            raise min(errors, key=_weight)


def _weight(error: BaseException) -> int:
    """Rank errors: a defect must not hide behind one that is merely waited out."""
    if not isinstance(error, BridgeworkError):
        return 0
    if isinstance(error, StopRun):
        return 1
    if isinstance(error, TerminalError):
        return 2
    return 3 if isinstance(error, RateLimited) else 4
