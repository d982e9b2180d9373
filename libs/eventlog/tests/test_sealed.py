"""A sealed log: nothing readable on the log, everything readable through it."""

import os

from bridgework_contracts.ids import TenantId
from bridgework_eventlog.port import EventLog, NewRecord
from bridgework_eventlog.sealed import SealedLog
from bridgework_store.sealing import TenantKey, TenantSealer
from bridgework_testkit.event_log_contract import read_until


async def test_values_are_sealed_on_the_log_and_opened_by_its_readers(
    event_log: EventLog, tenant: TenantId
) -> None:
    """The inner log sees neither value; keys and headers stay readable."""
    sealer = TenantSealer(TenantKey(os.urandom(32)))
    sealed = SealedLog(event_log, lambda _topic: sealer)
    topic = f"bridgework.{tenant}.records.v1"
    await sealed.create_topics({topic: 1})
    await sealed.producer().append(topic, [NewRecord(b"p1", b"Ada Example", {"type": "X"})])
    ((raw,),) = (await read_until(event_log.consumer(f"a-{tenant}", [topic]), 1)).values()
    ((opened,),) = (await read_until(sealed.consumer(f"b-{tenant}", [topic]), 1)).values()
    assert b"Ada" not in raw.value
    assert (opened.key, opened.value, dict(opened.headers)) == (
        b"p1",
        b"Ada Example",
        {"type": "X"},
    )
    assert opened.fault is None


async def test_a_value_moved_to_another_key_or_sealed_by_another_key_arrives_as_a_fault(
    event_log: EventLog, tenant: TenantId
) -> None:
    """One bad record does not stop its neighbours from being read."""
    sealer, other = (TenantSealer(TenantKey(os.urandom(32))) for _ in range(2))
    topic = f"bridgework.{tenant}.records.v1"
    await event_log.create_topics({topic: 1})
    mine = SealedLog(event_log, lambda _topic: sealer)
    await mine.producer().append(topic, [NewRecord(b"p1", b"good")])
    ((blob,),) = (await read_until(event_log.consumer(f"a-{tenant}", [topic]), 1)).values()
    await event_log.producer().append(topic, [NewRecord(b"p2", blob.value)])
    foreign = SealedLog(event_log, lambda _topic: other)
    await foreign.producer().append(topic, [NewRecord(b"p1", b"foreign")])
    (records,) = (await read_until(mine.consumer(f"b-{tenant}", [topic]), 3)).values()
    assert records[0].value == b"good"
    codes = [record.fault.code if record.fault else None for record in records]
    assert codes == [None, "sealed_value_damaged", "sealed_by_unknown_key"]
