"""Files sealed on disk, a chunk at a time, so that neither side holds a whole file in memory.

Layout: chunks, each its length (4 bytes, big-endian) and a value sealed by the tenant's key. A
chunk is bound to the file's context, its number and whether it is the last: a file that is cut,
reordered or put together from two does not open.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

from bridgework_store.sealing import TenantSealer, UnsealFailed

CHUNK_BYTES = 256 * 1024
_LENGTH_BYTES = 4
_LARGEST_BLOB = CHUNK_BYTES + 64


def write_sealed(
    target: Path, pieces: Iterable[bytes], sealer: TenantSealer, context: bytes
) -> None:
    """Write a sealed file; it is there whole or not at all.

    Args:
        target: Where; its folder exists. What stood there is replaced.
        pieces: The plaintext, in pieces of any size.
        sealer: Of the tenant the file belongs to.
        context: What the file is; the same bytes are needed to open it.
    """
    partial = target.with_name(f"{target.name}.partial")
    with partial.open("wb") as out:
        chunks = _chunks(pieces)
        chunk = next(chunks, b"")
        for number, following in enumerate(chain(chunks, (None,))):
            blob = sealer.seal(chunk, _bound(context, number, last=following is None))
            out.write(len(blob).to_bytes(_LENGTH_BYTES, "big") + blob)
            chunk = following or b""
        out.flush()
        os.fsync(out.fileno())
    partial.replace(target)


def read_sealed(path: Path, sealer: TenantSealer, context: bytes) -> Iterator[bytes]:
    """Yield the plaintext of a sealed file, at most :data:`CHUNK_BYTES` at once.

    Raises:
        OSError: It is not there, or may not be read.
        UnsealFailed: Cut, damaged, or sealed by another key or for another context.
    """
    with path.open("rb") as source:
        blob = _blob(source.read(_LENGTH_BYTES), source.read)
        number = 0
        while True:
            length = source.read(_LENGTH_BYTES)
            yield sealer.open(blob, _bound(context, number, last=not length))
            if not length:
                return
            blob = _blob(length, source.read)
            number += 1


def _bound(context: bytes, number: int, *, last: bool) -> bytes:
    return b"%b\x00%d\x00%d" % (context, number, last)


def _blob(length: bytes, read: Callable[[int], bytes]) -> bytes:
    size = int.from_bytes(length, "big")
    if len(length) < _LENGTH_BYTES or size > _LARGEST_BLOB:
        raise UnsealFailed("the sealed file has no such form", code="sealed_value_malformed")
    return read(size)


def _chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in chunks of equal size, but for the last."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= CHUNK_BYTES:
            yield bytes(waiting[:CHUNK_BYTES])
            del waiting[:CHUNK_BYTES]
    if waiting:
        yield bytes(waiting)
