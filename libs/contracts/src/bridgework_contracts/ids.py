"""Typed identifiers: two bare strings in one signature are a bug waiting.

Every message id is derived from what the message is about, so that replaying a topic from offset 0
produces the very same ids and every consumer can recognise what it has already done.
"""

import hashlib
import secrets
from typing import NewType

TenantId = NewType("TenantId", str)
"""A practice and its one Zoho org: lower-case letters, digits and dashes; part of topic names."""
JobId = NewType("JobId", str)
"""One migration of one tenant, ``job_…``."""
RunId = NewType("RunId", str)
"""One pass of a job, ``run_…``."""
MessageId = NewType("MessageId", str)
"""32 hexadecimal characters, equal for equal content (see :func:`message_id`)."""
SourceKey = NewType("SourceKey", str)
"""The key of one canonical record within its object, e.g. ``"1201"`` or ``"11|2025-05"``."""
ZohoId = NewType("ZohoId", str)
"""A Zoho record id: 17 to 19 decimal digits, never a number (it exceeds 2^53)."""


def new_job_id() -> JobId:
    """Return a fresh random job id."""
    return JobId(f"job_{secrets.token_hex(8)}")


def new_run_id() -> RunId:
    """Return a fresh random run id."""
    return RunId(f"run_{secrets.token_hex(8)}")


def message_id(*parts: str) -> MessageId:
    """Derive the id of a message from the parts that make it what it is.

    Args:
        parts: For a record: run id, message type, object, source key, content hash.

    Returns:
        32 hexadecimal characters; the same parts always give the same id.
    """
    joined = "\x1f".join(parts).encode()
    return MessageId(hashlib.blake2b(joined, digest_size=16).hexdigest())
