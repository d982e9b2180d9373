"""A fresh org of the local Zoho per test."""

import pytest
from bridgework_zoho.local import LocalOrg, LocalZoho


@pytest.fixture
async def org(local_zoho: LocalZoho) -> LocalOrg:
    """A fresh Enterprise org."""
    return await local_zoho.create_org()
