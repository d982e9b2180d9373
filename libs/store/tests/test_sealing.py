"""Envelope encryption: what opens, what never opens again."""

import base64
import os

import pytest
from bridgework_contracts.errors import ConfigurationError, TerminalError
from bridgework_store.sealing import (
    MasterKey,
    TenantKey,
    TenantSealer,
    UnsealFailed,
    WrappedKey,
    new_tenant_key,
    rewrap,
    unwrap,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr


def secret() -> SecretStr:
    """Make a random master key as it stands in settings."""
    return SecretStr(base64.b64encode(os.urandom(32)).decode())


def a_sealer() -> TenantSealer:
    """Make a sealer of a new tenant."""
    master = MasterKey(secret())
    return TenantSealer(unwrap(master, new_tenant_key(master)))


@given(plaintext=st.binary(max_size=2000), aad=st.binary(max_size=50))
def test_what_was_sealed_opens_with_the_same_aad(plaintext: bytes, aad: bytes) -> None:
    """Any bytes survive the way there and back, 33 bytes longer in between."""
    sealer = a_sealer()
    blob = sealer.seal(plaintext, aad)
    assert len(blob) == len(plaintext) + 33
    assert sealer.open(blob, aad) == plaintext


def test_sealing_the_same_value_twice_gives_different_blobs() -> None:
    """Equal plaintexts cannot be recognised by equal ciphertexts."""
    sealer = a_sealer()
    assert sealer.seal(b"same", b"") != sealer.seal(b"same", b"")


def test_a_value_does_not_open_in_another_place() -> None:
    """The aad binds a value to its row: copied elsewhere it is refused."""
    sealer = a_sealer()
    blob = sealer.seal(b"value", b"runs/run_1")
    with pytest.raises(UnsealFailed) as caught:
        sealer.open(blob, b"runs/run_2")
    assert caught.value.code == "sealed_value_damaged"
    assert isinstance(caught.value, TerminalError)


@pytest.mark.parametrize("position", range(33 + 5))
def test_every_flipped_bit_is_noticed(position: int) -> None:
    """Header, nonce, ciphertext and tag are all authenticated."""
    sealer = a_sealer()
    blob = bytearray(sealer.seal(b"value", b"aad"))
    blob[position] ^= 1
    with pytest.raises(UnsealFailed):
        sealer.open(bytes(blob), b"aad")


@pytest.mark.parametrize("blob", [b"", b"\x02", b"\x02" + b"0" * 31, b"\x07" + b"0" * 60])
def test_bytes_that_are_no_sealed_value_are_refused_by_form(blob: bytes) -> None:
    """Short or foreign bytes give the code for a malformed value."""
    with pytest.raises(UnsealFailed) as caught:
        a_sealer().open(blob, b"")
    assert caught.value.code == "sealed_value_malformed"


def test_another_tenants_sealer_cannot_open_a_value() -> None:
    """Keys of tenants are independent; the error names the key's id only."""
    mine, theirs = a_sealer(), a_sealer()
    blob = mine.seal(b"Anna Example", b"")
    with pytest.raises(UnsealFailed) as caught:
        theirs.open(blob, b"")
    assert caught.value.code == "sealed_by_unknown_key"
    assert "Anna" not in str(caught.value)


def test_destroying_the_wrapped_key_makes_every_value_unreadable() -> None:
    """Crypto-shredding: what opened with the wrapped key never opens without it."""
    master = MasterKey(secret())
    wrapped = new_tenant_key(master, b"harbor")
    blobs = [
        TenantSealer(unwrap(master, wrapped, b"harbor")).seal(b"v", b"%d" % n) for n in range(9)
    ]
    assert TenantSealer(unwrap(master, wrapped, b"harbor")).open(blobs[3], b"3") == b"v"

    wrapped = new_tenant_key(master, b"harbor")  # all that is left is the possibility of a new key

    survivor = TenantSealer(unwrap(master, wrapped, b"harbor"))
    for number, blob in enumerate(blobs):
        with pytest.raises(UnsealFailed):
            survivor.open(blob, b"%d" % number)


def test_a_wrapped_key_does_not_open_for_another_tenant() -> None:
    """The wrapping context ties a key to its tenant's row."""
    master = MasterKey(secret())
    wrapped = new_tenant_key(master, b"harbor")
    with pytest.raises(UnsealFailed):
        unwrap(master, wrapped, b"lakeside")


def test_a_rotated_master_key_still_opens_what_the_previous_one_wrapped() -> None:
    """Rotation: new current key, old as previous; after rewrap the old one is not needed."""
    old, new = secret(), secret()
    before = MasterKey(old)
    wrapped = new_tenant_key(before, b"t")
    blob = TenantSealer(unwrap(before, wrapped, b"t")).seal(b"value", b"")

    during = MasterKey(new, [old])
    assert not during.is_current(wrapped)
    rewrapped = rewrap(during, wrapped, b"t")
    assert during.is_current(rewrapped)

    after = MasterKey(new)
    assert TenantSealer(unwrap(after, rewrapped, b"t")).open(blob, b"") == b"value"
    with pytest.raises(UnsealFailed):
        unwrap(after, wrapped, b"t")


def test_a_sealed_value_is_not_taken_for_a_wrapped_key() -> None:
    """The version byte separates the two kinds of blob."""
    master = MasterKey(secret())
    with pytest.raises(UnsealFailed) as caught:
        unwrap(master, WrappedKey(a_sealer().seal(b"x" * 32, b"")))
    assert caught.value.code == "sealed_value_malformed"


def test_a_sealer_with_previous_keys_opens_older_values() -> None:
    """Rotating a tenant's own key leaves older values readable."""
    old, new = TenantKey(os.urandom(32)), TenantKey(os.urandom(32))
    blob = TenantSealer(old).seal(b"value", b"")
    assert TenantSealer(new, [old]).open(blob, b"") == b"value"


@pytest.mark.parametrize("text", ["", "not base64!", base64.b64encode(b"short").decode()])
def test_a_malformed_master_key_is_refused_without_being_quoted(text: str) -> None:
    """The process refuses to start, and the key's text is nowhere in the error."""
    with pytest.raises(ConfigurationError) as caught:
        MasterKey(SecretStr(text))
    assert caught.value.code == "master_key_malformed"
    assert not text or text not in str(caught.value)


def test_keys_do_not_show_themselves() -> None:
    """Repr of keys holds an id, not key material."""
    raw = os.urandom(32)
    encoded = base64.b64encode(raw).decode()
    assert raw.hex() not in repr(TenantKey(raw))
    assert encoded not in repr(MasterKey(SecretStr(encoded)))
