"""A rehoster that dies: ``crashing_rehoster.py STEP N`` ends itself after the N-th time of STEP.

Its settings come from the environment, as those of any rehoster.
"""

import sys
from functools import partial

from bridgework_rehoster.app import open_app
from bridgework_rehoster.settings import Settings
from bridgework_service.lifecycle import main
from bridgework_testkit.crashing import dying

if __name__ == "__main__":
    on_step = dying(sys.argv[1], int(sys.argv[2]))
    sys.exit(main(partial(open_app, on_step=on_step), Settings))
