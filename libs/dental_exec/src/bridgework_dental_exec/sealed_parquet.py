"""Parquet files sealed with a key of their own, derived from the tenant's data key.

Written and read by pyarrow (AES-GCM over data and footer); DuckDB scans what pyarrow decrypts.
DuckDB's own encryption is not used: without an extension it cannot write, and version 2.0 does
not read row groups after the first of files written by others.
"""

import secrets
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_COMPRESSION = "lz4"


def new_salt() -> str:
    """Return the random part of a snapshot's keys, 32 hexadecimal characters."""
    return secrets.token_hex(16)


def file_key(seal: bytes, salt: str, name: str) -> bytes:
    """Derive the key of one file; no two files of any snapshot share one."""
    return HKDF(
        algorithm=hashes.SHA256(), length=KEY_BYTES, salt=bytes.fromhex(salt), info=name.encode()
    ).derive(seal)


def row_hash_key(seal: bytes | None) -> str:
    """Return the text that goes before every row that is hashed.

    128 bits, as long as the hashes: a longer text costs every row one more block of SHA-256.
    It depends on the tenant's key only, so that hashes of two snapshots compare, and nobody
    without the key can test guesses about a row.
    """
    if seal is None:
        return ""
    hkdf = HKDF(algorithm=hashes.SHA256(), length=16, salt=None, info=b"bridgework row hash")
    return hkdf.derive(seal).hex()


def open_writer(
    path: Path, schema: pa.Schema, key: bytes | None, *, repeating: Collection[str] = ()
) -> pq.ParquetWriter:
    """Open a Parquet file for writing, sealed where a key is given.

    Args:
        path: The new file.
        schema: Its columns.
        key: The file's key, 32 bytes.
        repeating: Columns whose values repeat: each different one is written once per row group.
    """
    sealed = pe.create_encryption_properties(footer_key=key) if key is not None else None
    return pq.ParquetWriter(
        path,
        schema,
        compression=_COMPRESSION,
        use_dictionary=list(repeating),
        write_statistics=False,
        encryption_properties=sealed,
    )


def open_dataset(path: Path, key: bytes | None, *, repeating: Collection[str] = ()) -> ds.Dataset:
    """Open a sealed file so that DuckDB can scan it, columns and filters pushed down.

    Args:
        path: The file.
        key: The file's key.
        repeating: Columns to read as dictionaries.
    """
    opened = pe.create_decryption_properties(footer_key=key) if key is not None else None
    options = ds.ParquetFragmentScanOptions(pre_buffer=False, decryption_properties=opened)
    read = ds.ParquetReadOptions(dictionary_columns=set(repeating))
    form = ds.ParquetFileFormat(read_options=read, default_fragment_scan_options=options)
    return ds.dataset(path, format=form)
