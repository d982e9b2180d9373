"""Files on records, streamed up and down; one file per call (fact sheet §3.9)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from bridgework_zoho.costs import Operation
from bridgework_zoho.errors import FileRefused, RequestRefused
from bridgework_zoho.multipart import ByteSource, FileUpload
from bridgework_zoho.paging import TokenChain
from bridgework_zoho.records import LIST_ROWS
from bridgework_zoho.requests import Call
from bridgework_zoho.results import ElementResult
from bridgework_zoho.transport import Transport
from bridgework_zoho.writes import deleted, written

ATTACHMENT_FIELDS = ("id", "File_Name", "Size", "Created_Time")
_NO_CONTENT = 204


@dataclass(frozen=True, slots=True)
class Attachment:
    """What Zoho lists of one attachment."""

    id: str
    file_name: str = field(repr=False)
    size_bytes: int | None
    created_time: str | None


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What became of an upload.

    Attributes:
        result: Zoho's answer; ``id`` is the attachment's.
        sha256: Hash of the bytes that were sent.
        listed_size_bytes: Size Zoho lists for it; None if it was not asked.
    """

    result: ElementResult
    sha256: str | None
    listed_size_bytes: int | None


Attachments = list[Attachment]


class Download:
    """A file coming down; read ``chunks()`` once, inside the block that opened it."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        length = response.headers.get("content-length", "")
        self.size_bytes = int(length) if length.isdigit() else None
        self.mime = response.headers.get("content-type", "application/octet-stream")

    def chunks(self, size_bytes: int = 65_536) -> AsyncIterator[bytes]:
        """Yield the bytes as they arrive."""
        return self._response.aiter_bytes(size_bytes)


class AttachmentsApi:
    """Calls on attachments; ``module`` and ``record_id`` name the parent."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def upload(
        self,
        module: str,
        record_id: str,
        filename: str,
        stream: ByteSource,
        size: int,
        mime: str = "application/octet-stream",
    ) -> UploadResult:
        """Put one file on a record; never sent twice once it may have arrived.

        Args:
            module: API name of the parent's module.
            record_id: Zoho id of the parent.
            filename: Name to show; Zoho does not mind a second file of the same name.
            stream: The bytes: a function that opens them (may be retried), or an iterator.
            size: Their exact number.
            mime: Media type.

        Raises:
            FileRefused: Larger than ``attachment_limit_bytes``, refused by Zoho, or the number of
                bytes was not ``size``.
            WriteOutcomeUnknown: It may be there: look with ``find`` before sending it again.

        Idempotent: no.
        """
        limit = self._transport.settings.attachment_limit_bytes
        if size > limit:
            raise FileRefused(
                f"The file has {size} bytes and this org takes {limit}; it was not sent.",
                code="FILE_SIZE_MORE_THAN_ALLOWED_SIZE",
                size_bytes=size,
                limit_bytes=limit,
            )
        file = FileUpload(stream, filename=filename, size_bytes=size, mime=mime)
        call = Call(
            Operation.ATTACHMENTS_UPLOAD,
            "POST",
            f"/{module}/{record_id}/Attachments",
            upload=file.upload(),
            repeatable=False,
            module=module,
            ids=[record_id],
            transfer=True,
        )
        answer = await self._transport.send(call)
        result = written(answer, call, "insert")[0]
        listed = None
        if result.ok and self._transport.settings.attachment_verify_size:
            listed = next(
                (
                    one.size_bytes
                    for one in await self.list(module, record_id)
                    if one.id == result.id
                ),
                None,
            )
        return UploadResult(result, file.sha256, listed)

    async def list(self, module: str, record_id: str) -> Attachments:
        """List a record's attachments."""
        chain = TokenChain(
            self._transport,
            Call(
                Operation.ATTACHMENTS_LIST,
                "GET",
                f"/{module}/{record_id}/Attachments",
                params={"fields": ",".join(ATTACHMENT_FIELDS), "per_page": str(LIST_ROWS)},
                module=module,
                ids=[record_id],
            ),
        )
        found: Attachments = []
        while not chain.ended:
            found.extend(
                Attachment(
                    id=str(row["id"]),
                    file_name=str(row.get("File_Name") or ""),
                    size_bytes=_size(row.get("Size")),
                    created_time=row.get("Created_Time"),
                )
                for row in await chain.next()
            )
        return found

    async def find(self, module: str, record_id: str, filename: str, size: int) -> Attachments:
        """List the attachments of that name and size: the question after a lost answer."""
        return [
            one
            for one in await self.list(module, record_id)
            if one.file_name == filename and one.size_bytes == size
        ]

    @asynccontextmanager
    async def download(
        self, module: str, record_id: str, attachment_id: str
    ) -> AsyncIterator[Download]:
        """Open an attachment for reading; its slot is held until the block ends.

        Raises:
            FileRefused: Zoho does not know it (204), or it is a link without content.
        """
        call = Call(
            Operation.ATTACHMENTS_DOWNLOAD,
            "GET",
            f"/{module}/{record_id}/Attachments/{attachment_id}",
            module=module,
            ids=[attachment_id],
            transfer=True,
        )
        async with self._transport.stream(call) as response:
            if response.status_code == _NO_CONTENT:
                raise FileRefused(
                    "Zoho has no content for this attachment; it was deleted or never stored.",
                    code="NOT_THERE",
                    attachment_id=attachment_id,
                )
            yield Download(response)

    async def delete(self, module: str, record_id: str, attachment_id: str) -> ElementResult:
        """Delete one attachment; gone already counts as deleted. Idempotent: yes."""
        call = Call(
            Operation.ATTACHMENTS_DELETE,
            "DELETE",
            f"/{module}/{record_id}/Attachments/{attachment_id}",
            module=module,
            ids=[attachment_id],
        )
        try:
            answer = await self._transport.send(call)
        except RequestRefused as refused:
            gone = refused.code == "INVALID_DATA" and "resource_path_index" in refused.details
            if not (gone and self._transport.settings.deleting_the_gone_is_success):
                raise
            return ElementResult(0, ok=True, id=attachment_id, action="delete", code="INVALID_DATA")
        return deleted(self._transport, answer, call, offset=0)[0]


def _size(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isdigit() else None
