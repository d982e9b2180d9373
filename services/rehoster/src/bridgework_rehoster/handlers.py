"""``outcomes`` tell where parents are, ``files`` are moved, parked files return."""

from collections.abc import Awaitable, Callable

from bridgework_contracts.ids import MessageId, RunId, message_id
from bridgework_contracts.outcomes import Outcome, RecordOutcome
from bridgework_contracts.records import FileExtracted
from bridgework_eventlog.loop import Batch, Delivery, Hold
from bridgework_service.gates import Gates, Passage, passage
from bridgework_service.runs import RunRegistry, RunUnknown

from bridgework_rehoster.adapters.ledger import FileLedger
from bridgework_rehoster.domain import reasons
from bridgework_rehoster.domain.deciding import is_gone, outcome_of
from bridgework_rehoster.domain.moves import Move
from bridgework_rehoster.domain.parents import file_parents
from bridgework_rehoster.moving import Moving

OutcomesSeen = Callable[[RunId], Awaitable[bool]]
"""Whether every outcome that was on the log when a run's files were let through has been read."""

_RELEASE_BATCH = 50


class OutcomesHandler:
    """Learns where the records are that files may hang on."""

    def __init__(self, ledger: FileLedger, registry: RunRegistry) -> None:
        self._ledger = ledger
        self._registry = registry
        self._parents: dict[RunId, frozenset[str]] = {}

    async def handle(self, batch: Batch) -> None:
        """Follow the outcomes of parents; everything else passes.

        Raises:
            Hold: a run's StartRun has not arrived yet.
        """
        kept: list[RecordOutcome] = []
        held: Hold | None = None
        for index, delivery in enumerate(batch):
            message = delivery.message
            if not isinstance(message, RecordOutcome) or message.zoho_id is None:
                continue
            try:
                objects = await self._objects(message.run_id)
            except RunUnknown:
                held = Hold(index, "run_unknown")
                break
            if message.object in objects or is_gone(message):
                kept.append(message)
        if kept:
            await self._ledger.follow(kept)
        if held is not None:
            raise held

    async def _objects(self, run_id: RunId) -> frozenset[str]:
        known = self._parents.get(run_id)
        if known is None:
            known = file_parents(await self._registry.get(run_id))
            self._parents[run_id] = known
        return known


class FilesHandler:
    """One tenant's files."""

    def __init__(
        self, *, gates: Gates, ledger: FileLedger, moving: Moving, outcomes_seen: OutcomesSeen
    ) -> None:
        self._gates = gates
        self._ledger = ledger
        self._moving = moving
        self._outcomes_seen = outcomes_seen

    async def handle(self, batch: Batch) -> None:
        """Move what may be moved; hold at the first file whose time has not come.

        Raises:
            Hold: a wave is not open, a run paused, or outcomes of parents are still to be read.
            TransientError: Zoho or PostgreSQL do not answer, or credits are used up.
        """
        found = [
            (index, move_of(delivery, delivery.message))
            for index, delivery in enumerate(batch)
            if isinstance(delivery.message, FileExtracted)
        ]
        gates = await self._gates.of({move.file.run_id for _, move in found})
        passed: dict[MessageId, tuple[int, Move, Passage]] = {}
        held: Hold | None = None
        for index, move in found:
            verdict = passage(gates.get(move.file.run_id), move.file.object)
            if verdict is Passage.HOLD:
                held = Hold(index, "wave_not_open")
                break
            passed.setdefault(move.message_id, (index, move, verdict))
        decided = await self._ledger.repeat_decided([move for _, move, _ in passed.values()])
        new = [entry for id_, entry in passed.items() if id_ not in decided]
        going: list[tuple[int, Move]] = []
        for index, move, verdict in new:
            # What may have reached Zoho before its run was cancelled is brought to its end: a file
            # there without a word in the journal could never be taken back.
            if verdict is Passage.GO or await self._ledger.intent(move.message_id) is not None:
                going.append((index, move))
            else:
                outcome, reason = _ENDS[verdict]
                await self._ledger.record(move, outcome_of(move.file, outcome, reason=reason))
        early = await self._move(going)
        held = early or held
        if held is not None:
            raise held

    async def _move(self, going: list[tuple[int, Move]]) -> Hold | None:
        """Move files; return a hold at the first whose parent may not be known as it is now."""
        ready: list[Move] = []
        first_early: int | None = None
        for index, move in going:
            if move.file.op == "upload" and not await self._outcomes_seen(move.file.run_id):
                # Where its parent is now (landed, gone, made anew) may be on the log and not yet
                # with us.
                first_early = index if first_early is None else first_early
            else:
                ready.append(move)
        wanted = {move.parent_key for move in ready if move.file.op == "upload"}
        await self._moving.move(ready, await self._ledger.parents(wanted))
        return None if first_early is None else Hold(first_early, "outcomes_to_be_read")


class ParkedFiles:
    """Parked files, for the releaser."""

    def __init__(self, *, ledger: FileLedger, moving: Moving, claim_s: float) -> None:
        self._ledger = ledger
        self._moving = moving
        self._claim_s = claim_s

    async def claim(self) -> list[Move]:
        """Take files whose parent has landed."""
        return await self._ledger.claim_released(_RELEASE_BATCH, self._claim_s)

    async def write(self, claimed: list[Move]) -> None:
        """Move files."""
        parents = await self._ledger.parents({move.parent_key for move in claimed})
        await self._moving.move(claimed, parents)

    async def give_back(self, claimed: list[Move]) -> None:
        """Let them be claimed again."""
        await self._ledger.unclaim(claimed)


def move_of(delivery: Delivery, file: FileExtracted) -> Move:
    """Read a file off the log; one without an id gets the id it should have had."""
    given = delivery.record.headers.get("message_id")
    id_ = given or message_id(
        file.run_id, file.type, file.op, file.object, file.key, file.sha256 or ""
    )
    return Move(MessageId(id_), delivery.record.key, file)


_ENDS = {
    Passage.CANCELLED: (Outcome.SKIPPED, reasons.CANCELLED),
    Passage.NO_WAVE: (Outcome.FAILED, reasons.NO_WAVE),
}
