"""Files on disk that only their tenant's key opens, and only whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bridgework_store.sealed_files import CHUNK_BYTES, read_sealed, write_sealed
from bridgework_store.sealing import TenantKey, TenantSealer, UnsealFailed

SEALER = TenantSealer(TenantKey(bytes(range(32))))
PIECE = b"Jane Doe, 01/02/1980; "


def sealed(folder: Path, content: bytes, context: bytes = b"file:1") -> Path:
    """Write a file in pieces of 1,000 bytes."""
    target = folder / "sealed"
    pieces = (content[at : at + 1_000] for at in range(0, len(content), 1_000))
    write_sealed(target, pieces, SEALER, context)
    return target


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 900_000])
def test_a_file_comes_back_and_lies_sealed(tmp_path: Path, size: int) -> None:
    """Whatever its size; nothing of it can be read on disk, and no half file is left."""
    content = (PIECE * (size // len(PIECE) + 1))[:size]
    path = sealed(tmp_path, content)
    chunks = list(read_sealed(path, SEALER, b"file:1"))
    assert b"".join(chunks) == content
    assert max(map(len, chunks)) <= CHUNK_BYTES
    assert b"Jane" not in path.read_bytes()
    assert [one.name for one in tmp_path.iterdir()] == ["sealed"]


@pytest.mark.parametrize("cut", [1, 5, CHUNK_BYTES // 2, CHUNK_BYTES + 37, 2 * (CHUNK_BYTES + 37)])
def test_a_file_that_was_cut_does_not_open(tmp_path: Path, cut: int) -> None:
    """Also where it was cut between two chunks."""
    path = sealed(tmp_path, bytes(3 * CHUNK_BYTES))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(UnsealFailed):
        list(read_sealed(path, SEALER, b"file:1"))


def test_chunks_stand_in_their_order_and_in_their_file(tmp_path: Path) -> None:
    """Two chunks changed places; a file under another name; a file that is none; one too many."""
    path = sealed(tmp_path, bytes(2 * CHUNK_BYTES) + b"end")
    whole = path.read_bytes()
    with pytest.raises(UnsealFailed):
        list(read_sealed(path, SEALER, b"file:2"))
    size = 4 + int.from_bytes(whole[:4], "big")
    for other in (
        whole[size : 2 * size] + whole[:size] + whole[2 * size :],
        whole + whole[2 * size :],
        b"",
        b"\xff" * 100,
    ):
        path.write_bytes(other)
        with pytest.raises(UnsealFailed):
            list(read_sealed(path, SEALER, b"file:1"))


def test_a_file_that_could_not_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    """The pieces end with an error."""
    path = sealed(tmp_path, b"before")

    def failing() -> Iterator[bytes]:
        yield bytes(CHUNK_BYTES)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        write_sealed(path, failing(), SEALER, b"file:1")
    assert b"".join(read_sealed(path, SEALER, b"file:1")) == b"before"
