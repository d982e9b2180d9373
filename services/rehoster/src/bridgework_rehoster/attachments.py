"""What the rehoster asks of Zoho about attachments: is it there, is it the same, take it away."""

import hashlib

from bridgework_contracts.records import FileExtracted
from bridgework_zoho.attachments import Attachment
from bridgework_zoho.client import ZohoClient
from bridgework_zoho.errors import FileRefused, RequestRefused

from bridgework_rehoster.domain.deciding import Proof
from bridgework_rehoster.domain.moves import Hosted, Place


class Attachments:
    """Attachments of one org.

    Args:
        verify: ``hash`` reads files back and compares SHA-256; ``size`` trusts Zoho's list.
    """

    def __init__(self, client: ZohoClient, *, verify: Proof) -> None:
        self._client = client
        self._verify: Proof = verify

    async def listed(self, parent: Place) -> list[Attachment] | None:
        """List a record's attachments; None where the record is gone, and its files with it."""
        try:
            return await self._client.attachments.list(parent.module, parent.zoho_id)
        except RequestRefused as refused:
            if refused.code == "INVALID_DATA":
                return None
            raise

    async def proof(self, file: FileExtracted, parent: Place, zoho_id: str) -> Proof | None:
        """Say how it is proven that Zoho holds the file; None where it does not.

        Raises:
            TransientError: Zoho did not give it back this time.
        """
        if self._verify == "hash":
            return "hash" if await self._same_content(file, parent, zoho_id) else None
        listed = await self.listed(parent) or []
        same = any(one.id == zoho_id and one.size_bytes == file.size_bytes for one in listed)
        return "size" if same else None

    async def _same_content(self, file: FileExtracted, parent: Place, zoho_id: str) -> bool:
        digest = hashlib.sha256()
        try:
            async with self._client.attachments.download(
                parent.module, parent.zoho_id, zoho_id
            ) as download:
                async for chunk in download.chunks():
                    digest.update(chunk)
        except (FileRefused, RequestRefused):
            return False
        return digest.hexdigest() == file.sha256

    async def take_away(self, parent: Place, zoho_id: str) -> bool:
        """Delete one attachment; gone already is as good. False where Zoho refuses."""
        try:
            result = await self._client.attachments.delete(parent.module, parent.zoho_id, zoho_id)
        except RequestRefused as refused:
            return refused.code == "INVALID_DATA"
        return result.ok

    async def replace(self, old: Hosted) -> bool:
        """Delete an attachment of ours that a newer one replaces, if it is still ours.

        Returns:
            False where something else stands in its place now; it is left alone.
        """
        place = Place(old.module, old.zoho_parent_id)
        for one in await self.listed(place) or []:
            if one.id == old.zoho_id:
                return one.size_bytes == old.size_bytes and await self.take_away(place, one.id)
        return True
