"""Fakes, contract suites, fault proxy, server discovery, process launcher for tests."""
