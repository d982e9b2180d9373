"""Making writes true: what is known is repeated, what is new is created, what changed is merged.

One engine per tenant and process. Everything it decides is recorded before it returns; what it
could not decide is raised, and the same writes come again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from bridgework_contracts.errors import BridgeworkError
from bridgework_contracts.ids import MessageId
from bridgework_contracts.outcomes import Outcome
from bridgework_contracts.records import Problem
from bridgework_contracts.writes import Op
from bridgework_zoho.paging import chunks

from bridgework_loader.adapters.crosswalk import Crosswalk
from bridgework_loader.adapters.ledger import Intent, WriteLedger
from bridgework_loader.creating import Creation, Creator
from bridgework_loader.domain import reasons
from bridgework_loader.domain.arrivals import Arrival, Link, fields_hash, rounds
from bridgework_loader.domain.deciding import Decision, outcome_of
from bridgework_loader.domain.references import resolve
from bridgework_loader.metering import CreditMeter, new_meter
from bridgework_loader.pacing import Pacing
from bridgework_loader.ports import Destination
from bridgework_loader.undoing import Undoer
from bridgework_loader.updating import Change, Updater

T = TypeVar("T")
MigrationUser = Mapping[str, str | None]
"""Run id → the Zoho user our token belongs to in that run."""


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
    ) -> None:
        self._destination = destination
        self._crosswalk = crosswalk
        self._ledger = ledger
        self._creator = creator
        self._updater = updater
        self._undoer = undoer
        self._calls = asyncio.Semaphore(pacing.calls_in_flight)

    async def load(
        self, arrivals: Sequence[Arrival], users: MigrationUser, *, released: bool = False
    ) -> None:
        """Make these writes true and record what became of each.

        Args:
            arrivals: In the order they came; whose waves are open.
            users: Our Zoho user, by run.
            released: They were parked and may go on now.

        Raises:
            TransientError: some are left; everything decided is recorded, all may come again.
            StopRun: nothing more can be written until a person acts.
        """
        waiting = list(arrivals)
        if not released:
            decided = await self._ledger.repeat_decided([one.message_id for one in waiting])
            waiting = [one for one in waiting if one.message_id not in decided]
            if waiting:
                await self._ledger.supersede_parked(waiting)
        if not waiting:
            return
        intents = await self._ledger.open_intents([one.message_id for one in waiting])
        for some in rounds(waiting):
            await self._round(some, intents, users)

    async def _round(
        self,
        arrivals: Sequence[Arrival],
        intents: Mapping[MessageId, Intent],
        users: MigrationUser,
    ) -> None:
        puts = [one for one in arrivals if one.write.op is Op.PUT]
        undos = [one for one in arrivals if one.write.op in {Op.UNDO_CREATE, Op.UNDO_UPDATE}]
        flags = [one for one in arrivals if one.write.op is Op.FLAG_DELETED]
        decisions = [_flagged(one) for one in flags]
        creations, changes = await self._sorted(puts, intents, users, decisions)
        if decisions:
            await self._ledger.record(decisions)
        works: list[Callable[[CreditMeter], Awaitable[None]]] = []
        for module, made in _by_module(creations, lambda one: one.arrival).items():
            for some in chunks(made, self._destination.rows_per_call):
                works.append(_bind(self._creator.create, module, some))
        for module, changed in _by_module(changes, lambda one: one.arrival).items():
            for batch in chunks(changed, self._destination.rows_per_call):
                works.append(_bind(self._updater.update, module, batch))
        for module, undone in _by_module(undos, lambda one: one).items():
            for part in chunks(undone, self._destination.rows_per_call):
                user = users.get(part[0].write.run_id)
                works.append(_bind_undo(self._undoer, module, part, user))
        await self._all(works)

    async def _sorted(
        self,
        puts: Sequence[Arrival],
        intents: Mapping[MessageId, Intent],
        users: MigrationUser,
        decisions: list[Decision],
    ) -> tuple[list[Creation], list[Change]]:
        """Sort puts into creations and changes; what ends without a call goes to ``decisions``."""
        own = await self._crosswalk.links([one.record_key for one in puts], with_base=True)
        needs = {need for one in puts for need in one.needs}
        parents = await self._crosswalk.links(needs)
        creations: list[Creation] = []
        changes: list[Change] = []
        for one in puts:
            resolved = resolve(one.write, parents)
            if resolved.missing is not None:
                reason = reasons.parent_missing(resolved.missing)
                ended = outcome_of(one, Outcome.PARKED, reason=reason)
                decisions.append(Decision(one, ended, waits_for=resolved.missing))
                continue
            link = own.get(one.record_key)
            whole = not resolved.left_out
            if link is not None and whole and fields_hash(resolved.fields) == link.fields_hash:
                ended = outcome_of(one, Outcome.UNCHANGED, zoho_id=link.zoho_id)
                decisions.append(Decision(one, ended))
                continue
            rules = await self._destination.rules(one.write.module)
            refusal = rules.check(resolved.fields, "create" if link is None else "update")
            if refusal is not None:
                ended = outcome_of(
                    one,
                    Outcome.FAILED,
                    zoho_id=link.zoho_id if link else None,
                    reason=refusal,
                    problems=resolved.left_out,
                )
                decisions.append(Decision(one, ended))
                continue
            intent = intents.get(one.message_id)
            user = users.get(one.write.run_id)
            if link is None:
                creation = Creation(one, resolved.fields, resolved.left_out, whole, user)
                if intent is not None:
                    creation.opened_at = creation.tried_at = intent.opened_at
                creations.append(creation)
            else:
                changes.append(self._change(one, link, resolved.fields, resolved.left_out, intent))
        return creations, changes

    def _change(
        self,
        one: Arrival,
        link: Link,
        fields: dict[str, Any],
        left_out: tuple[Problem, ...],
        intent: Intent | None,
    ) -> Change:
        return Change(
            arrival=one,
            link=link,
            base=self._crosswalk.base_of(one.record_key, link),
            ours=fields,
            problems=left_out,
            whole=not left_out,
            intent=intent,
        )

    async def _all(self, works: Sequence[Callable[[CreditMeter], Awaitable[None]]]) -> None:
        """Run works at the same time; let each end, then raise the first error."""

        async def one(work: Callable[[CreditMeter], Awaitable[None]]) -> None:
            async with self._calls:
                await work(new_meter())

        results = await asyncio.gather(*(one(work) for work in works), return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        if errors:
            # A defect must not hide behind an error that is merely waited out.
            raise next((e for e in errors if not isinstance(e, BridgeworkError)), errors[0])


def _bind(
    work: Callable[[str, list[T], CreditMeter], Awaitable[None]], module: str, items: list[T]
) -> Callable[[CreditMeter], Awaitable[None]]:
    return lambda meter: work(module, items, meter)


def _bind_undo(
    undoer: Undoer, module: str, items: list[Arrival], user: str | None
) -> Callable[[CreditMeter], Awaitable[None]]:
    return lambda meter: undoer.undo(module, items, user, meter)


def _by_module(items: Sequence[T], arrival_of: Callable[[T], Arrival]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for item in items:
        found.setdefault(arrival_of(item).write.module, []).append(item)
    return found


def _flagged(one: Arrival) -> Decision:
    return Decision(one, outcome_of(one, Outcome.SKIPPED, reason=reasons.DELETED_IN_SOURCE))
