"""The OpenAPI document is true: schemathesis finds neither a 5xx nor an undocumented answer."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.zoho.kit import Maker, Org, fact

ROOT = Path(__file__).parents[3]
TIME_BUDGET_S = 200.0
"""Ends what hangs; it takes a small part of it."""
pytestmark = pytest.mark.timeout(240)
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


async def examine(org: Org, record: str) -> tuple[int, str]:
    """Run schemathesis over the sandbox; return its exit status and its report."""
    url = str(org.http.base_url).rstrip("/")
    command = [
        *("run", f"{url}/sandbox/openapi.json", "--url", url),
        *("--header", f"Authorization: Zoho-oauthtoken {org.token}"),
        *("--phases", "coverage,fuzzing", "--checks", ",".join(CHECKS)),
        *("--max-examples", "4", "--seed", "7"),
        *("--continue-on-failure", "--warnings", "off", "--suppress-health-check", "all"),
    ]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.contract.zoho.openapi_hooks",
        "SANDBOX_RECORD": record,
        "PYTHONPATH": str(ROOT),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "schemathesis.cli",
        *command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    async with asyncio.timeout(TIME_BUDGET_S):
        output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.timeout(100)
@fact("§6.2", "V", "no input makes a 500; every answer is documented with status and shape")
async def test_every_answer_is_documented(make: Maker, tmp_path: Path) -> None:
    """Bounded: under a minute, several thousand generated calls."""
    org = await make(settings={"credits_override": 10**9})
    record = await org.contact()
    status, report = await examine(org, record)
    assert status == 0, report[-6000:]
    meters = (await org.admin("GET", "/meters")).json
    assert meters["requests"] > 500


async def test_openapi_names_every_operation(zoho: Org) -> None:
    """Each route of the table is in the document, with its price."""
    from bridgework_zoho_sandbox.operations import OPERATIONS

    document = (await zoho.http.get("/sandbox/openapi.json")).json()
    named = {
        entry["operationId"]: entry["x-credits"]
        for path in document["paths"].values()
        for entry in path.values()
    }
    assert named == {item.name: list(item.listed_credits) for item in OPERATIONS}
