"""Fixtures every test may ask for; servers start once per session, only when asked for."""

pytest_plugins = ["bridgework_testkit.fixtures"]
