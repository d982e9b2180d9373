"""``writes`` pass the gates into the engine; parked writes return."""

from bridgework_contracts.ids import MessageId, message_id
from bridgework_contracts.outcomes import Outcome
from bridgework_contracts.writes import WriteRecord
from bridgework_eventlog.loop import Batch, Delivery, Hold
from bridgework_service.gates import Gates, Passage, passage
from bridgework_service.tenants import Tenant

from bridgework_loader.adapters.ledger import WriteLedger
from bridgework_loader.domain import reasons
from bridgework_loader.domain.arrivals import Arrival
from bridgework_loader.domain.deciding import Decision, outcome_of
from bridgework_loader.metrics import LoaderMetrics
from bridgework_loader.writing import Writing

_RELEASE_BATCH = 200


class WritesHandler:
    """One tenant's writes."""

    def __init__(self, *, gates: Gates, writing: Writing, ledger: WriteLedger) -> None:
        self._gates = gates
        self._writing = writing
        self._ledger = ledger

    async def handle(self, batch: Batch) -> None:
        """Write what may be written; hold the partition at the first write that may not.

        Raises:
            Hold: a run is unknown or paused, a wave is not open, or the run needs a person.
            TransientError: Zoho or PostgreSQL do not answer, or credits are used up.
        """
        found = [
            (index, arrival_of(delivery, delivery.message))
            for index, delivery in enumerate(batch)
            if isinstance(delivery.message, WriteRecord)
        ]
        gates = await self._gates.of({one.write.run_id for _, one in found})
        passed: dict[MessageId, tuple[Arrival, Passage]] = {}
        held: Hold | None = None
        for index, arrival in found:
            verdict = passage(gates.get(arrival.write.run_id), arrival.write.object)
            if verdict is Passage.HOLD:
                held = Hold(index, "wave_not_open")
                break
            passed.setdefault(arrival.message_id, (arrival, verdict))
        decided = await self._ledger.repeat_decided(list(passed))
        new = [pair for id_, pair in passed.items() if id_ not in decided]
        # What may have reached Zoho before its run was cancelled is brought to its end: a record
        # there without a word in the journal could never be taken back.
        over = [arrival for arrival, verdict in new if verdict in _ENDS]
        begun = await self._ledger.open_intents([one.message_id for one in over]) if over else {}
        ended = [
            _ended(arrival, verdict)
            for arrival, verdict in new
            if verdict in _ENDS and arrival.message_id not in begun
        ]
        if ended:
            await self._ledger.record(ended)
        await self._writing.write(
            [
                arrival
                for arrival, verdict in new
                if verdict is Passage.GO or arrival.message_id in begun
            ],
            gates,
        )
        if held is not None:
            raise held


class ParkedWrites:
    """Parked records, for the releaser."""

    def __init__(
        self,
        *,
        tenant: Tenant,
        ledger: WriteLedger,
        gates: Gates,
        writing: Writing,
        claim_s: float,
        metrics: LoaderMetrics,
    ) -> None:
        self._ledger = ledger
        self._gates = gates
        self._writing = writing
        self._claim_s = claim_s
        self._parked = metrics.parked.labels(tenant.tenant_id)

    async def claim(self) -> list[Arrival]:
        """Take records whose parent has landed; count those that wait where there are none."""
        claimed = await self._ledger.claim_released(_RELEASE_BATCH, self._claim_s)
        if not claimed:
            self._parked.set(await self._ledger.waiting())
        return claimed

    async def write(self, claimed: list[Arrival]) -> None:
        """Write records."""
        gates = await self._gates.of({one.write.run_id for one in claimed})
        await self._writing.write(claimed, gates, released=True)

    async def give_back(self, claimed: list[Arrival]) -> None:
        """Let them be claimed again."""
        await self._ledger.unclaim([one.message_id for one in claimed])


def arrival_of(delivery: Delivery, write: WriteRecord) -> Arrival:
    """Read a write off the log; one without an id gets the id it should have had."""
    given = delivery.record.headers.get("message_id")
    id_ = given or message_id(
        write.run_id, write.type, write.op.value, write.object, write.key, write.content_hash
    )
    return Arrival(MessageId(id_), delivery.record.key, write)


_ENDS = {
    Passage.CANCELLED: (Outcome.SKIPPED, reasons.RUN_CANCELLED),
    Passage.NO_WAVE: (Outcome.FAILED, reasons.OBJECT_WITHOUT_WAVE),
}


def _ended(arrival: Arrival, verdict: Passage) -> Decision:
    outcome, reason = _ENDS[verdict]
    return Decision(arrival, outcome_of(arrival, outcome, reason=reason))
