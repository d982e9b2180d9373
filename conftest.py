"""Fixtures every test may ask for; servers start once per session, only when asked for."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["bridgework_testkit.fixtures"]

# Time is no property of ours: a loaded machine must not fail one. CI tries the same examples each
# time; elsewhere new ones are looked for.
settings.register_profile(
    "bridgework",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
    print_blob=True,
)
settings.load_profile("bridgework")
