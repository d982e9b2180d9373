"""Records that are not in Zoho yet: asked about where a request was lost, then created once.

Zoho knows no idempotency key. So before anything is sent an intent is durable; and a creation
whose answer is unknown is looked for by its source id (or a note by its marker) before it is sent
again. What is found and was not ours is adopted, never overwritten.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bridgework_contracts.errors import StopRun, TransientError
from bridgework_contracts.ids import MessageId
from bridgework_contracts.outcomes import Effect, Outcome, Reason
from bridgework_contracts.records import Problem
from bridgework_zoho.errors import RequestRefused, RunStopped, WriteOutcomeUnknown, ZohoUnavailable
from bridgework_zoho.metering import CreditMeter
from bridgework_zoho.results import ElementResult

from bridgework_loader.adapters.ledger import NewIntent, WriteLedger
from bridgework_loader.domain import reasons
from bridgework_loader.domain.arrivals import Arrival, Link, fields_hash
from bridgework_loader.domain.deciding import Decision, NewLink, outcome_of
from bridgework_loader.domain.settling import Finding, creation_found
from bridgework_loader.pacing import OnStep, Pacing, Step
from bridgework_loader.patience import Unfinished, insist, let_settle
from bridgework_loader.ports import Destination, Parent, Row, Sought, can_be_found, parent_of
from bridgework_loader.refusing import (
    End,
    element_refused,
    element_stops,
    end_of,
    request_refused,
)
from bridgework_loader.strangers import StrangerWatch
from bridgework_loader.updating import Change, Updater


@dataclass(slots=True)
class Creation:
    """One record on its way into Zoho.

    Attributes:
        fields: As Zoho takes them, lookups filled in.
        problems: What the mapping or we had to leave out.
        whole: Nothing was left out, so an equal write later needs no second look.
        opened_at: When the first intent to create it was written; None before.
        tried_at: When a request whose answer is unknown was sent; None if there is none.
        absent: Zoho was asked and does not have it.
    """

    arrival: Arrival
    fields: dict[str, Any] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    whole: bool = True
    migration_user_id: str | None = None
    opened_at: datetime | None = None
    tried_at: datetime | None = None
    absent: bool = False

    @property
    def parent(self) -> Parent | None:
        """The record a note hangs on."""
        return parent_of(self.fields)


class Creator:
    """Creates records of one org."""

    def __init__(
        self,
        *,
        destination: Destination,
        ledger: WriteLedger,
        updater: Updater,
        strangers: StrangerWatch,
        pacing: Pacing,
        on_step: OnStep,
    ) -> None:
        self._destination = destination
        self._ledger = ledger
        self._updater = updater
        self._strangers = strangers
        self._pacing = pacing
        self._on_step = on_step

    async def create(self, module: str, creations: list[Creation], meter: CreditMeter) -> None:
        """Create up to ``rows_per_call`` records of one module and record what became of each.

        Raises:
            TransientError: some are left for later; those that were decided are recorded.
            StopRun: Zoho takes no more writes until a person acts.
        """
        await insist(lambda some: self._attempt(module, some, meter), creations, self._pacing)

    async def _attempt(
        self, module: str, creations: list[Creation], meter: CreditMeter
    ) -> Unfinished[Creation]:
        absent = await self._ask(module, creations, meter)
        if not absent:
            return Unfinished([])
        await self._ledger.open([NewIntent(one.arrival) for one in absent])
        now = datetime.now(UTC)
        for one in absent:
            one.opened_at = one.opened_at or now
        self._on_step(Step.INTENT_OPENED)
        external_id_field = absent[0].arrival.write.external_id_field
        try:
            results = await self._destination.create(
                module, [one.fields for one in absent], external_id_field
            )
        except WriteOutcomeUnknown as unknown:
            for one in absent:
                one.tried_at = datetime.now(UTC)
            return Unfinished(absent, unknown)
        except RequestRefused as refused:
            share = meter.share(len(absent))
            reason = request_refused(refused)
            await self._ledger.record([_failed(one, reason, share) for one in absent])
            return Unfinished([])
        except (TransientError, StopRun):
            # Certainly not applied: no reason to ask about these later.
            await self._ledger.withdraw([one.arrival.message_id for one in absent])
            raise
        self._on_step(Step.CALL_ANSWERED)
        return await self._conclude(module, absent, results, meter)

    async def _ask(
        self, module: str, creations: list[Creation], meter: CreditMeter
    ) -> list[Creation]:
        """Look for those that may be in Zoho; adopt what is found; return the others."""
        write = creations[0].arrival.write
        watchful = await self._strangers.possible(write)
        doubtful = [one for one in creations if one.tried_at or (watchful and not one.absent)]
        if not doubtful:
            return creations
        lost = [one for one in doubtful if one.tried_at is not None]
        silent = [one for one in lost if not can_be_found(one.arrival.write)]
        if silent:
            await self._ledger.record(
                [_failed(one, reasons.CANNOT_BE_ASKED, 0.0) for one in silent]
            )
            gone = {id(one) for one in silent}
            left = [one for one in creations if id(one) not in gone]
            return await self._ask(module, left, meter) if left else []
        tried = [one.tried_at for one in lost if one.tried_at is not None]
        await let_settle(tried, self._pacing)
        found = await self._destination.find(
            module, [Sought(one.arrival.write, one.parent) for one in doubtful]
        )
        here = [(one, row) for one, row in zip(doubtful, found, strict=True) if row is not None]
        await self._adopt(module, here, meter)
        adopted = {id(one) for one, _ in here}
        for one in doubtful:
            one.absent = True
        return [one for one in creations if id(one) not in adopted]

    async def _adopt(
        self, module: str, here: Sequence[tuple[Creation, Row]], meter: CreditMeter
    ) -> None:
        """Conclude about records that turned out to be in Zoho."""
        ours: list[tuple[Creation, str]] = []
        earlier: list[Change] = []
        for one, row in here:
            finding = creation_found(
                row,
                opened_at=one.opened_at,
                migration_user_id=one.migration_user_id,
                clock_tolerance_s=self._pacing.clock_tolerance_s,
            )
            if finding is Finding.OURS:
                ours.append((one, str(row["id"])))
            else:
                earlier.append(
                    Change(
                        arrival=one.arrival,
                        link=Link(module, str(row["id"])),
                        base={},
                        ours=one.fields,
                        problems=one.problems,
                        whole=one.whole,
                    )
                )
        if ours:
            share = meter.share(len(ours))
            await self._record([_created(one, id_, share) for one, id_ in ours])
        if earlier:
            await self._updater.update(module, earlier, meter)

    async def _conclude(
        self,
        module: str,
        creations: Sequence[Creation],
        results: Sequence[ElementResult],
        meter: CreditMeter,
    ) -> Unfinished[Creation]:
        share = meter.share(len(creations))
        decisions: list[Decision] = []
        again: list[Creation] = []
        duplicates: list[Creation] = []
        not_applied: list[MessageId] = []
        stop: RunStopped | None = None
        for one, result in zip(creations, results, strict=True):
            end = end_of(result)
            if end is End.DONE:
                decisions.append(_landed(one, result, share))
            elif end is End.UNCLEAR:
                one.tried_at = datetime.now(UTC)
                again.append(one)
            elif result.duplicate_id is not None and can_be_found(one.arrival.write):
                duplicates.append(one)
            elif end is End.REFUSED:
                decisions.append(_failed(one, element_refused(result), share))
            else:
                not_applied.append(one.arrival.message_id)
                again.append(one)
                stop = element_stops(result, module) if end is End.STOP else stop
        await self._ledger.withdraw(not_applied)
        await self._record(decisions)
        if duplicates:
            await self._link_duplicates(module, duplicates, meter)
        if stop is not None:
            raise stop
        cause = None
        if again:
            cause = ZohoUnavailable(
                f"Zoho did not take {len(again)} records of {module} for now.",
                module=module,
                count=len(again),
            )
        return Unfinished(again, cause)

    async def _record(self, decisions: Sequence[Decision]) -> None:
        if decisions:
            await self._ledger.record(decisions)
            self._on_step(Step.DECISION_RECORDED)

    async def _link_duplicates(
        self, module: str, duplicates: Sequence[Creation], meter: CreditMeter
    ) -> None:
        """Zoho has these already. Ours by their source id: link them. Others': refused."""
        found = await self._destination.find(
            module, [Sought(one.arrival.write, one.parent) for one in duplicates]
        )
        pairs = list(zip(duplicates, found, strict=True))
        others = [one for one, row in pairs if row is None]
        if others:
            share = meter.share(len(others))
            await self._record(
                [_failed(one, reasons.DUPLICATE_OF_ANOTHER, share) for one in others]
            )
        await self._adopt(module, [(one, row) for one, row in pairs if row is not None], meter)


def _landed(one: Creation, result: ElementResult, share: float) -> Decision:
    assert result.id is not None  # noqa: S101 - the caller looked
    overwrote = result.action == "update" and not result.repeated and one.tried_at is None
    if not overwrote:
        return _created(one, result.id, share)
    # Somebody put a record with our source id there after we had looked; its values before us
    # are lost, so the outcome has no before-image and an undo will leave the record alone.
    return Decision(
        one.arrival,
        outcome_of(
            one.arrival,
            Outcome.UPDATED,
            effect=Effect.CHANGED,
            zoho_id=result.id,
            sent=one.fields,
            problems=one.problems,
            credits=share,
        ),
        link=_link(one, result.id),
    )


def _created(one: Creation, zoho_id: str, share: float) -> Decision:
    return Decision(
        one.arrival,
        outcome_of(
            one.arrival,
            Outcome.INSERTED,
            effect=Effect.CREATED,
            zoho_id=zoho_id,
            sent=one.fields,
            problems=one.problems,
            credits=share,
        ),
        link=_link(one, zoho_id),
    )


def _link(one: Creation, zoho_id: str) -> NewLink:
    hashed = fields_hash(one.fields) if one.whole else ""
    return NewLink(one.arrival.write.module, zoho_id, one.fields, hashed)


def _failed(one: Creation, reason: Reason, share: float) -> Decision:
    outcome = outcome_of(
        one.arrival, Outcome.FAILED, reason=reason, problems=one.problems, credits=share
    )
    return Decision(one.arrival, outcome)
