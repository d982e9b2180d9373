"""Topic names: one set per tenant, and nothing else is taken for one."""

import pytest
from bridgework_contracts.errors import ContractViolation
from bridgework_contracts.ids import TenantId
from bridgework_contracts.topics import (
    Subject,
    check_tenant_id,
    parse_topic,
    tenant_topics,
    topic_name,
)

HARBOR = TenantId("harbor")


@pytest.mark.parametrize("subject", Subject)
def test_a_topic_name_is_parsed_back_into_tenant_and_subject(subject: Subject) -> None:
    """Name and parse are inverse for every subject."""
    assert parse_topic(topic_name(HARBOR, subject)) == (HARBOR, subject)


def test_a_topic_name_spells_tenant_subject_and_version() -> None:
    """The name operators see, in ACLs and dashboards, does not drift."""
    assert topic_name(HARBOR, Subject.DEAD_LETTERS) == "bridgework.harbor.dead-letters.v1"
    assert topic_name(HARBOR, Subject.RECORDS, version=2) == "bridgework.harbor.records.v2"


def test_a_tenant_gets_every_subject_and_ordered_ones_have_one_partition() -> None:
    """Commands, progress and dead letters keep one order; the rest scale."""
    assert tenant_topics(HARBOR, 8) == {
        "bridgework.harbor.commands.v1": 1,
        "bridgework.harbor.records.v1": 8,
        "bridgework.harbor.writes.v1": 8,
        "bridgework.harbor.files.v1": 8,
        "bridgework.harbor.outcomes.v1": 8,
        "bridgework.harbor.progress.v1": 1,
        "bridgework.harbor.dead-letters.v1": 1,
    }


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "bridgework.harbor.records",
        "bridgework.harbor.records.v",
        "bridgework.harbor.unknown.v1",
        "bridgework..records.v1",
        "bridgework.Harbor.records.v1",
        "other.harbor.records.v1",
        "bridgework.harbor.records.v1.more",
    ],
)
def test_a_foreign_topic_name_is_refused(topic: str) -> None:
    """A name that is not one of ours never names a tenant."""
    with pytest.raises(ContractViolation) as refused:
        parse_topic(topic)
    assert refused.value.code == "topic_name"


@pytest.mark.parametrize("value", ["a", "0", "harbor-dental-2", "a" * 48])
def test_a_legal_tenant_id_is_taken(value: str) -> None:
    """Lower-case letters, digits and inner dashes, 1 to 48 of them."""
    assert check_tenant_id(value) == value


@pytest.mark.parametrize(
    "value", ["", "a" * 49, "Harbor", "-harbor", "harbor-", "har.bor", "har_bor", "härbor", "a\nb"]
)
def test_an_illegal_tenant_id_is_refused_without_repeating_it(value: str) -> None:
    """What does not fit a topic name is refused; the text holds no input."""
    with pytest.raises(ContractViolation) as refused:
        check_tenant_id(value)
    assert refused.value.code == "tenant_id"
    assert str(refused.value) == (
        "A tenant id is 1-48 lower-case letters, digits and inner dashes."
    )


def test_a_name_that_ends_in_a_newline_is_refused() -> None:
    """A trailing newline would become part of topic names and log lines."""
    with pytest.raises(ContractViolation):
        check_tenant_id("harbor\n")
    with pytest.raises(ContractViolation):
        parse_topic("bridgework.harbor.records.v1\n")
