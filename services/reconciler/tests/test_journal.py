"""The journal in PostgreSQL: the last word of each record, and counts that follow it."""

from collections import Counter
from typing import Any

import pytest
from bridgework_contracts.errors import TerminalError
from bridgework_contracts.outcomes import Conflict, Effect, Outcome, Reason
from bridgework_contracts.records import Problem, Provenance
from bridgework_reconciler.adapters.journal import AnyOutcome
from bridgework_reconciler.adapters.sealing import conflicts_of, open_values
from bridgework_reconciler.domain.counting import contribution

from services.reconciler.tests.conftest import Reconciler, ended, file_ended

TABLES = ("journal", "tallies", "run_credits", "links", "expected", "extracted")


async def journal(reconciler: Reconciler, *outcomes: AnyOutcome, run_id: str = "run_1") -> None:
    """Journal outcomes in one transaction."""
    async with reconciler.pool.acquire() as connection, connection.transaction():
        await reconciler.journal.add(connection, run_id, outcomes, reconciler.tenant.sealer)


async def everything(reconciler: Reconciler) -> dict[str, list[tuple[Any, ...]]]:
    """All tables, without times and seals."""
    return {name: await reconciler.table(name) for name in TABLES}


STORY = (
    ended("1", parts={"coverage": 2}, credits=0.5),
    ended("2", Outcome.PARKED, parts={"coverage": 1}, credits=0.0),
    ended("3", Outcome.FAILED, reason=Reason(code="refused", sentence="Zoho refuses it.")),
    ended("4", Outcome.UPDATED, effect=Effect.CHANGED, credits=1.0, sent={"Last_Name": "A"}),
    file_ended("d-1", credits=1.5),
)


async def test_the_same_outcomes_twice_change_nothing(reconciler: Reconciler) -> None:
    """Rows, counts and credits stay what they were, in one batch and one by one."""
    await journal(reconciler, *STORY)
    once = await everything(reconciler)
    assert len(once["journal"]) == 5
    await journal(reconciler, *STORY)
    assert await everything(reconciler) == once
    for outcome in reversed(STORY):
        await journal(reconciler, outcome)
    assert await everything(reconciler) == once


async def test_counts_are_by_object_and_outcome_and_hold_the_parts(reconciler: Reconciler) -> None:
    """Parts of landed records are merged, those of parked ones parked."""
    await journal(reconciler, *STORY)
    counts = await reconciler.journal.counts("run_1")
    assert counts.outcomes == {
        "patient": {"inserted": 1, "parked": 1, "failed": 1, "updated": 1},
        "coverage": {"merged": 2, "parked": 1},
        "document": {"inserted": 1},
    }
    assert await reconciler.journal.credits("run_1") == 3.0


async def test_a_released_record_moves_from_parked_to_inserted_with_its_parts(
    reconciler: Reconciler,
) -> None:
    """The sum over all outcomes does not move; the row is replaced, not added."""
    await journal(reconciler, *STORY)
    await journal(reconciler, ended("2", parts={"coverage": 1}, credits=0.25))
    counts = await reconciler.journal.counts("run_1")
    # A count that came back to nought may stay as a nought.
    assert +Counter(counts.outcomes["patient"]) == {"inserted": 2, "failed": 1, "updated": 1}
    assert +Counter(counts.outcomes["coverage"]) == {"merged": 3}
    assert await reconciler.journal.credits("run_1") == 3.25
    (row,) = [r for r in await reconciler.journal.page("run_1", None, None, ("", ""), 10)
              if r["key"] == "2"]  # fmt: skip
    assert (row["outcome"], row["zoho_id"]) == ("inserted", "z-2")


async def test_of_several_outcomes_of_one_record_in_a_batch_the_last_stands(
    reconciler: Reconciler,
) -> None:
    """Parked and released before the reconciler looked: one record, one outcome."""
    await journal(reconciler, ended("2", Outcome.PARKED), ended("2"), ended("1"))
    counts = await reconciler.journal.counts("run_1")
    assert counts.outcomes == {"patient": {"inserted": 2}}


async def test_counts_equal_a_recount_of_the_journal(reconciler: Reconciler) -> None:
    """The tallies are sums of the journal, whatever happened on the way."""
    await journal(reconciler, *STORY)
    await journal(reconciler, ended("2", parts={"coverage": 4}), ended("1", Outcome.FAILED))
    recount: Counter[tuple[str, str]] = Counter()
    for row in await reconciler.pool.fetch("select object, outcome, parts from reconciler.journal"):
        recount.update(contribution(row["object"], row["outcome"], row["parts"] or {}))
    counts = await reconciler.journal.counts("run_1")
    told = {
        (name, outcome): number
        for name, outcomes in counts.outcomes.items()
        for outcome, number in outcomes.items()
        if number
    }
    assert told == dict(recount)


async def test_runs_are_counted_apart(reconciler: Reconciler) -> None:
    """The same record has one outcome in each run."""
    await journal(reconciler, ended("1"), run_id="run_1")
    await journal(reconciler, ended("1", Outcome.UNCHANGED, run_id="run_2"), run_id="run_2")
    assert (await reconciler.journal.counts("run_1")).outcomes == {"patient": {"inserted": 1}}
    assert (await reconciler.journal.counts("run_2")).outcomes == {"patient": {"unchanged": 1}}
    assert (await reconciler.journal.counts("run_3")).outcomes == {}
    assert await reconciler.journal.credits("run_3") == 0.0


async def test_a_transaction_that_fails_leaves_neither_row_nor_count(
    reconciler: Reconciler,
) -> None:
    """Outcome and count are one transaction."""
    async with reconciler.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await reconciler.journal.add(connection, "run_1", STORY, reconciler.tenant.sealer)
        await transaction.rollback()
    assert {len(rows) for rows in (await everything(reconciler)).values()} == {0}


async def test_extracted_counts_are_kept_and_the_newest_word_counts(
    reconciler: Reconciler,
) -> None:
    """An extractor that starts over says the same again; a part grows with each word."""
    async with reconciler.pool.acquire() as connection, connection.transaction():
        await reconciler.journal.put_extracted(connection, "run_1", {"patient": (3, 0)})
        await reconciler.journal.put_extracted(
            connection, "run_1", {"patient": (5, 2), "carrier": (0, 0)}
        )
    counts = await reconciler.journal.counts("run_1")
    assert counts.extracted == {"patient": 5, "carrier": 0}
    assert counts.unchanged == {"patient": 2, "carrier": 0}


async def test_values_are_sealed_where_they_lie_and_bound_to_their_record(
    reconciler: Reconciler,
) -> None:
    """The row shows no value; the seal opens with the tenant's key at its own place only."""
    conflict = Conflict(field="Phone", base="1", theirs="Quimby-theirs", ours="2")
    await journal(
        reconciler,
        ended("1", sent={"Last_Name": "Quimby-sent"}, conflicts=(conflict,)),
        ended("2", before={"Last_Name": "Quimby-before"}),
        ended("3"),
    )
    rows = {row["key"]: dict(row) for row in await reconciler.pool.fetch(
        "select * from reconciler.journal")}  # fmt: skip
    assert "Quimby" not in repr(rows)
    sealer = reconciler.tenant.sealer
    opened = open_values(sealer, "run_1", "patient", "1", rows["1"]["values_sealed"])
    assert opened["sent"] == {"Last_Name": "Quimby-sent"}
    assert conflicts_of(opened) == [conflict]
    assert rows["1"]["conflict_count"] == 1
    before = open_values(sealer, "run_1", "patient", "2", rows["2"]["values_sealed"])
    assert before["before"] == {"Last_Name": "Quimby-before"}
    assert rows["3"]["values_sealed"] is None
    assert open_values(sealer, "run_1", "patient", "3", None) == {}
    for place in (("run_2", "patient", "1"), ("run_1", "carrier", "1"), ("run_1", "patient", "2")):
        with pytest.raises(TerminalError):
            open_values(sealer, *place, rows["1"]["values_sealed"])


async def test_a_page_is_in_order_filtered_and_goes_on_where_the_last_one_ended(
    reconciler: Reconciler,
) -> None:
    """Two pages of two hold four different records."""
    await journal(reconciler, *STORY)
    page = reconciler.journal.page
    first = await page("run_1", None, None, ("", ""), 2)
    assert [(row["object"], row["key"]) for row in first] == [("document", "d-1"), ("patient", "1")]
    second = await page("run_1", None, None, ("patient", "1"), 2)
    assert [row["key"] for row in second] == ["2", "3"]
    assert [row["key"] for row in await page("run_1", "patient", None, ("", ""), 9)] == list("1234")
    assert [row["key"] for row in await page("run_1", None, "failed", ("", ""), 9)] == ["3"]
    assert await page("run_1", "carrier", None, ("", ""), 9) == []
    assert await page("run_2", None, None, ("", ""), 9) == []


async def test_reason_problems_and_provenance_come_back_as_they_were_said(
    reconciler: Reconciler,
) -> None:
    """The person who reads the report needs all of it."""
    problem = Problem(
        file="p.csv", line=3, field="zip", code="odd", effect="kept_raw", remedy="Look at it."
    )
    reason = Reason(code="refused", sentence="Zoho refuses it.", remedy="Shorten it.", field="Zip")
    await journal(
        reconciler,
        ended(
            "1",
            Outcome.FAILED,
            reason=reason,
            problems=(problem,),
            provenance=(Provenance(file="p.csv", line=3), Provenance(file="q.csv", line=9)),
        ),
    )
    (row,) = await reconciler.journal.page("run_1", None, None, ("", ""), 9)
    assert row["reason"] == reason.model_dump()
    assert row["problems"] == [problem.model_dump()]
    assert row["provenance"] == [{"file": "p.csv", "line": 3}, {"file": "q.csv", "line": 9}]


async def test_only_what_changed_zoho_can_be_undone(reconciler: Reconciler) -> None:
    """Created and changed, in key order, a page at a time; files with where they hang."""
    await journal(
        reconciler,
        *STORY,
        ended("5", Outcome.UNCHANGED),
        ended("6", Outcome.UPDATED, effect=Effect.DELETED),
        ended("0"),
    )
    sql = reconciler.journal.sql
    counted = await reconciler.pool.fetch(sql.undoable_counts, "run_1")
    assert {row["object"]: row["records"] for row in counted} == {"patient": 3, "document": 1}
    first = await reconciler.pool.fetch(sql.undoable, "run_1", "patient", "", 2)
    rest = await reconciler.pool.fetch(sql.undoable, "run_1", "patient", first[-1]["key"], 2)
    assert [row["key"] for row in (*first, *rest)] == ["0", "1", "4"]
    (file,) = await reconciler.pool.fetch(sql.undoable, "run_1", "document", "", 2)
    assert (file["is_file"], file["zoho_parent_id"], file["parent_key"]) == (True, "z-1", "1")
