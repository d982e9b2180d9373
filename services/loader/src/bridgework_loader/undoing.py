"""Taking writes back, under the same budget, intents and outcomes as making them."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridgework_contracts.errors import StopRun, TransientError
from bridgework_contracts.outcomes import Effect, Outcome, Reason
from bridgework_contracts.writes import Op
from bridgework_zoho.errors import RequestRefused, RunStopped, WriteOutcomeUnknown, ZohoUnavailable
from bridgework_zoho.metering import CreditMeter
from bridgework_zoho.results import ElementResult

from bridgework_loader.adapters.crosswalk import Crosswalk
from bridgework_loader.adapters.ledger import Intent, NewIntent, WriteLedger
from bridgework_loader.domain import reasons
from bridgework_loader.domain.arrivals import Arrival, Link
from bridgework_loader.domain.deciding import Decision, NewLink, outcome_of
from bridgework_loader.domain.merging import readable_fields
from bridgework_loader.domain.undoing import (
    MODIFIED_BY,
    Restoration,
    UndoVerdict,
    looked_up_ids,
    undo_create,
    undo_update,
)
from bridgework_loader.pacing import OnStep, Pacing, Step
from bridgework_loader.patience import Unfinished, insist, let_settle
from bridgework_loader.ports import Destination, Row, Wanted, parent_of
from bridgework_loader.refusing import (
    End,
    element_refused,
    element_stops,
    end_of,
    request_refused,
)

_KEPT = {
    UndoVerdict.KEPT_EDITED: reasons.KEPT_EDITED,
    UndoVerdict.KEPT_FOR_CHILD: reasons.KEPT_FOR_CHILD,
}


@dataclass(slots=True)
class Undo:
    """One write to take back.

    Attributes:
        link: Its crosswalk row; None where the record is not known (any more).
        base: What we last wrote, in whichever run.
        intent: An earlier try whose answer is unknown.
    """

    arrival: Arrival
    migration_user_id: str | None
    link: Link | None = None
    base: Mapping[str, Any] = field(default_factory=dict, repr=False)
    intent: Intent | None = None
    restoration: Restoration | None = field(default=None, repr=False)

    @property
    def zoho_id(self) -> str:
        """The record's Zoho id."""
        return self.arrival.write.zoho_id or ""

    @property
    def sent(self) -> Mapping[str, Any]:
        """What the run wrote."""
        return self.arrival.write.sent or {}


class Undoer:
    """Takes back what a run did, except what a person touched since."""

    def __init__(
        self,
        *,
        destination: Destination,
        ledger: WriteLedger,
        crosswalk: Crosswalk,
        pacing: Pacing,
        on_step: OnStep,
    ) -> None:
        self._destination = destination
        self._ledger = ledger
        self._crosswalk = crosswalk
        self._pacing = pacing
        self._on_step = on_step

    async def undo(self, module: str, undos: list[Undo], meter: CreditMeter) -> None:
        """Undo up to ``rows_per_call`` writes of one module and record each end.

        Raises:
            TransientError: some are left for later.
            StopRun: Zoho takes no more writes until a person acts.
        """
        await insist(lambda some: self._attempt(module, some, meter), undos, self._pacing)

    async def _attempt(
        self, module: str, undos: list[Undo], meter: CreditMeter
    ) -> Unfinished[Undo]:
        tried = [one.intent.tried_at for one in undos if one.intent is not None]
        await let_settle(tried, self._pacing)
        current = await self._read(module, undos)
        share = meter.share(len(undos))
        rules = await self._destination.rules(module)
        kept = await self._crosswalk.kept_parents(
            undos[0].arrival.write.run_id, [one.zoho_id for one in undos]
        )
        decisions: list[Decision] = []
        deletions: list[Undo] = []
        restorations: list[Undo] = []
        for one in undos:
            row = current.get(one.zoho_id)
            if not one.zoho_id:
                decisions.append(_ended(one, Outcome.FAILED, reasons.UNDO_INCOMPLETE, share))
            elif one.arrival.write.op is Op.UNDO_UPDATE:
                found = _restoration(one, row, rules.unreadable, share)
                if found is None:
                    restorations.append(one)
                else:
                    decisions.append(found)
            else:
                verdict = undo_create(
                    one.sent,
                    row,
                    later=one.base,
                    migration_user_id=one.migration_user_id,
                    has_kept_child=one.zoho_id in kept,
                    unreadable=rules.unreadable,
                )
                if verdict is UndoVerdict.DELETE:
                    deletions.append(one)
                else:
                    decisions.append(_not_deleted(one, verdict, share))
        await self._record(decisions)
        left = await self._delete(module, deletions, share, meter)
        left += await self._restore(module, restorations, share, meter)
        cause = None
        if left:
            cause = ZohoUnavailable(
                f"Zoho did not take back {len(left)} records of {module} for now.",
                module=module,
                count=len(left),
            )
        return Unfinished(left, cause)

    async def _read(self, module: str, undos: Sequence[Undo]) -> dict[str, Row]:
        names = readable_fields(
            *(one.sent for one in undos), *(one.arrival.write.before for one in undos)
        )
        wanted = [
            Wanted(one.zoho_id, parent_of(one.sent) or parent_of(one.base))
            for one in undos
            if one.zoho_id
        ]
        return await self._destination.read(module, wanted, [*names, MODIFIED_BY])

    async def _delete(
        self, module: str, undos: Sequence[Undo], read_share: float, meter: CreditMeter
    ) -> list[Undo]:
        if not undos:
            return []
        await self._open([NewIntent(one.arrival) for one in undos])
        call = self._destination.delete(module, [one.zoho_id for one in undos])
        return await self._conclude(module, undos, call, read_share, meter)

    async def _restore(
        self, module: str, undos: Sequence[Undo], read_share: float, meter: CreditMeter
    ) -> list[Undo]:
        planned = [(one, one.restoration) for one in undos if one.restoration is not None]
        if not planned:
            return []
        await self._open(
            [NewIntent(one.arrival, plan.to_write, plan.current) for one, plan in planned]
        )
        rows = [{**plan.to_write, "id": one.zoho_id} for one, plan in planned]
        call = self._destination.update(module, rows, None)
        return await self._conclude(module, undos, call, read_share, meter)

    async def _open(self, intents: Sequence[NewIntent]) -> None:
        await self._ledger.open(intents)
        self._on_step(Step.INTENT_OPENED)

    async def _conclude(
        self,
        module: str,
        undos: Sequence[Undo],
        call: Awaitable[list[ElementResult]],
        read_share: float,
        meter: CreditMeter,
    ) -> list[Undo]:
        """Send a call and record what is decided by its answer; return what must be tried again.

        Args:
            module: Of the records.
            undos: What the call takes back, in its order.
            call: Not yet sent; its intents are open.
            read_share: Each one's share of what reading cost.
            meter: Counts the call.
        """
        try:
            results = await call
        except WriteOutcomeUnknown:
            return await self._doubtful(undos)
        except RequestRefused as refused:
            reason = request_refused(refused)
            await self._record([_ended(one, Outcome.FAILED, reason, read_share) for one in undos])
            return []
        except (TransientError, StopRun):
            await self._withdraw_new(undos)
            raise
        self._on_step(Step.CALL_ANSWERED)
        share = read_share + meter.share(len(undos))
        decisions: list[Decision] = []
        left: list[Undo] = []
        stop: RunStopped | None = None
        for one, result in zip(undos, results, strict=True):
            match end_of(result):
                case End.DONE:
                    decisions.append(_taken_back(one, share))
                case End.REFUSED:
                    reason = element_refused(result)
                    decisions.append(_ended(one, Outcome.FAILED, reason, share))
                case End.STOP:
                    stop = element_stops(result, module)
                case _:
                    left.append(one)
        await self._record(decisions)
        if stop is not None:
            raise stop
        return left

    async def _doubtful(self, undos: Sequence[Undo]) -> list[Undo]:
        """Remember that an answer was lost; reading again tells what became of it."""
        known = await self._ledger.open_intents([one.arrival.message_id for one in undos])
        for one in undos:
            one.intent = known.get(one.arrival.message_id)
        return list(undos)

    async def _withdraw_new(self, undos: Sequence[Undo]) -> None:
        # An intent from before this try may still speak of an applied request: it stays.
        new = [one.arrival.message_id for one in undos if one.intent is None]
        await self._ledger.withdraw(new)

    async def _record(self, decisions: Sequence[Decision]) -> None:
        if decisions:
            await self._ledger.record(decisions)
            self._on_step(Step.DECISION_RECORDED)


def _not_deleted(one: Undo, verdict: UndoVerdict, share: float) -> Decision:
    if verdict is UndoVerdict.GONE and one.intent is not None:
        # We were about to delete it and it is gone: that was us.
        return _deleted(one, share)
    if verdict is UndoVerdict.GONE:
        ended = outcome_of(
            one.arrival,
            Outcome.UNCHANGED,
            zoho_id=one.zoho_id,
            reason=reasons.NOTHING_TO_UNDO,
            credits=share,
        )
        return Decision(one.arrival, ended, unlink=one.zoho_id)
    ended = outcome_of(
        one.arrival, Outcome.SKIPPED, zoho_id=one.zoho_id, reason=_KEPT[verdict], credits=share
    )
    return Decision(one.arrival, ended, keeps=frozenset(looked_up_ids(one.sent)))


def _restoration(one: Undo, row: Row | None, unreadable: Any, share: float) -> Decision | None:
    """Plan what goes back; None where there is something to send (then it is in ``one``)."""
    before = one.arrival.write.before
    if row is None:
        return _ended(one, Outcome.UNCHANGED, reasons.NOTHING_TO_UNDO, share)
    if before is None:
        return _ended(one, Outcome.SKIPPED, reasons.NO_BEFORE_IMAGE, share)
    plan = undo_update(one.sent, before, row, unreadable=unreadable)
    one.restoration = plan
    if plan.to_write:
        return None
    if one.intent is not None and one.intent.sent:
        done = Restoration(dict(one.intent.sent), dict(one.intent.before), plan.restored, plan.kept)
        return _restored(one, done, share)
    if not plan.restored:
        ended = outcome_of(
            one.arrival,
            Outcome.SKIPPED,
            zoho_id=one.zoho_id,
            reason=reasons.NOTHING_RESTORED,
            conflicts=plan.kept,
            credits=share,
        )
        return Decision(one.arrival, ended)
    ended = outcome_of(
        one.arrival,
        Outcome.UNCHANGED,
        zoho_id=one.zoho_id,
        conflicts=plan.kept,
        credits=share,
    )
    return Decision(one.arrival, ended, link=_link_back(one, plan))


def _taken_back(one: Undo, share: float) -> Decision:
    if one.restoration is None:
        return _deleted(one, share)
    return _restored(one, one.restoration, share)


def _deleted(one: Undo, share: float) -> Decision:
    ended = outcome_of(
        one.arrival, Outcome.UPDATED, effect=Effect.DELETED, zoho_id=one.zoho_id, credits=share
    )
    return Decision(one.arrival, ended, unlink=one.zoho_id)


def _restored(one: Undo, plan: Restoration, share: float) -> Decision:
    ended = outcome_of(
        one.arrival,
        Outcome.UPDATED,
        effect=Effect.RESTORED,
        zoho_id=one.zoho_id,
        sent=plan.to_write,
        before=plan.current,
        conflicts=plan.kept,
        credits=share,
    )
    return Decision(one.arrival, ended, link=_link_back(one, plan))


def _link_back(one: Undo, plan: Restoration) -> NewLink | None:
    """Make the crosswalk say what was ours before the undone run, so that it can run again."""
    if one.link is None or one.link.zoho_id != one.zoho_id:
        return None
    return NewLink(one.link.module, one.zoho_id, {**one.base, **plan.restored}, fields_hash="")


def _ended(one: Undo, outcome: Outcome, reason: Reason, share: float) -> Decision:
    ended = outcome_of(
        one.arrival, outcome, zoho_id=one.zoho_id or None, reason=reason, credits=share
    )
    return Decision(one.arrival, ended)
