"""The table of facts and cases is up to date and large enough."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


async def test_coverage_document_is_up_to_date() -> None:
    """Else: python -m tests.contract.zoho.coverage."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.contract.zoho.coverage", "--check"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-3000:]


def test_at_least_250_cases_prove_a_fact() -> None:
    """Read from the document."""
    text = (ROOT / "docs" / "zoho-coverage.md").read_text(encoding="utf-8")
    found = re.search(r"^(\d+) cases for (\d+) facts\.$", text, re.MULTILINE)
    assert found is not None
    assert int(found[1]) >= 250
