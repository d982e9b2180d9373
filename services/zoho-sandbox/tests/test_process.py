"""The process itself: address announced, killed without mercy, started again over its data."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

Json = dict[str, Any]
DEADLINE_S = 20.0


@contextmanager
def sandbox(data: Path, *extra: str) -> Iterator[tuple[httpx.Client, subprocess.Popen[str]]]:
    """Run a sandbox process; yield a client and the process."""
    command = [sys.executable, "-m", "bridgework_zoho_sandbox", "--port", "0", "--announce"]
    with subprocess.Popen(
        [*command, "--data", str(data), *extra], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            url = json.loads(process.stdout.readline())["url"]
            with httpx.Client(base_url=url, timeout=20.0) as client:
                yield client, process
        finally:
            if process.poll() is None:
                process.terminate()


def sign_in(client: httpx.Client, org: Json) -> None:
    """Put a fresh token into the client."""
    form = {key: org[key] for key in ("client_id", "client_secret", "refresh_token")}
    answer = client.post("/oauth/v2/token", data={"grant_type": "refresh_token", **form})
    client.headers["Authorization"] = f"Zoho-oauthtoken {answer.json()['access_token']}"


def bulk_job(client: httpx.Client, org: Json, rows: int) -> str:
    """Create a bulk write of Leads and return its id."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("l.csv", "Last_Name\n" + "x\n" * rows)
    headers = {"feature": "bulk-write", "X-CRM-ORG": org["org_id"]}
    made = client.post(
        "/crm/v8/upload", files={"file": ("l.zip", target.getvalue())}, headers=headers
    )
    resource = {
        "type": "data",
        "module": {"api_name": "Leads"},
        "file_id": made.json()["details"]["file_id"],
    }
    body = {"operation": "insert", "resource": [resource]}
    answer = client.post("/crm/bulk/v8/write", json=body)
    return str(answer.json()["details"]["id"])


def count(client: httpx.Client) -> int:
    """Return how many Leads there are."""
    return int(client.get("/crm/v8/Leads/actions/count").json()["count"])


def test_kill_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """Records answered with 201 are there after SIGKILL and a restart."""
    body = {"data": [{"Last_Name": "x"}] * 100, "trigger": []}
    with sandbox(tmp_path) as (client, process):
        org = client.post("/sandbox/orgs", json={}).json()
        sign_in(client, org)
        answered = sum(client.post("/crm/v8/Leads", json=body).status_code == 201 for _ in range(5))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with sandbox(tmp_path) as (client, _):
        sign_in(client, org)
        assert count(client) == answered * 100 == 500


def test_killed_bulk_job_resumes(tmp_path: Path) -> None:
    """Half done, killed, started again: every row once."""
    slow = {"settings": {"bulk_s_per_1000_rows": 1.0}}
    with sandbox(tmp_path) as (client, process):
        org = client.post("/sandbox/orgs", json=slow).json()
        sign_in(client, org)
        job = bulk_job(client, org, 3000)
        deadline = time.monotonic() + DEADLINE_S
        while not 0 < count(client) < 3000:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with sandbox(tmp_path) as (client, _):
        sign_in(client, org)
        client.patch(f"/sandbox/orgs/{org['org_id']}/settings", json={"bulk_s_per_1000_rows": 0.0})
        deadline = time.monotonic() + DEADLINE_S
        while client.get(f"/crm/bulk/v8/write/{job}").json()["status"] != "COMPLETED":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        state = client.get(f"/crm/bulk/v8/write/{job}").json()
        assert state["resource"][0]["file"]["added_count"] == 3000
        assert count(client) == 3000


def test_seed_file_makes_orgs_once(tmp_path: Path) -> None:
    """A second start does not make them again."""
    seed = tmp_path / "seed.json"
    seed.write_text(
        json.dumps(
            [{"org_id": "900100400", "client_id": "c", "client_secret": "s", "refresh_token": "r"}]
        ),
        encoding="utf-8",
    )
    for _ in range(2):
        with sandbox(tmp_path / "data", "--seed", str(seed)) as (client, _process):
            assert client.get("/sandbox/orgs").json() == {"orgs": ["900100400"]}
            sign_in(client, {"client_id": "c", "client_secret": "s", "refresh_token": "r"})
            assert client.get("/crm/v8/org").json()["org"][0]["zgid"] == "900100400"
