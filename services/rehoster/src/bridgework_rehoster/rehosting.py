"""Moving one file: ask if it may be there, send it, prove it, record it.

Attachments have no key of their own and a second upload makes a second file, so an upload whose
answer was lost is looked for by parent, name and size before it is sent again.
"""

import asyncio
import hashlib

from bridgework_contracts.errors import AttachmentUnusable, OutcomeUnknown, StopRun, TransientError
from bridgework_contracts.ids import MessageId
from bridgework_contracts.outcomes import Effect, FileOutcome, Outcome, Reason
from bridgework_contracts.records import FileExtracted
from bridgework_rehoster.adapters.content import opener
from bridgework_rehoster.adapters.ledger import FileLedger, Known, Place
from bridgework_rehoster.domain import outcome_of
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.errors import FileRefused, RequestRefused

_SETTLE_S = 3.0
_UPLOAD_CREDITS = 1.0


class Rehoster:
    """Moves files into one org.

    Args:
        client: The org.
        ledger: What was tried and decided.
        verify: ``hash`` reads every file back; ``size`` trusts Zoho's list of attachments.
    """

    def __init__(self, client: ZohoClient, ledger: FileLedger, *, verify: str) -> None:
        self._client = client
        self._ledger = ledger
        self._verify = verify

    @property
    def limit_bytes(self) -> int:
        """The largest file this org takes."""
        return self._client.settings.attachment_limit_bytes

    async def upload(self, identity: MessageId, file: FileExtracted, parent: Place) -> FileOutcome:
        """Make the file be on its parent once, and say how that is proven.

        Raises:
            TransientError: Zoho does not answer, or the answer was lost; try again.
            StopRun: nothing can be moved until a person acts.
        """
        known = await self._ledger.known(file.object, file.key)
        if (
            known is not None
            and known.sha256 == file.sha256
            and known.zoho_parent_id == parent.zoho_id
        ):
            return self._outcome(
                file, parent, known.zoho_id, Outcome.UNCHANGED, Effect.NONE, "none"
            )
        tried_before = await self._ledger.open_intent(identity)
        zoho_id = await self._find(file, parent) if tried_before else None
        if zoho_id is None:
            try:
                result = await self._client.attachments.upload(
                    parent.module,
                    parent.zoho_id,
                    file.name,
                    opener(file),
                    file.size_bytes,
                    file.mime,
                )
            except OutcomeUnknown:
                await asyncio.sleep(_SETTLE_S)
                raise
            except (FileRefused, RequestRefused, AttachmentUnusable) as exc:
                return outcome_of(file, Outcome.FAILED, reason=_refused(exc.code, str(exc)))
            except (TransientError, StopRun):
                await self._ledger.withdraw(identity)
                raise
            if not result.result.ok or result.result.id is None:
                advice = result.result.advice
                return outcome_of(
                    file,
                    Outcome.FAILED,
                    reason=Reason(
                        code=(result.result.code or "refused").lower(),
                        sentence=advice.sentence,
                        remedy=advice.remedy,
                    ),
                )
            zoho_id = result.result.id
        proof = await self._prove(file, parent, zoho_id)
        if proof is None:
            return outcome_of(
                file,
                Outcome.FAILED,
                effect=Effect.CREATED,
                module=parent.module,
                zoho_parent_id=parent.zoho_id,
                zoho_id=zoho_id,
                reason=_refused("hash_mismatch", "What Zoho gives back is not what was sent."),
            )
        if known is not None:
            await self._drop(known)
            return self._outcome(file, parent, zoho_id, Outcome.UPDATED, Effect.CHANGED, proof)
        return self._outcome(file, parent, zoho_id, Outcome.INSERTED, Effect.CREATED, proof)

    async def delete(self, file: FileExtracted) -> FileOutcome:
        """Take a file back; gone already is as good."""
        module, parent_id, zoho_id = file.zoho_module, file.zoho_parent_id, file.zoho_id
        if module is None or parent_id is None or zoho_id is None:
            return outcome_of(
                file,
                Outcome.FAILED,
                reason=_refused("undo_without_id", "The undo did not say which file it is about."),
            )
        try:
            result = await self._client.attachments.delete(module, parent_id, zoho_id)
        except RequestRefused:
            # The parent is gone, and its files went with it.
            ok = True
        else:
            ok = result.ok
        return outcome_of(
            file,
            Outcome.UPDATED if ok else Outcome.FAILED,
            effect=Effect.DELETED if ok else Effect.NONE,
            module=module,
            zoho_parent_id=parent_id,
            zoho_id=zoho_id,
            reason=None if ok else _refused("not_deleted", "Zoho did not delete the file."),
            credits=_UPLOAD_CREDITS,
        )

    async def _find(self, file: FileExtracted, parent: Place) -> str | None:
        """Return an attachment that our lost upload must have made."""
        found = await self._client.attachments.find(
            parent.module, parent.zoho_id, file.name, file.size_bytes
        )
        ours = await self._ledger.known_ids(parent.zoho_id)
        return next((one.id for one in found if one.id not in ours), None)

    async def _prove(self, file: FileExtracted, parent: Place, zoho_id: str) -> str | None:
        if self._verify != "hash":
            listed = await self._client.attachments.list(parent.module, parent.zoho_id)
            same = any(one.id == zoho_id and one.size_bytes == file.size_bytes for one in listed)
            return "size" if same else None
        digest = hashlib.sha256()
        async with self._client.attachments.download(
            parent.module, parent.zoho_id, zoho_id
        ) as download:
            async for chunk in download.chunks():
                digest.update(chunk)
        return "hash" if digest.hexdigest() == file.sha256 else None

    async def _drop(self, known: Known) -> None:
        """Delete the version that this upload replaces."""
        try:
            await self._client.attachments.delete(known.module, known.zoho_parent_id, known.zoho_id)
        except RequestRefused:
            return

    def _outcome(
        self,
        file: FileExtracted,
        parent: Place,
        zoho_id: str,
        outcome: Outcome,
        effect: Effect,
        proof: str,
    ) -> FileOutcome:
        calls = 2.0 if proof in {"hash", "size"} else 0.0
        return outcome_of(
            file,
            outcome,
            effect=effect,
            module=parent.module,
            zoho_parent_id=parent.zoho_id,
            zoho_id=zoho_id,
            proof=proof,
            credits=calls * _UPLOAD_CREDITS,
        )


def _refused(code: str, sentence: str) -> Reason:
    return Reason(
        code=code.lower(),
        sentence=sentence,
        remedy="Look at the file; upload it by hand, or repair it and run a delta.",
    )
