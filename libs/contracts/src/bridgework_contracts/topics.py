"""Topic names: one set per tenant; so are backlog, scaling, retention and erasure."""

import re
from enum import StrEnum

from bridgework_contracts.errors import ContractViolation
from bridgework_contracts.ids import TenantId

_TENANT = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?\Z")
_TOPIC = re.compile(r"^bridgework\.([a-z0-9-]+)\.([a-z-]+)\.v(\d+)\Z")


class Subject(StrEnum):
    """What a topic is about; the whole list."""

    COMMANDS = "commands"
    RECORDS = "records"
    WRITES = "writes"
    FILES = "files"
    OUTCOMES = "outcomes"
    PROGRESS = "progress"
    DEAD_LETTERS = "dead-letters"


SINGLE_PARTITION = frozenset({Subject.COMMANDS, Subject.PROGRESS, Subject.DEAD_LETTERS})
"""Subjects whose order across all keys matters more than their throughput."""


def check_tenant_id(value: str) -> TenantId:
    """Return ``value`` as a tenant id.

    Raises:
        ContractViolation: not 1-48 lower-case letters, digits and inner dashes.
    """
    if not _TENANT.match(value):
        raise ContractViolation(
            "A tenant id is 1-48 lower-case letters, digits and inner dashes.", code="tenant_id"
        )
    return TenantId(value)


def topic_name(tenant: TenantId, subject: Subject, version: int = 1) -> str:
    """Return e.g. ``bridgework.harbor.records.v1``."""
    return f"bridgework.{tenant}.{subject}.v{version}"


def tenant_topics(tenant: TenantId, partitions: int) -> dict[str, int]:
    """Return every topic of a tenant with its partition count."""
    return {
        topic_name(tenant, subject): 1 if subject in SINGLE_PARTITION else partitions
        for subject in Subject
    }


def parse_topic(topic: str) -> tuple[TenantId, Subject]:
    """Return tenant and subject of a topic name.

    Raises:
        ContractViolation: the name is not one of ours.
    """
    match = _TOPIC.match(topic)
    if match is None or match[2] not in set(Subject):
        raise ContractViolation("Not a Bridgework topic name.", code="topic_name")
    return TenantId(match[1]), Subject(match[2])
