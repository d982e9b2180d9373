"""``records`` → ``writes`` and ``outcomes``: order, keys, ids, and runs not announced yet."""

from typing import cast

import pytest
from bridgework_contracts.commands import OpenWave, StartRun
from bridgework_contracts.ids import RunId
from bridgework_contracts.outcomes import RecordOutcome
from bridgework_contracts.records import ObjectExtracted
from bridgework_contracts.writes import WriteRecord
from bridgework_eventlog.loop import Hold
from bridgework_mapping.document import MappingDocument
from bridgework_service.runs import RunRegistry
from bridgework_service.tenants import Tenant
from bridgework_testkit.messages import batch_of
from bridgework_transformer.handlers import CommandsHandler, RecordsHandler

from services.transformer.tests.conftest import (
    DOCUMENT,
    RUN,
    TENANT,
    Appended,
    Runs,
    record,
    spec,
)


class OnlyAnId:
    """All that the handler asks of a tenant."""

    tenant_id = TENANT


def handler(runs: Runs, appended: Appended) -> RecordsHandler:
    """Return a handler over what a test remembers."""
    # Of tenant and registry it uses the id and two methods.
    return RecordsHandler(cast("Tenant", OnlyAnId()), cast("RunRegistry", runs), appended)


@pytest.fixture
def runs() -> Runs:
    """One run is announced."""
    return Runs({RUN: spec()})


@pytest.fixture
def appended() -> Appended:
    """Nothing appended yet."""
    return Appended()


async def test_each_record_becomes_one_message_under_its_own_key_in_order(
    runs: Runs, appended: Appended
) -> None:
    """A patient's records stay in their partition and in their order."""
    batch = batch_of(
        record("1"),
        record("4001", "treatment_plan"),
        record("20001", "appointment"),
        record("2"),
        keys=[b"p1", b"p1", b"p1", b"p2"],
    )
    await handler(runs, appended).handle(batch)
    writes, outcomes = appended.on("writes"), appended.on("outcomes")
    assert [(key, m.key) for key, m, _ in writes if isinstance(m, WriteRecord)] == [
        (b"p1", "1"),
        (b"p1", "4001"),
        (b"p2", "2"),
    ]
    assert [(key, m.key) for key, m, _ in outcomes if isinstance(m, RecordOutcome)] == [
        (b"p1", "20001")
    ]
    assert len(appended.calls) == 2


async def test_headers_name_type_and_run(runs: Runs, appended: Appended) -> None:
    """What operators and the loader see without opening anything."""
    await handler(runs, appended).handle(batch_of(record("1")))
    ((_, (one,)),) = appended.calls
    assert one.headers["type"] == "WriteRecord"
    assert one.headers["correlation_id"] == "run_1"


async def test_the_same_records_again_give_the_same_messages_with_the_same_ids(
    runs: Runs,
) -> None:
    """After a crash before the commit; also from another process and in another cut."""
    first, second = Appended(), Appended()
    records = (record("1"), record("20001", "appointment"), record("2"))
    await handler(runs, first).handle(batch_of(*records))
    again = handler(runs, second)
    for one in records:
        await again.handle(batch_of(one))
    for subject in ("writes", "outcomes"):
        assert first.on(subject) == second.on(subject)
        assert first.on(subject)


async def test_other_content_another_key_or_another_run_is_another_message(
    runs: Runs, appended: Appended
) -> None:
    """Five records, five ids."""
    runs.known["run_2"] = spec("run_2")
    await handler(runs, appended).handle(
        batch_of(
            record("1"),
            record("1", content_hash="other"),
            record("2", content_hash="h-1"),
            record("1", run_id=RunId("run_2")),
            record("1", "treatment_plan"),
        )
    )
    assert len({identity for _, _, identity in appended.on("writes")}) == 5


async def test_counts_pass_by(runs: Runs, appended: Appended) -> None:
    """They are the reconciler's; a batch of nothing else appends nothing."""
    counted = ObjectExtracted(run_id=RUN, object="patient", extracted=1)
    await handler(runs, appended).handle(batch_of(counted))
    assert appended.calls == []


async def test_records_of_a_run_not_announced_are_held_and_those_before_are_appended(
    runs: Runs, appended: Appended
) -> None:
    """Nothing behind the held one overtakes it."""
    later = RunId("run_2")
    batch = batch_of(record("1"), record("2"), record("3", run_id=later), record("4"))
    with pytest.raises(Hold) as held:
        await handler(runs, appended).handle(batch)
    assert (held.value.first_index, held.value.reason) == (2, "run_unknown")
    assert [m.key for _, m, _ in appended.on("writes") if isinstance(m, WriteRecord)] == ["1", "2"]


async def test_each_run_is_mapped_by_its_own_document(appended: Appended) -> None:
    """A run under way keeps the mapping it was started with."""
    plain = DOCUMENT.dump()
    plain["objects"] = [
        {
            **entry,
            "fields": [
                {**line, "source": "first_name"} if line["spec"] == "Last_Name" else line
                for line in entry["fields"]
            ],
        }
        if entry["object"] == "patient"
        else entry
        for entry in plain["objects"]
    ]
    other = MappingDocument.parse(plain)
    runs = Runs({RUN: spec(), "run_2": spec("run_2", other)})
    fields = {"key": "1", "last_name": "Hill", "first_name": "Victoria"}
    await handler(runs, appended).handle(
        batch_of(record("1", fields=fields), record("1", fields=fields, run_id=RunId("run_2")))
    )
    names = [
        m.fields["Last_Name"] for _, m, _ in appended.on("writes") if isinstance(m, WriteRecord)
    ]
    assert names == ["Hill", "Victoria"]


async def test_new_runs_are_remembered_and_other_commands_pass_by() -> None:
    """Waves and pauses are the loader's."""
    runs = Runs()
    commands = CommandsHandler(cast("RunRegistry", runs))
    await commands.handle(batch_of(OpenWave(run_id=RUN, wave=1), StartRun(spec=spec())))
    assert runs.known == {RUN: spec()}
