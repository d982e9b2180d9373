"""A practice that we did not generate moves, and its answer key is met object by object."""

import json
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from bridgework_testkit.fixtures import embedded_log_settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

HARBOR = Path(__file__).parents[3] / "shared" / "data" / "harbor-dental.zip"
LANDED = ("inserted", "updated", "unchanged")


@pytest.fixture(scope="module")
def harbor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The practice's folder: export, answer key, users of its org."""
    if not HARBOR.exists():
        pytest.skip("the practice with an answer key is not beside this checkout")
    folder = tmp_path_factory.mktemp("harbor")
    with zipfile.ZipFile(HARBOR) as archive:
        archive.extractall(folder)
    return next(folder.glob("*/export")).parent


async def test_every_object_has_the_count_of_the_answer_key_or_each_difference_is_named(
    new_stack: Any, database: str, harbor: Path, tenant: str
) -> None:
    """What must land landed, what must wait is parked, and what did not land is told."""
    stack = await new_stack(embedded_log_settings(database))
    org, users = await stack.new_org(tenant, harbor)
    journey, job_id = await stack.job(tenant, harbor, users)
    await journey.rehearse(job_id, plans=20)
    await journey.full(job_id)
    report = await stack.report(job_id)
    full = next(run for run in report["runs"] if run["kind"] == "full")
    assert full["balanced"]
    assert full["diff"]["mismatches"] == 0

    key = json.loads((harbor / "truth.json").read_text("utf-8"))["expected_counts"]
    assert "Billing_Ledger" in key  # a key that names nothing would be met by anything
    differences = {
        name: wrong
        for name, expected in key.items()
        if name != "Users"  # resolved, never written
        and (wrong := _differences(expected, full["objects"][name]))
    }
    assert differences == {}

    told = Counter(
        (line["object"], line["outcome"])
        for line in report["quarantined"]
        if line["outcome"] in {"parked", "failed", "skipped"} and line["remedy"]
    )
    silent = {
        (name, outcome): (counts[outcome], told[name, outcome])
        for name, counts in full["objects"].items()
        for outcome in ("parked", "failed", "skipped")
        if counts[outcome] > told[name, outcome]
    }
    assert silent == {}
    await org.close()


def _differences(expected: Mapping[str, int], counts: Mapping[str, int]) -> dict[str, Any]:
    """Return what contradicts the key: too few or too many landed, another number parked."""
    # Rows without a record of their own end as merged; a record that merged is not in the key.
    landed = sum(counts[outcome] for outcome in LANDED) or counts["merged"]
    least = expected.get("required", 0) + expected.get("merged", 0)
    most = least + expected.get("optional", 0)
    wrong: dict[str, Any] = {}
    if not least <= landed <= most:
        wrong["landed"] = (least, landed, most)
    if counts["parked"] != expected.get("parked", 0):
        wrong["parked"] = (expected.get("parked", 0), counts["parked"])
    if counts["failed"]:
        wrong["failed"] = counts["failed"]
    return wrong
