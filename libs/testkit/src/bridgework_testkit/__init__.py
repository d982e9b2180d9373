"""Fakes, contract suites, fault proxy, server discovery for tests."""
