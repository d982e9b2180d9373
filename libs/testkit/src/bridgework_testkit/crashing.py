"""Ends a process between two effects, as a kill would: no clean-up, no commit."""

import os
from collections.abc import Callable

KILLED = 137


def dying(at_step: str, occurrence: int) -> Callable[[str], None]:
    """Return an ``on_step`` that ends the process when a step is reached the n-th time."""
    times = 0

    def reached(step: str) -> None:
        nonlocal times
        times += step == at_step
        if step == at_step and times == occurrence:
            os._exit(KILLED)

    return reached
