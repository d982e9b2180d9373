"""How long to wait before trying again."""

import random

_MOST_DOUBLINGS = 16


def pause_s(
    attempt: int, *, first_s: float, longest_s: float, retry_after_s: float | None = None
) -> float:
    """Return a pause after failed try number ``attempt`` (from 1): doubling, with jitter.

    Never shorter than what the error asked for; the jitter keeps replicas from returning together.
    """
    grown = min(longest_s, first_s * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS))
    jittered = grown * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
    return max(jittered, retry_after_s or 0.0)
