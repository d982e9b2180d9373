"""Files of a run that the export does not keep for us, sealed beside the snapshot.

Pictures and texts taken out of notes, and documents out of an archive: the rehoster opens them
with the tenant's key.
"""

from collections.abc import Iterator
from pathlib import Path

from bridgework_contracts.records import sealed_file_context
from bridgework_dental_exec.records import CanonicalFile
from bridgework_store.sealed_files import CHUNK_BYTES, write_sealed
from bridgework_store.sealing import TenantSealer


class KeptFiles:
    """One run's files, each once, named by the SHA-256 of its content.

    Args:
        folder: Where they are kept.
        sealer: The tenant's.
    """

    def __init__(self, folder: Path, sealer: TenantSealer) -> None:
        self._folder = folder
        self._sealer = sealer

    def keep(self, file: CanonicalFile) -> Path:
        """Seal a file that has bytes; return where it lies. One that is there already stays."""
        name = str(file.sha256)
        target = self._folder / name
        if not target.is_file():
            self._folder.mkdir(exist_ok=True)
            write_sealed(target, _pieces(file), self._sealer, sealed_file_context(name))
        return target


def _pieces(file: CanonicalFile) -> Iterator[bytes]:
    if file.content is not None:
        yield file.content
    elif file.path is not None:
        with Path(file.path).open("rb") as source:
            while piece := source.read(CHUNK_BYTES):
                yield piece
