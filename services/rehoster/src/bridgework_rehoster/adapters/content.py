"""The bytes of a file: from the export's folder, or from the message when they are few."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from bridgework_contracts.errors import AttachmentUnusable
from bridgework_contracts.records import FileExtracted

_CHUNK = 256 * 1024


def opener(file: FileExtracted) -> Callable[[], AsyncIterator[bytes]]:
    """Return a function that opens the bytes from the start; it may be called again for a retry.

    Raises:
        AttachmentUnusable: the message names neither a path nor holds bytes.
    """
    if file.content_b64 is not None:
        content = base64.b64decode(file.content_b64)

        async def inline() -> AsyncIterator[bytes]:
            yield content

        return inline
    if file.path is None:
        raise AttachmentUnusable("The message holds no file.", code="file_without_content")
    path = Path(file.path)

    async def stream() -> AsyncIterator[bytes]:
        try:
            handle = await asyncio.to_thread(path.open, "rb")
        except OSError as exc:
            raise AttachmentUnusable(
                "The file was there when the export was read and cannot be opened now.",
                code="file_unreadable",
            ) from exc
        with handle:
            while chunk := await asyncio.to_thread(handle.read, _CHUNK):
                yield chunk

    return stream
