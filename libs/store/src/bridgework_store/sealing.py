"""Envelope encryption: one master key wraps one key per tenant, and that key seals the values.

Only the wrapped tenant key is ever stored. Deleting it makes everything sealed under it unreadable
for ever, in tables, topics and backups alike, without rewriting any of them.

Layout of both kinds of blob (bytes)::

    0      version, 0x01 wrapped tenant key, 0x02 sealed value
    1-4    id of the key that sealed it: the start of a SHA-256 over the key
    5-16   random 96-bit nonce
    17-    AES-256-GCM ciphertext and its 16-byte tag

The first five bytes are authenticated together with the caller's ``aad``. Random nonces are safe
for 2**32 values under one key (NIST SP 800-38D, section 8.3); one migration stays far below.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from typing import NewType

from bridgework_contracts.errors import ConfigurationError, TerminalError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

WrappedKey = NewType("WrappedKey", bytes)
"""A tenant key as it is stored: sealed under the master key."""

KEY_BYTES = 32
_WRAPPED_KEY = b"\x01"
_SEALED_VALUE = b"\x02"
_HEADER_BYTES = 5
_NONCE_END = 17
_SMALLEST_BLOB = _NONCE_END + 16


class UnsealFailed(TerminalError):
    """A blob cannot be opened: another key, another context, damaged, or its key was destroyed.

    ``code`` is one of ``sealed_value_malformed``, ``sealed_by_unknown_key``,
    ``sealed_value_damaged``. The message never holds any part of the blob.
    """


class TenantKey:
    """The key under which one tenant's values are sealed; lives in memory only."""

    __slots__ = ("_key", "key_id")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            msg = f"a tenant key has {KEY_BYTES} bytes"
            raise ValueError(msg)
        self._key = key
        self.key_id = _key_id(b"tenant", key)

    def __repr__(self) -> str:
        return f"TenantKey({self.key_id.hex()})"

    def cipher(self) -> AESGCM:
        """Return the cipher that holds this key."""
        return AESGCM(self._key)


class MasterKey:
    """The key that wraps tenant keys; comes from settings, never from the database.

    Args:
        current: base64 of 32 random bytes; wraps every new key.
        previous: earlier master keys, same form; still open what they wrapped.

    Raises:
        ConfigurationError: a key that is not base64 of exactly 32 bytes.
    """

    def __init__(self, current: SecretStr, previous: Sequence[SecretStr] = ()) -> None:
        keys = [_decode_master(key) for key in (current, *previous)]
        self._ciphers = {_key_id(b"master", key): AESGCM(key) for key in reversed(keys)}
        self._current_id = _key_id(b"master", keys[0])

    def __repr__(self) -> str:
        return f"MasterKey({self._current_id.hex()})"

    def wrap(self, key: bytes, context: bytes = b"") -> WrappedKey:
        """Return ``key`` sealed under the current master key and bound to ``context``."""
        cipher = self._ciphers[self._current_id]
        return WrappedKey(_seal(cipher, _WRAPPED_KEY + self._current_id, key, context))

    def unwrap(self, wrapped: WrappedKey, context: bytes = b"") -> bytes:
        """Return the key inside ``wrapped``.

        Raises:
            UnsealFailed: wrapped by an unknown master key, for another context, or damaged.
        """
        return _open(self._ciphers, _WRAPPED_KEY, wrapped, context)

    def is_current(self, wrapped: WrappedKey) -> bool:
        """Tell whether ``wrapped`` needs no re-wrapping after a rotation of the master key."""
        return wrapped[1:_HEADER_BYTES] == self._current_id


def new_tenant_key(master: MasterKey, context: bytes = b"") -> WrappedKey:
    """Return a fresh random tenant key, wrapped.

    ``context`` (the tenant's id) binds it: moved to another tenant's row, it does not open.
    """
    return master.wrap(os.urandom(KEY_BYTES), context)


def unwrap(master: MasterKey, wrapped: WrappedKey, context: bytes = b"") -> TenantKey:
    """Return the tenant key inside ``wrapped``.

    Raises:
        UnsealFailed: as :meth:`MasterKey.unwrap`.
    """
    return TenantKey(master.unwrap(wrapped, context))


def rewrap(master: MasterKey, wrapped: WrappedKey, context: bytes = b"") -> WrappedKey:
    """Return the same tenant key under the current master key; sealed values stay as they are."""
    return master.wrap(master.unwrap(wrapped, context), context)


class TenantSealer:
    """Seals and opens one tenant's values.

    Args:
        key: Seals every new value.
        previous: Keys that still open older values.
    """

    __slots__ = ("_ciphers", "_current", "_header")

    def __init__(self, key: TenantKey, previous: Sequence[TenantKey] = ()) -> None:
        self._ciphers = {k.key_id: k.cipher() for k in (*previous, key)}
        self._current = self._ciphers[key.key_id]
        self._header = _SEALED_VALUE + key.key_id

    def seal(self, plaintext: bytes, aad: bytes) -> bytes:
        """Return ``plaintext`` encrypted, 33 bytes longer; the same value never looks the same.

        Args:
            plaintext: Any bytes.
            aad: Where the value belongs (topic and key, table and row). Not stored; the same
                bytes are needed to open.
        """
        return _seal(self._current, self._header, plaintext, aad)

    def open(self, blob: bytes, aad: bytes) -> bytes:
        """Return the plaintext of a sealed value.

        Raises:
            UnsealFailed: not a sealed value, sealed by a key we do not hold, sealed for another
                ``aad``, or damaged.
        """
        return _open(self._ciphers, _SEALED_VALUE, blob, aad)


def _seal(cipher: AESGCM, header: bytes, plaintext: bytes, aad: bytes) -> bytes:
    nonce = os.urandom(12)
    return header + nonce + cipher.encrypt(nonce, plaintext, header + aad)


def _open(ciphers: dict[bytes, AESGCM], kind: bytes, blob: bytes, aad: bytes) -> bytes:
    if len(blob) < _SMALLEST_BLOB or blob[:1] != kind:
        raise UnsealFailed(
            "the blob does not have the form of a sealed value of this kind",
            code="sealed_value_malformed",
        )
    header = blob[:_HEADER_BYTES]
    cipher = ciphers.get(header[1:])
    if cipher is None:
        raise UnsealFailed(
            f"sealed by key {header[1:].hex()}, which this process does not hold",
            code="sealed_by_unknown_key",
        )
    try:
        return cipher.decrypt(blob[_HEADER_BYTES:_NONCE_END], blob[_NONCE_END:], header + aad)
    except InvalidTag:
        raise UnsealFailed(
            "the sealed value is damaged or belongs somewhere else", code="sealed_value_damaged"
        ) from None


def _key_id(kind: bytes, key: bytes) -> bytes:
    return hashlib.sha256(b"bridgework key id " + kind + b"\x00" + key).digest()[:4]


def _decode_master(encoded: SecretStr) -> bytes:
    try:
        key = base64.b64decode(encoded.get_secret_value(), validate=True)
    except (binascii.Error, ValueError):
        # Not chained: the decoder's message may quote the key.
        raise _bad_master() from None
    if len(key) != KEY_BYTES:
        raise _bad_master()
    return key


def _bad_master() -> ConfigurationError:
    return ConfigurationError(
        f"a master key must be the base64 of exactly {KEY_BYTES} random bytes",
        code="master_key_malformed",
    )
