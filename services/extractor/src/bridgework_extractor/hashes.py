"""What a snapshot held, as keyed hashes: the whole memory a delta needs of the export before.

One row per record and file in a SQLite file beside the snapshot. A row is found by a keyed hash of
object and key; key and partition key (they are patients' numbers) are sealed and opened only for
what was deleted. Without the snapshot's key the file tells how much there was, and nothing else.
Neither side holds the rows in memory: a practice has millions.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import orjson
from bridgework_contracts.errors import TerminalError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FILE_NAME = "hashes.sqlite"
_BATCH_ROWS = 1_000
_ID_BYTES, _NONCE_BYTES = 16, 12
_CREATE = "CREATE TABLE hashes (id BLOB NOT NULL, object TEXT NOT NULL, hash TEXT, sealed BLOB)"


class _Keys:
    """Names rows and seals what they say, by a snapshot's key."""

    def __init__(self, snapshot_key: bytes) -> None:
        info = b"bridgework.extractor.hashes"
        made = HKDF(algorithm=hashes.SHA256(), length=64, salt=None, info=info).derive(snapshot_key)
        self._naming, self._cipher = made[:32], AESGCM(made[32:])

    def name(self, object_name: str, key: str) -> bytes:
        """Return the id of a row."""
        told = f"{object_name}\x00{key}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(told, key=self._naming, digest_size=_ID_BYTES).digest()

    def seal(self, row_id: bytes, *texts: str) -> bytes:
        """Return texts sealed for one row."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, orjson.dumps(texts), row_id)

    def open(self, row_id: bytes, blob: bytes) -> list[str]:
        """Return what was sealed for a row."""
        plain = self._cipher.decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], row_id)
        return list(orjson.loads(plain))


class HashWriter:
    """Writes the hashes of one snapshot as they pass; they are there once it is closed.

    Args:
        folder: The snapshot's.
        key: The snapshot's key, 32 bytes.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        self._target = folder / FILE_NAME
        self._partial = folder / f"{FILE_NAME}.partial"
        self._partial.unlink(missing_ok=True)
        self._keys = _Keys(key)
        self._waiting: list[tuple[bytes, str, str, bytes]] = []
        self._database = sqlite3.connect(
            self._partial, isolation_level=None, check_same_thread=False
        )
        # Until it is closed the file counts for nothing: a crash starts it again.
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("BEGIN")
        self._database.execute(_CREATE)

    def add(self, object_name: str, key: str, content_hash: str, partition_key: str) -> None:
        """Add one record."""
        row_id = self._keys.name(object_name, key)
        sealed = self._keys.seal(row_id, key, partition_key)
        self._waiting.append((row_id, object_name, content_hash, sealed))
        if len(self._waiting) >= _BATCH_ROWS:
            self._write()

    def close(self) -> None:
        """Make the file the snapshot's."""
        self._write()
        self._database.execute("CREATE INDEX by_id ON hashes (id)")
        self._database.execute("CREATE INDEX by_object ON hashes (object)")
        self._database.execute("COMMIT")
        self._database.close()
        with self._partial.open("rb+") as written:
            os.fsync(written.fileno())
        self._partial.replace(self._target)

    def discard(self) -> None:
        """Give up what was not closed; harmless after :meth:`close`."""
        self._database.close()

    def _write(self) -> None:
        self._database.executemany("INSERT INTO hashes VALUES (?, ?, ?, ?)", self._waiting)
        self._waiting.clear()


class BaseHashes:
    """The hashes of the base snapshot; what is asked for is ticked off, the rest was deleted.

    Args:
        folder: The base snapshot's.
        key: Its key.

    Raises:
        TerminalError: ``base_missing``: that snapshot was never read to its end.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        path = folder / FILE_NAME
        if not path.is_file():
            raise TerminalError(
                "The export this delta must be compared with was not read to its end.",
                code="base_missing",
            )
        self._keys = _Keys(key)
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
        (rows,) = self._database.execute("SELECT coalesce(max(rowid), 0) FROM hashes").fetchone()
        self._taken = bytearray(rows + 1)

    def take(self, object_name: str, key: str) -> str | None:
        """Return the base hash of a record that is still there, ``None`` where it is new."""
        row_id = self._keys.name(object_name, key)
        rows = self._database.execute("SELECT rowid, hash FROM hashes WHERE id = ?", (row_id,))
        left = [(number, told) for number, told in rows if not self._taken[number]]
        for number, _ in left:
            self._taken[number] = 1
        return str(max(left)[1]) if left else None

    def deleted(self, object_name: str) -> Iterator[tuple[str, str, str]]:
        """Yield (key, hash, partition key) of what nobody asked for; ask after everything else."""
        rows = self._database.execute(
            "SELECT rowid, id, hash, sealed FROM hashes WHERE object = ?", (object_name,)
        )
        left = [
            (*self._keys.open(row_id, sealed), told)
            for number, row_id, told, sealed in rows
            if not self._taken[number]
        ]
        for key, partition_key, told in sorted(left):
            yield key, told, partition_key

    def close(self) -> None:
        """Give the file back."""
        self._database.close()
