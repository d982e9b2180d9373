"""A rehoster that dies: ``crashing_rehoster.py STEP N`` ends itself after the N-th time of STEP.

Its settings come from the environment, as those of any rehoster.
"""

import os
import sys
from collections import Counter
from functools import partial

from bridgework_rehoster.app import open_app
from bridgework_rehoster.pacing import Step
from bridgework_rehoster.settings import Settings
from bridgework_service.lifecycle import main

KILLED = 137


def dying(step: Step, number: int, seen: Counter[Step], reached: Step) -> None:
    """End the process at once, as a kill would: no clean-up, no commit."""
    seen[reached] += 1
    if reached is step and seen[reached] == number:
        os._exit(KILLED)


if __name__ == "__main__":
    on_step = partial(dying, Step(sys.argv[1]), int(sys.argv[2]), Counter())
    sys.exit(main(partial(open_app, on_step=on_step), Settings))
