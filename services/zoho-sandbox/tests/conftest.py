"""An org on disk without a server: calls go straight to the handlers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from bridgework_zoho_sandbox.call import Call
from bridgework_zoho_sandbox.org import Org
from bridgework_zoho_sandbox.orgs import NewOrg, OrgRegistry

MakeCall = Callable[..., Call]


@pytest.fixture
def registry(tmp_path: Path) -> OrgRegistry:
    """A registry over an empty folder."""
    return OrgRegistry(tmp_path, request_log_size=100)


@pytest.fixture
def org(registry: OrgRegistry) -> Iterator[Org]:
    """One Enterprise org."""
    made, _ = registry.create(NewOrg())
    yield made
    made.close()


@pytest.fixture
def call(org: Org) -> MakeCall:
    """Make calls by the org's first user."""

    def make(body: Any = None, *, args: Any = None, params: Any = None, **more: Any) -> Call:
        return Call(
            org=org,
            person=next(iter(org.people.values())),
            client_id="app",
            method="POST",
            path="/crm/v8/x",
            args=args or {},
            params=params or {},
            headers=more.pop("headers", {}),
            body=b"" if body is None else orjson.dumps(body),
            **more,
        )

    return make
