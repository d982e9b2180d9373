"""Records that are in Zoho already: read, merged three ways, written where only we have been.

Reading and writing are two calls. What a person changes between them is caught by Zoho itself:
the write is refused for records modified after the newest modification we read, on Zoho's clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bridgework_contracts.errors import StopRun, TransientError
from bridgework_contracts.outcomes import Effect, Outcome
from bridgework_contracts.records import Problem
from bridgework_zoho.errors import RequestRefused, RunStopped, WriteOutcomeUnknown, ZohoUnavailable
from bridgework_zoho.metering import CreditMeter
from bridgework_zoho.results import ElementResult

from bridgework_loader.adapters.ledger import Intent, NewIntent, WriteLedger
from bridgework_loader.domain import reasons
from bridgework_loader.domain.arrivals import Arrival, Link, fields_hash
from bridgework_loader.domain.deciding import Decision, NewLink, outcome_of
from bridgework_loader.domain.merging import Merge, merge, readable_fields
from bridgework_loader.domain.settling import UpdateFinding, update_found
from bridgework_loader.pacing import OnStep, Pacing, Step
from bridgework_loader.patience import Unfinished, insist, let_settle
from bridgework_loader.ports import Destination, ModuleRules, Row, Wanted, parent_of
from bridgework_loader.refusing import (
    End,
    element_refused,
    element_stops,
    end_of,
    request_refused,
)

MODIFIED_TIME = "Modified_Time"
_SOMEBODY_WAS_FASTER = frozenset(
    {"ALREADY_MODIFIED", "ID_ALREADY_DELETED", "NO_RECORDS_FOUND", "RESOURCE_NOT_FOUND"}
)
"""Codes after which nothing was applied and reading again tells what to do."""


@dataclass(slots=True)
class Change:
    """One record to bring up to date.

    Attributes:
        link: Where it is.
        base: What we last wrote there; empty for a record we found and adopt.
        ours: What the source says now, as Zoho takes it.
        whole: Nothing was left out of ``ours``.
        intent: An earlier update whose answer is unknown.
    """

    arrival: Arrival
    link: Link
    base: Mapping[str, Any] = field(repr=False)
    ours: dict[str, Any] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    whole: bool = True
    intent: Intent | None = None


@dataclass(frozen=True, slots=True)
class _Planned:
    change: Change
    merge: Merge
    problems: tuple[Problem, ...]


class Updater:
    """Updates records of one org."""

    def __init__(
        self,
        *,
        destination: Destination,
        ledger: WriteLedger,
        pacing: Pacing,
        on_step: OnStep,
    ) -> None:
        self._destination = destination
        self._ledger = ledger
        self._pacing = pacing
        self._on_step = on_step

    async def update(self, module: str, changes: list[Change], meter: CreditMeter) -> None:
        """Merge up to ``rows_per_call`` records of one module and record what became of each.

        Raises:
            TransientError: some are left for later; those that were decided are recorded.
            StopRun: Zoho takes no more writes until a person acts.
        """
        await insist(lambda some: self._attempt(module, some, meter), changes, self._pacing)

    async def _attempt(
        self, module: str, changes: list[Change], meter: CreditMeter
    ) -> Unfinished[Change]:
        tried = [one.intent.tried_at for one in changes if one.intent is not None]
        await let_settle(tried, self._pacing)
        rules = await self._destination.rules(module)
        names = readable_fields(*(one.ours for one in changes), *(one.base for one in changes))
        current = await self._destination.read(
            module,
            [Wanted(one.link.zoho_id, _parent(one)) for one in changes],
            [*names, MODIFIED_TIME],
        )
        settled: list[Decision] = []
        planned: list[_Planned] = []
        share = meter.share(len(changes))
        for one in changes:
            found = _plan(one, current.get(one.link.zoho_id), rules, share)
            if isinstance(found, Decision):
                settled.append(found)
            else:
                planned.append(found)
        if settled:
            await self._ledger.record(settled)
            self._on_step(Step.DECISION_RECORDED)
        if not planned:
            return Unfinished([])
        return await self._write(module, planned, _newest(current), share, meter)

    async def _write(
        self,
        module: str,
        planned: Sequence[_Planned],
        unmodified_since: datetime | None,
        read_share: float,
        meter: CreditMeter,
    ) -> Unfinished[Change]:
        changes = [one.change for one in planned]
        await self._ledger.open(
            [NewIntent(p.change.arrival, p.merge.to_write, p.merge.before) for p in planned]
        )
        self._on_step(Step.INTENT_OPENED)
        rows = [{**p.merge.to_write, "id": p.change.link.zoho_id} for p in planned]
        try:
            results = await self._destination.update(module, rows, unmodified_since)
        except WriteOutcomeUnknown as unknown:
            await self._remember_intents(changes)
            return Unfinished(changes, unknown)
        except RequestRefused as refused:
            reason = request_refused(refused)
            await self._ledger.record(
                [
                    Decision(
                        one.arrival,
                        outcome_of(one.arrival, Outcome.FAILED, reason=reason, credits=read_share),
                    )
                    for one in changes
                ]
            )
            return Unfinished([])
        except (TransientError, StopRun):
            # An intent from before this try may still speak of an applied request: it stays.
            new = [one.arrival.message_id for one in changes if one.intent is None]
            await self._ledger.withdraw(new)
            raise
        self._on_step(Step.CALL_ANSWERED)
        return await self._conclude(module, planned, results, read_share, meter)

    async def _remember_intents(self, changes: Sequence[Change]) -> None:
        known = await self._ledger.open_intents([one.arrival.message_id for one in changes])
        for one in changes:
            one.intent = known.get(one.arrival.message_id)

    async def _conclude(
        self,
        module: str,
        planned: Sequence[_Planned],
        results: Sequence[ElementResult],
        read_share: float,
        meter: CreditMeter,
    ) -> Unfinished[Change]:
        share = read_share + meter.share(len(planned))
        decisions: list[Decision] = []
        again: list[Change] = []
        unclear: list[Change] = []
        stop: RunStopped | None = None
        not_applied: list[Arrival] = []
        for one, result in zip(planned, results, strict=True):
            end = end_of(result)
            if end is End.DONE:
                decisions.append(_updated(one, share))
                continue
            if end is End.UNCLEAR and result.code not in _SOMEBODY_WAS_FASTER:
                unclear.append(one.change)
                continue
            not_applied.append(one.change.arrival)
            one.change.intent = None
            if end is End.STOP:
                stop = element_stops(result, module)
            elif end is End.REFUSED and result.field != "id":
                decisions.append(_refused(one.change, element_refused(result), share))
            else:
                again.append(one.change)
        await self._ledger.withdraw([arrival.message_id for arrival in not_applied])
        if decisions:
            await self._ledger.record(decisions)
            self._on_step(Step.DECISION_RECORDED)
        await self._remember_intents(unclear)
        again += unclear
        if stop is not None:
            raise stop
        cause = None
        if again:
            cause = ZohoUnavailable(
                f"Zoho did not take {len(again)} changes in {module} for now.",
                module=module,
                count=len(again),
            )
        return Unfinished(again, cause)


def _plan(one: Change, row: Row | None, rules: ModuleRules, share: float) -> Decision | _Planned:
    """Decide about one record from what is in Zoho now."""
    if row is None:
        outcome = outcome_of(
            one.arrival,
            Outcome.SKIPPED,
            zoho_id=one.link.zoho_id,
            reason=reasons.DELETED_IN_ZOHO,
            problems=one.problems,
            credits=share,
        )
        return Decision(one.arrival, outcome)
    if one.intent is not None and one.intent.sent:
        finding = update_found(one.intent.sent, one.intent.before, row)
        if finding is UpdateFinding.APPLIED:
            return _applied_before(one, one.intent, row, share)
    merged = merge(one.base, row, one.ours, unreadable=rules.unreadable)
    problems = one.problems + _drop_fixed(one, merged, rules)
    planned = _Planned(one, merged, problems)
    if not merged.to_write:
        return _decided(planned, Outcome.UNCHANGED, Effect.NONE, share)
    reason = rules.check(merged.to_write, "update")
    return _refused(one, reason, share) if reason is not None else planned


def _drop_fixed(one: Change, merged: Merge, rules: ModuleRules) -> tuple[Problem, ...]:
    """Leave out what Zoho never changes in an existing record (a note's parent, say)."""
    fixed = [name for name in merged.to_write if rules.fixed(name)]
    where = one.arrival.write.provenance[0] if one.arrival.write.provenance else None
    problems = []
    for name in fixed:
        del merged.to_write[name]
        merged.before.pop(name, None)
        if name in one.base:
            merged.base[name] = one.base[name]
        else:
            merged.base.pop(name, None)
        problems.append(
            Problem(
                file=where.file if where else "",
                line=where.line if where else 0,
                field=name,
                code="not_changeable",
                effect="left_out",
                remedy="Zoho does not change this field in an existing record: "
                "delete the record in Zoho and run again, or leave it.",
            )
        )
    return tuple(problems)


def _applied_before(one: Change, intent: Intent, row: Row, share: float) -> Decision:
    """Record an update whose answer was lost: what it replaced is known from its intent."""
    merged = merge({**one.base, **intent.sent}, row, one.ours)
    done = Merge(
        to_write=dict(intent.sent),
        before=dict(intent.before),
        conflicts=merged.conflicts,
        base=merged.base,
    )
    return _decided(_Planned(one, done, one.problems), Outcome.UPDATED, Effect.CHANGED, share)


def _updated(planned: _Planned, share: float) -> Decision:
    return _decided(planned, Outcome.UPDATED, Effect.CHANGED, share)


def _decided(planned: _Planned, outcome: Outcome, effect: Effect, share: float) -> Decision:
    one, merged = planned.change, planned.merge
    changed = effect is not Effect.NONE
    base = {name: value for name, value in merged.base.items() if not name.startswith("$")}
    complete = one.whole and not merged.conflicts and len(planned.problems) == len(one.problems)
    return Decision(
        one.arrival,
        outcome_of(
            one.arrival,
            outcome,
            effect=effect,
            zoho_id=one.link.zoho_id,
            sent=merged.to_write if changed else None,
            before=merged.before if changed else None,
            conflicts=merged.conflicts,
            problems=planned.problems,
            credits=share,
        ),
        link=NewLink(
            one.link.module, one.link.zoho_id, base, fields_hash(one.ours) if complete else ""
        ),
    )


def _refused(one: Change, reason: Any, share: float) -> Decision:
    outcome = outcome_of(
        one.arrival,
        Outcome.FAILED,
        zoho_id=one.link.zoho_id,
        reason=reason,
        problems=one.problems,
        credits=share,
    )
    return Decision(one.arrival, outcome)


def _parent(one: Change) -> Any:
    return parent_of(one.base) or parent_of(one.ours)


def _newest(current: Mapping[str, Row]) -> datetime | None:
    """Return the moment after which nobody else may have written; None where Zoho says nothing.

    Zoho shows whole seconds but may keep finer ones: without the extra second it would refuse the
    very version that was read.
    """
    times = [row[MODIFIED_TIME] for row in current.values() if row.get(MODIFIED_TIME)]
    newest = max((datetime.fromisoformat(str(time)) for time in times), default=None)
    return None if newest is None else newest + timedelta(seconds=1)
