"""A local Zoho for the session, and a fresh org of it per test."""

from collections.abc import AsyncIterator

import pytest
from bridgework_zoho.local import LocalOrg, LocalZoho, running_local_zoho


@pytest.fixture(scope="session")
async def local_zoho() -> AsyncIterator[LocalZoho]:
    """The sandbox, as a process of its own."""
    async with running_local_zoho() as zoho:
        yield zoho


@pytest.fixture
async def org(local_zoho: LocalZoho) -> LocalOrg:
    """A fresh Enterprise org."""
    return await local_zoho.create_org()
