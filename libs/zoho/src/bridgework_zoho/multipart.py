"""A file as a multipart body that is streamed: its length is known, its bytes are not held."""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Callable
from secrets import token_hex

from bridgework_zoho.errors import FileRefused
from bridgework_zoho.requests import Upload

ByteSource = AsyncIterable[bytes] | Callable[[], AsyncIterable[bytes]]
"""A stream that can be read once, or a function that opens it anew for another attempt."""


class FileUpload:
    """One file on its way to Zoho.

    A source that can only be read once is refused a second reading: the call then fails and the
    caller opens the file again. ``sha256`` is that of the bytes of the last complete reading.
    """

    def __init__(self, source: ByteSource, *, filename: str, size_bytes: int, mime: str) -> None:
        self._source = source
        self._size_bytes = size_bytes
        self._boundary = f"bridgework-{token_hex(12)}"
        safe = filename.replace("\\", "\\\\").replace('"', "%22")
        safe = safe.replace("\r", "%0D").replace("\n", "%0A")
        self._head = (
            f"--{self._boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{safe}"\r\n'
            f"Content-Type: {mime}\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{self._boundary}--\r\n".encode()
        self._opened = False
        self.sha256: str | None = None

    def upload(self) -> Upload:
        """Describe it to the request builder."""
        return Upload(
            open=self._open,
            content_type=f"multipart/form-data; boundary={self._boundary}",
            size_bytes=len(self._head) + self._size_bytes + len(self._tail),
        )

    def _open(self) -> AsyncIterator[bytes]:
        if callable(self._source):
            return self._bytes(self._source())
        if self._opened:
            raise FileRefused(
                "This file was given as a stream that can be read once and must be sent again;"
                " open it again and repeat the upload.",
                code="STREAM_SPENT",
            )
        self._opened = True
        return self._bytes(self._source)

    async def _bytes(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        digest = hashlib.sha256()
        seen = 0
        yield self._head
        async for chunk in chunks:
            seen += len(chunk)
            if seen > self._size_bytes:
                break
            digest.update(chunk)
            yield chunk
        if seen != self._size_bytes:
            raise FileRefused(
                f"The file has {'more' if seen > self._size_bytes else 'fewer'} bytes than its"
                f" declared {self._size_bytes}; it changed while it was read.",
                code="SIZE_CHANGED",
                declared_bytes=self._size_bytes,
            )
        self.sha256 = digest.hexdigest()
        yield self._tail
