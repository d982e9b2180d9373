"""One sandbox for the whole suite, behind real HTTP; one fresh org for every case."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio
from bridgework_zoho_sandbox.server import serve
from bridgework_zoho_sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.contract.zoho.kit import ANSWERED, Maker, Org, declared_codes


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark that names a case's fact."""
    config.addinivalue_line(
        "markers", "fact(section, mark, says): the fact of the Zoho fact sheet a case proves"
    )
    config.addinivalue_line(
        "markers", "answers(*codes): codes of the error taxonomy a case makes the sandbox answer"
    )


@pytest.fixture(autouse=True)
def answered_as_declared(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a case that says it provokes a code and does not."""
    ANSWERED.clear()
    yield
    missing = declared_codes(request.node) - ANSWERED
    assert not missing, f"declared, but never answered: {sorted(missing)}"


@pytest_asyncio.fixture(scope="session")
async def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Serve a sandbox for the session."""
    data = tmp_path_factory.mktemp("zoho-sandbox")
    async with serve(Settings(port=0, data=data)) as (_, url):
        yield url


@pytest_asyncio.fixture(scope="session")
async def http(sandbox_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Plain HTTP to the sandbox: no client library of ours."""
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=50)
    async with httpx.AsyncClient(base_url=sandbox_url, timeout=20.0, limits=limits) as client:
        yield client


@pytest_asyncio.fixture
async def make(http: httpx.AsyncClient) -> AsyncIterator[Maker]:
    """Make orgs to order; they are gone after the case."""
    maker = Maker(http)
    yield maker
    await maker.clean()


@pytest_asyncio.fixture
async def zoho(make: Maker) -> Org:
    """A fresh Enterprise org with two administrators and a standard user."""
    return await make()
