"""Taking writes back, under the same budget, intents and outcomes as making them."""

from collections.abc import Sequence
from typing import Any

from bridgework_contracts.errors import StopRun, TransientError
from bridgework_contracts.outcomes import Effect, Outcome
from bridgework_contracts.writes import Op
from bridgework_zoho.errors import ZohoUnavailable

from bridgework_loader.adapters.crosswalk import Crosswalk
from bridgework_loader.adapters.ledger import NewIntent, WriteLedger
from bridgework_loader.domain import reasons
from bridgework_loader.domain.arrivals import Arrival
from bridgework_loader.domain.deciding import Decision, outcome_of
from bridgework_loader.domain.merging import readable_fields
from bridgework_loader.domain.undoing import (
    MODIFIED_BY,
    Restoration,
    UndoVerdict,
    looked_up_ids,
    undo_create,
    undo_update,
)
from bridgework_loader.metering import CreditMeter
from bridgework_loader.pacing import OnStep, Pacing, Step
from bridgework_loader.patience import Unfinished, insist
from bridgework_loader.ports import Destination, Wanted, parent_of
from bridgework_loader.refusing import element_refused

_KEPT = {
    UndoVerdict.KEPT_EDITED: reasons.KEPT_EDITED,
    UndoVerdict.KEPT_FOR_CHILD: reasons.KEPT_FOR_CHILD,
}


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

    async def undo(
        self,
        module: str,
        arrivals: list[Arrival],
        migration_user_id: str | None,
        meter: CreditMeter,
    ) -> None:
        """Undo up to ``rows_per_call`` writes of one module and record each end.

        Raises:
            TransientError: some are left for later.
            StopRun: Zoho takes no more writes until a person acts.
        """

        async def attempt(some: list[Arrival]) -> Unfinished[Arrival]:
            return await self._attempt(module, some, migration_user_id, meter)

        await insist(attempt, arrivals, self._pacing)

    async def _attempt(
        self,
        module: str,
        arrivals: list[Arrival],
        migration_user_id: str | None,
        meter: CreditMeter,
    ) -> Unfinished[Arrival]:
        rules = await self._destination.rules(module)
        wanted = {
            one.message_id: Wanted(one.write.zoho_id, parent_of(one.write.sent or {}))
            for one in arrivals
            if one.write.zoho_id
        }
        names = readable_fields(
            *(one.write.sent for one in arrivals), *(one.write.before for one in arrivals)
        )
        current = await self._destination.read(module, list(wanted.values()), [*names, MODIFIED_BY])
        kept_parents = await self._crosswalk.kept_parents(
            arrivals[0].write.run_id, [one.zoho_id for one in wanted.values()]
        )
        decisions: list[Decision] = []
        deletions: list[Arrival] = []
        restorations: list[tuple[Arrival, Restoration]] = []
        for one in arrivals:
            write, zoho_id = one.write, one.write.zoho_id
            if zoho_id is None:
                decisions.append(_ended(one, Outcome.FAILED, reasons.UNDO_INCOMPLETE))
                continue
            theirs = current.get(zoho_id)
            if write.op is Op.UNDO_CREATE:
                verdict = undo_create(
                    write.sent or {},
                    theirs,
                    migration_user_id=migration_user_id,
                    has_kept_child=zoho_id in kept_parents,
                    unreadable=rules.unreadable,
                )
                if verdict is UndoVerdict.DELETE:
                    deletions.append(one)
                elif verdict is UndoVerdict.GONE:
                    decisions.append(_deleted(one, Outcome.UNCHANGED))
                else:
                    decisions.append(
                        Decision(
                            one,
                            outcome_of(
                                one, Outcome.SKIPPED, zoho_id=zoho_id, reason=_KEPT[verdict]
                            ),
                            keeps=frozenset(looked_up_ids(write.sent or {})),
                        )
                    )
            elif theirs is None:
                decisions.append(_ended(one, Outcome.UNCHANGED, reasons.NOTHING_TO_UNDO))
            elif write.before is None:
                decisions.append(_ended(one, Outcome.SKIPPED, reasons.NOTHING_RESTORED))
            else:
                restoration = undo_update(
                    write.sent or {}, write.before, theirs, unreadable=rules.unreadable
                )
                if restoration.to_write:
                    restorations.append((one, restoration))
                else:
                    decisions.append(_restored(one, restoration, 0.0))
        if decisions:
            await self._ledger.record(decisions)
            self._on_step(Step.DECISION_RECORDED)
        left = await self._delete(module, deletions, meter)
        left += await self._restore(module, restorations, meter)
        cause = None
        if left:
            cause = ZohoUnavailable(
                f"Zoho did not take back {len(left)} records of {module} for now.", module=module
            )
        return Unfinished(left, cause)

    async def _delete(
        self, module: str, arrivals: Sequence[Arrival], meter: CreditMeter
    ) -> list[Arrival]:
        if not arrivals:
            return []
        await self._ledger.open([NewIntent(one) for one in arrivals])
        self._on_step(Step.INTENT_OPENED)
        results = await self._destination.delete(
            module, [one.write.zoho_id or "" for one in arrivals]
        )
        self._on_step(Step.CALL_ANSWERED)
        share = meter.share(len(arrivals))
        decisions: list[Decision] = []
        left: list[Arrival] = []
        for one, result in zip(arrivals, results, strict=True):
            if result.ok:
                decisions.append(_deleted(one, Outcome.UPDATED, share))
            elif result.advice.action.value in {"retry", "wait_for_credits", "ask"}:
                left.append(one)
            else:
                decisions.append(_ended(one, Outcome.FAILED, element_refused(result)))
        if decisions:
            await self._ledger.record(decisions)
            self._on_step(Step.DECISION_RECORDED)
        return left

    async def _restore(
        self,
        module: str,
        restorations: Sequence[tuple[Arrival, Restoration]],
        meter: CreditMeter,
    ) -> list[Arrival]:
        if not restorations:
            return []
        await self._ledger.open([NewIntent(one, r.to_write, r.current) for one, r in restorations])
        self._on_step(Step.INTENT_OPENED)
        rows: list[dict[str, Any]] = [
            {"id": one.write.zoho_id, **r.to_write} for one, r in restorations
        ]
        try:
            results = await self._destination.update(module, rows, None)
        except (TransientError, StopRun):
            # Putting the same old values back twice changes nothing: simply try again.
            await self._ledger.withdraw([one.message_id for one, _ in restorations])
            raise
        self._on_step(Step.CALL_ANSWERED)
        share = meter.share(len(restorations))
        decisions: list[Decision] = []
        left: list[Arrival] = []
        for (one, restoration), result in zip(restorations, results, strict=True):
            if result.ok:
                decisions.append(_restored(one, restoration, share))
            elif result.advice.action.value in {"retry", "wait_for_credits", "ask"}:
                left.append(one)
            else:
                decisions.append(_ended(one, Outcome.FAILED, element_refused(result)))
        await self._ledger.record(decisions)
        self._on_step(Step.DECISION_RECORDED)
        return left


def _ended(one: Arrival, outcome: Outcome, reason: Any) -> Decision:
    return Decision(one, outcome_of(one, outcome, zoho_id=one.write.zoho_id, reason=reason))


def _deleted(one: Arrival, outcome: Outcome, share: float = 0.0) -> Decision:
    ended = outcome_of(
        one, outcome, effect=Effect.DELETED, zoho_id=one.write.zoho_id, credits=share
    )
    return Decision(one, ended, unlink=one.write.zoho_id)


def _restored(one: Arrival, restoration: Restoration, share: float) -> Decision:
    changed = bool(restoration.restored)
    ended = outcome_of(
        one,
        Outcome.UPDATED if changed else Outcome.SKIPPED,
        effect=Effect.RESTORED if changed else Effect.NONE,
        zoho_id=one.write.zoho_id,
        reason=None if changed else reasons.NOTHING_RESTORED,
        sent=restoration.to_write,
        before=restoration.current,
        conflicts=restoration.kept,
        credits=share,
    )
    return Decision(one, ended)
