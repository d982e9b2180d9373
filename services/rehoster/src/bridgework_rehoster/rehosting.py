"""Moving one file: ask if it may be there, send it, prove it.

Attachments have no key of their own and a second upload makes a second file. So an upload whose
answer was lost is looked for by parent, name, size and content before it is sent again.
"""

import asyncio
from datetime import UTC, datetime

from bridgework_contracts.errors import StopRun, TransientError
from bridgework_contracts.outcomes import Effect, FileOutcome, Outcome
from bridgework_contracts.records import FileExtracted, Problem
from bridgework_zoho.advice import Action
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.errors import (
    FileRefused,
    RequestRefused,
    RunStopped,
    WriteOutcomeUnknown,
    ZohoUnavailable,
)
from bridgework_zoho.results import ElementResult

from bridgework_rehoster.adapters.content import Contents, FileGone
from bridgework_rehoster.adapters.ledger import FileLedger
from bridgework_rehoster.attachments import Attachments
from bridgework_rehoster.domain import reasons
from bridgework_rehoster.domain.deciding import Proof, ends_unsent, outcome_of
from bridgework_rehoster.domain.media import mime_problem
from bridgework_rehoster.domain.moves import Hosted, Intent, Move, Place, candidates
from bridgework_rehoster.pacing import OnStep, Pacing, Step

_TOO_LARGE = frozenset(
    {
        "FILE_SIZE_EXCEEDS",
        "FILE_SIZE_MORE_THAN_ALLOWED_SIZE",
        "BODY_SIZE_REACHED",
        "FILE_TOO_LARGE",
        "HTTP_413",
    }
)
_MOST_PROOFS = 2


class _Refused(Exception):
    """The file ends here, with this outcome."""

    def __init__(self, outcome: FileOutcome) -> None:
        super().__init__(outcome.outcome.value)
        self.outcome = outcome


class Rehoster:
    """Moves files into one org.

    Args:
        client: The org.
        attachments: The same org, asked about attachments.
        contents: The bytes of files.
        ledger: What was tried and decided.
        upload_empty: Whether a file without content is uploaded or skipped and listed.
        on_step: Told after each effect.
    """

    def __init__(
        self,
        *,
        client: ZohoClient,
        attachments: Attachments,
        contents: Contents,
        ledger: FileLedger,
        pacing: Pacing,
        upload_empty: bool,
        on_step: OnStep,
    ) -> None:
        self._client = client
        self._attachments = attachments
        self._contents = contents
        self._ledger = ledger
        self._pacing = pacing
        self._upload_empty = upload_empty
        self._on_step = on_step
        self._limit_bytes = client.settings.attachment_limit_bytes

    def ends_unsent(self, file: FileExtracted) -> FileOutcome | None:
        """Return the outcome of a file that is not sent whatever its parent; else None."""
        return ends_unsent(file, limit_bytes=self._limit_bytes, upload_empty=self._upload_empty)

    async def upload(self, move: Move, parent: Place) -> FileOutcome:
        """Make the file be on its parent exactly once, proven.

        Raises:
            TransientError: Zoho does not answer, or not for now; the file comes again.
            StopRun: nothing can be moved until a person acts.
        """
        file = move.file
        old = await self._ledger.hosted(file.object, file.key)
        if _is_there(old, file, parent):
            return outcome_of(
                file,
                Outcome.UNCHANGED,
                module=parent.module,
                zoho_parent_id=parent.zoho_id,
                zoho_id=old.zoho_id if old else None,
            )
        try:
            content = await self._contents.inspect(file)
        except FileGone as gone:
            return outcome_of(file, Outcome.PARKED, reason=reasons.missing(str(gone)))
        if content.sha256 != file.sha256:
            return outcome_of(file, Outcome.FAILED, reason=reasons.SOURCE_CHANGED)
        wrong_mime = mime_problem(file, content.head)
        problems = [wrong_mime] if wrong_mime is not None else []
        try:
            zoho_id, proof = await self._land(move, parent)
        except _Refused as refused:
            return refused.outcome
        if old is not None and not await self._attachments.replace(old):
            problems.append(_old_kept(file))
        return outcome_of(
            file,
            Outcome.INSERTED if old is None else Outcome.UPDATED,
            effect=Effect.CREATED if old is None else Effect.CHANGED,
            module=parent.module,
            zoho_parent_id=parent.zoho_id,
            zoho_id=zoho_id,
            proof=proof,
            problems=problems,
        )

    async def _land(self, move: Move, parent: Place) -> tuple[str, Proof]:
        """Find or send the file, patiently; return its attachment and the proof."""
        unproven = 0
        cause: TransientError | None = None
        for attempt in range(self._pacing.attempts):
            if attempt:
                await asyncio.sleep(self._pacing.retry_pause_s * 2 ** (attempt - 1))
            intent = await self._ledger.intent(move.message_id)
            found = await self._find(move, parent, intent) if intent is not None else None
            if found is not None:
                return found
            try:
                zoho_id = await self._send(move, parent, is_first=intent is None)
            except WriteOutcomeUnknown as unknown:
                cause = unknown
                continue
            self._on_step(Step.CALL_ANSWERED)
            proof = await self._attachments.proof(move.file, parent, zoho_id)
            self._on_step(Step.PROVEN)
            if proof is not None:
                return zoho_id, proof
            await self._attachments.take_away(parent, zoho_id)
            unproven += 1
            if unproven == _MOST_PROOFS:
                raise _Refused(outcome_of(move.file, Outcome.FAILED, reason=reasons.NOT_PROVEN))
        raise cause or ZohoUnavailable("Zoho did not keep a file whole for now.", count=1)

    async def _find(self, move: Move, parent: Place, intent: Intent) -> tuple[str, Proof] | None:
        """Look for what a lost upload must have made, once it has surely ended inside Zoho."""
        waited_s = (datetime.now(UTC) - intent.tried_at).total_seconds()
        await asyncio.sleep(max(0.0, self._pacing.settle_s - waited_s))
        listed = await self._attachments.listed(parent)
        if not listed:
            return None
        possible = candidates(
            listed,
            move.file,
            others_of_ours=await self._ledger.others_of_ours(parent.zoho_id, move.file),
            opened_at=intent.opened_at,
            clock_tolerance_s=self._pacing.clock_tolerance_s,
        )
        for one in possible:
            proof = await self._attachments.proof(move.file, parent, one.id)
            if proof is not None:
                return one.id, proof
        return None

    async def _send(self, move: Move, parent: Place, *, is_first: bool) -> str:
        """Upload once; return the attachment's id.

        Raises:
            WriteOutcomeUnknown: it may be there.
            _Refused: it never will be.
        """
        file = move.file
        await self._ledger.open_intent(move.message_id)
        self._on_step(Step.INTENT_OPENED)
        try:
            sent = await self._client.attachments.upload(
                parent.module,
                parent.zoho_id,
                file.name,
                self._contents.opener(file),
                file.size_bytes,
                file.mime,
            )
        except WriteOutcomeUnknown:
            raise
        except FileGone as gone:
            reason = reasons.missing(str(gone))
            raise _Refused(outcome_of(file, Outcome.PARKED, reason=reason)) from gone
        except FileRefused as refused:
            raise _Refused(self._file_refused(file, refused)) from refused
        except RequestRefused as refused:
            raise _Refused(_request_refused(file, refused)) from refused
        except (TransientError, StopRun):
            if is_first:
                # Certainly not applied: no reason to look for it later.
                await self._ledger.withdraw(move.message_id)
            raise
        result = sent.result
        if result.ok and result.id is not None:
            return result.id
        if is_first and result.advice.action is not Action.ASK and not result.ok:
            await self._ledger.withdraw(move.message_id)
        raise _element_refused(file, result)

    def _file_refused(self, file: FileExtracted, refused: FileRefused) -> FileOutcome:
        if refused.code in _TOO_LARGE:
            # Zoho told us its true limit is lower: do not send the next one of this size.
            self._limit_bytes = min(self._limit_bytes, max(0, file.size_bytes - 1))
            reason = reasons.too_large(file.size_bytes, self._limit_bytes)
            return outcome_of(file, Outcome.SKIPPED, reason=reason)
        remedy = str(refused.details.get("remedy") or "Look at the file; upload it by hand.")
        reason = reasons.refused(refused.code, "Zoho does not take this file.", remedy)
        return outcome_of(file, Outcome.FAILED, reason=reason)

    async def delete(self, move: Move) -> FileOutcome:
        """Take back an attachment a run made; gone already is as good.

        Raises:
            TransientError, StopRun: as :meth:`upload`.
        """
        file = move.file
        if file.zoho_module is None or file.zoho_parent_id is None or file.zoho_id is None:
            return outcome_of(file, Outcome.FAILED, reason=reasons.UNDO_INCOMPLETE)
        place, zoho_id = Place(file.zoho_module, file.zoho_parent_id), file.zoho_id
        begun = await self._ledger.intent(move.message_id)
        listed = await self._attachments.listed(place)
        there = next((one for one in listed or [] if one.id == zoho_id), None)
        if there is None:
            # Begun by us and gone: that was us. Otherwise somebody was faster.
            return _taken_back(file, Effect.NONE if begun is None else Effect.DELETED)
        known = await self._ledger.hosted(file.object, file.key)
        if known is not None and known.zoho_id == zoho_id and known.size_bytes != there.size_bytes:
            return outcome_of(file, Outcome.SKIPPED, reason=reasons.NOT_OURS, zoho_id=zoho_id)
        await self._ledger.open_intent(move.message_id)
        self._on_step(Step.INTENT_OPENED)
        deleted = await self._attachments.take_away(place, zoho_id)
        self._on_step(Step.CALL_ANSWERED)
        if not deleted:
            reason = reasons.refused(
                "not_deleted", "Zoho did not delete the attachment.", "Delete it by hand in Zoho."
            )
            return outcome_of(file, Outcome.FAILED, reason=reason, zoho_id=zoho_id)
        return _taken_back(file, Effect.DELETED)


def _is_there(old: Hosted | None, file: FileExtracted, parent: Place) -> bool:
    """Tell whether this content already hangs on this parent."""
    return old is not None and old.sha256 == file.sha256 and old.zoho_parent_id == parent.zoho_id


def _taken_back(file: FileExtracted, effect: Effect) -> FileOutcome:
    done = effect is Effect.DELETED
    return outcome_of(
        file,
        Outcome.UPDATED if done else Outcome.UNCHANGED,
        effect=effect,
        module=file.zoho_module,
        zoho_parent_id=file.zoho_parent_id,
        zoho_id=file.zoho_id,
        reason=None if done else reasons.ALREADY_GONE,
    )


def _request_refused(file: FileExtracted, refused: RequestRefused) -> FileOutcome:
    if refused.code == "INVALID_DATA":
        return outcome_of(file, Outcome.FAILED, reason=reasons.PARENT_GONE)
    remedy = str(refused.details.get("remedy") or "Report it with the run and the code.")
    reason = reasons.refused(refused.code, "Zoho refused the upload.", remedy)
    return outcome_of(file, Outcome.FAILED, reason=reason)


def _element_refused(file: FileExtracted, result: ElementResult) -> Exception:
    """Build what to raise for an upload that Zoho answered with a refusal."""
    advice = result.advice
    if advice.action in (Action.STOP_RUN, Action.REAUTHORISE):
        return RunStopped(
            f"{advice.sentence} {advice.remedy}",
            code=result.code,
            sentence=advice.sentence,
            remedy=advice.remedy,
        )
    if advice.action is Action.ASK or result.ok:
        return WriteOutcomeUnknown("Zoho did not say what became of a file.", code=result.code)
    if advice.action in (Action.RETRY, Action.WAIT_FOR_CREDITS):
        return ZohoUnavailable("Zoho did not take a file for now.", code=result.code)
    reason = reasons.refused(result.code or "refused", advice.sentence, advice.remedy)
    return _Refused(outcome_of(file, Outcome.FAILED, reason=reason))


def _old_kept(file: FileExtracted) -> Problem:
    where = file.provenance[0] if file.provenance else None
    return Problem(
        file=where.file if where else "",
        line=where.line if where else 0,
        field="content",
        code="older_version_kept",
        effect="kept_raw",
        remedy="Another attachment stands where the older version was: look at both in Zoho.",
    )
