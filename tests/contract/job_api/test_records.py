"""Control and reconciler agree about pages of outcomes: the real journal behind the real API."""

from typing import Any

import httpx
import pytest

from tests.contract.job_api.conftest import KEY, JobApi


async def pages(api: JobApi, query: str) -> list[list[dict[str, Any]]]:
    """Walk a run's outcomes page by page."""
    found: list[list[dict[str, Any]]] = []
    headers = {"Authorization": f"Bearer {KEY}"}
    path = f"/v1/runs/{api.things['run_id'][0]}/records?{query}"
    async with httpx.AsyncClient(base_url=api.url, headers=headers) as http:
        cursor: str | None = ""
        while cursor is not None:
            answer = await http.get(path + (f"&cursor={cursor}" if cursor else ""))
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found.append(page["data"])
            cursor = page["next_cursor"]
    return found


async def test_outcomes_are_walked_in_order_without_gaps_or_repeats(job_api: JobApi) -> None:
    """Five outcomes, two a page."""
    found = await pages(job_api, "limit=2")
    assert [[row["key"] for row in page] for page in found] == [["0", "1"], ["2", "3"], ["4"]]


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("outcome=parked", ["0"]),
        ("outcome=inserted", ["1", "2", "3", "4"]),
        ("object=patient", ["0", "1", "2", "3", "4"]),
        ("object=carrier", []),
        ("object=patient&outcome=failed", []),
    ],
)
async def test_filters_mean_the_same_to_both(job_api: JobApi, query: str, keys: list[str]) -> None:
    """What control names, the reconciler filters by."""
    assert [row["key"] for page in await pages(job_api, query) for row in page] == keys


async def test_an_outcome_says_why_and_where_and_holds_no_value(job_api: JobApi) -> None:
    """Reason, place, problems; nothing of what was sent."""
    ((row,),) = await pages(job_api, "outcome=parked")
    assert row["reason"]["missing_key"] == "9"
    assert row["provenance"] == [{"file": "patients.csv", "line": 2}]
    assert row["problems"][0]["code"] == "odd"
    assert (row["credits"], row["decided_by"]) == (0.5, "loader")
    assert not {"sent", "before", "values_sealed"} & row.keys()
