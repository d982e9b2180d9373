"""Zoho's file store: a file goes up once and is then named in a file field (fact sheet §3.10)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridgework_zoho.attachments import Download
from bridgework_zoho.costs import Operation
from bridgework_zoho.errors import FileRefused
from bridgework_zoho.multipart import ByteSource, FileUpload
from bridgework_zoho.requests import Call
from bridgework_zoho.results import ElementResult
from bridgework_zoho.settings import MEBIBYTE
from bridgework_zoho.transport import Transport
from bridgework_zoho.writes import written

FILE_LIMIT_BYTES = 20 * MEBIBYTE
_NO_CONTENT = 204


class FilesApi:
    """Calls on stored files."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def upload(
        self, filename: str, stream: ByteSource, size: int, mime: str = "application/octet-stream"
    ) -> ElementResult:
        """Store one file; ``id`` goes into a field as ``[{"File_Id__s": id}]``.

        An unused copy does no harm, so a lost answer is repeated where the stream allows it.

        Raises:
            FileRefused: Larger than 20 MB, or refused.
        """
        if size > FILE_LIMIT_BYTES:
            raise FileRefused(
                f"The file has {size} bytes and Zoho's file store takes {FILE_LIMIT_BYTES}.",
                code="FILE_SIZE_MORE_THAN_ALLOWED_SIZE",
                size_bytes=size,
                limit_bytes=FILE_LIMIT_BYTES,
            )
        file = FileUpload(stream, filename=filename, size_bytes=size, mime=mime)
        call = Call(Operation.FILES_UPLOAD, "POST", "/files", upload=file.upload(), transfer=True)
        return written(await self._transport.send(call), call, "insert")[0]

    @asynccontextmanager
    async def download(self, file_id: str) -> AsyncIterator[Download]:
        """Open a stored file for reading; its slot is held until the block ends."""
        call = Call(
            Operation.FILES_DOWNLOAD, "GET", "/files", params={"id": file_id}, transfer=True
        )
        async with self._transport.stream(call) as response:
            if response.status_code == _NO_CONTENT:
                raise FileRefused("Zoho does not know this file.", code="NOT_THERE")
            yield Download(response)
