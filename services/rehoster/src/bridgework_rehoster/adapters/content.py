"""The bytes of a file: from the message when they are few, from the export's folder, or sealed."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bridgework_contracts.errors import AttachmentUnusable
from bridgework_contracts.records import FileExtracted, sealed_file_context
from bridgework_store.sealed_files import read_sealed
from bridgework_store.sealing import TenantSealer, UnsealFailed

from bridgework_rehoster.domain.media import HEAD_BYTES

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a file really is at this moment.

    Attributes:
        head: Its first bytes, to tell its kind by.
    """

    size_bytes: int
    sha256: str
    head: bytes = field(repr=False)


class FileGone(AttachmentUnusable):
    """The file was there when the export was read and cannot be opened now."""

    default_code = "file_missing"


class Contents:
    """Opens the files of one tenant.

    Args:
        sealer: Opens what the extractor sealed.
    """

    def __init__(self, sealer: TenantSealer) -> None:
        self._sealer = sealer

    async def inspect(self, file: FileExtracted) -> Inspected:
        """Read a file through once, in a thread, a chunk at a time.

        Raises:
            FileGone: it is not there any more, may not be read, or does not unseal.
        """
        return await asyncio.to_thread(self._inspect, file)

    def opener(self, file: FileExtracted) -> Callable[[], AsyncIterator[bytes]]:
        """Return a function that opens the bytes from the start; may be called again."""

        async def stream() -> AsyncIterator[bytes]:
            chunks = self._chunks(file)
            try:
                while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
                    yield chunk
            finally:
                with suppress(ValueError):  # a thread may still be inside when we are cancelled
                    chunks.close()

        return stream

    def _inspect(self, file: FileExtracted) -> Inspected:
        digest, size, head = hashlib.sha256(), 0, b""
        for chunk in self._chunks(file):
            if len(head) < HEAD_BYTES:
                head += chunk[: HEAD_BYTES - len(head)]
            digest.update(chunk)
            size += len(chunk)
        return Inspected(size, digest.hexdigest(), head)

    def _chunks(self, file: FileExtracted) -> Generator[bytes, None, None]:
        if file.content_b64 is not None:
            yield base64.b64decode(file.content_b64)
            return
        path = Path(file.path or "")
        try:
            if file.sealed:
                context = sealed_file_context(file.sha256 or "")
                yield from read_sealed(path, self._sealer, context)
                return
            with path.open("rb") as handle:
                while chunk := handle.read(_CHUNK_BYTES):
                    yield chunk
        except UnsealFailed as exc:
            raise FileGone(
                "A file that was kept sealed is damaged, or was sealed with another key."
            ) from exc
        except OSError as exc:
            raise FileGone(
                "A file of the export was there when it was read and cannot be opened now."
            ) from exc
