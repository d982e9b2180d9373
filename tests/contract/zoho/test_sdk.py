"""Zoho's own Python SDK from PyPI, unmodified, drives the sandbox."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.contract.zoho.kit import Json, Maker, fact

SCRIPT = Path(__file__).with_name("sdk_session.py")
TIMEOUT_S = 60.0


@pytest_asyncio.fixture(scope="module")
async def session(http: httpx.AsyncClient, tmp_path_factory: pytest.TempPathFactory) -> Json:
    """Run the SDK once, in a process and a folder of its own; return what each step saw."""
    org = await Maker(http)(org_id="900100300", settings={"search_index_lag_s": 0})
    arguments = (
        str(http.base_url).rstrip("/"),
        org.client_id,
        org.client_secret,
        org.refresh_token,
        str(tmp_path_factory.mktemp("sdk")),
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), *arguments, stdout=subprocess.PIPE
    )
    async with asyncio.timeout(TIMEOUT_S):
        output, _ = await process.communicate()
    seen: Json = json.loads(output)
    return seen


STEPS: list[Any] = [
    ("authorise", "§1.2", True),
    ("read_org", "§3.14", ["900100300", "enterprise"]),
    ("read_users", "§3.14", ["Ada Admin", "Bo Dentist", "Cy Desk", "Di Gone"]),
    ("insert", "§3.1", ["SUCCESS", "SUCCESS"]),
    ("update", "§3.2", ["SUCCESS"]),
    ("upsert", "§3.3", ["update", "insert"]),
    ("get", "§3.4", ["Okafor", "Dr", "1980-02-29"]),
    ("list", "§3.4", ["Novak", "Okafor", "Rossi"]),
    ("search", "§3.5", [True]),
    ("query", "§3.6", ["Okafor"]),
    ("delete", "§3.7", ["SUCCESS"]),
    ("add_note", "§3.8", ["SUCCESS"]),
    ("upload_attachment", "§3.9", "SUCCESS"),
    ("download_attachment", "§3.9", "bone"),
    ("bulk_write", "§3.11", ["STATUS", "ADDED", "SKIPPED"]),
    ("create_field", "§3.15", ["SUCCESS"]),
    ("refusal", "§6.1", ["INVALID_DATA", "Phone", 400]),
]


@pytest.mark.parametrize(
    ("step", "saw"),
    [
        pytest.param(step, saw, marks=fact(section, "V", f"Zoho's own SDK: {step}"), id=step)
        for step, section, saw in STEPS
    ],
)
async def test_sdk_step(session: Json, step: str, saw: Any) -> None:
    """The SDK parses every answer into its own classes."""
    assert session[step] == {"ok": True, "saw": saw}


@fact("§3.15", "V", "Zoho's own SDK: modules")
async def test_sdk_reads_modules(session: Json) -> None:
    """The standard ones are among them."""
    assert {"Contacts", "Accounts", "Deals", "Tasks", "Events"} <= set(
        session["read_modules"]["saw"]
    )


@fact("§3.15", "V", "Zoho's own SDK: fields with lengths")
async def test_sdk_reads_fields(session: Json) -> None:
    """Lengths come from the metadata."""
    lengths = session["read_fields"]["saw"]
    assert (lengths["Last_Name"], lengths["First_Name"], lengths["Phone"]) == (80, 40, 30)
