"""Who should read which partition: balanced, and moving as little as possible.

A pure function of the group's state. Every member computes it from the same rows under the group's
lock and acts on its own part only, so nobody has to lead.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from bridgework_eventlog.port import TopicPartition


def balanced(
    members: Sequence[tuple[UUID, frozenset[str]]], owners: Mapping[TopicPartition, UUID | None]
) -> dict[TopicPartition, UUID]:
    """Return the member each partition should belong to.

    A partition stays where it is unless its owner holds at least two more than another member that
    could read it.

    Args:
        members: Id and wanted topics of each, the oldest first; order breaks ties.
        owners: All partitions of the wanted topics, with their present owner.

    Returns:
        One member per partition that anyone wants; loads of members with the same topics differ by
        one at most.
    """
    held: dict[UUID, list[TopicPartition]] = {member: [] for member, _ in members}
    wants = dict(members)
    free: list[TopicPartition] = []
    for partition in sorted(owners):
        owner = owners[partition]
        if owner in held and partition.topic in wants[owner]:
            held[owner].append(partition)
        else:
            free.append(partition)
    for partition in free:
        takers = [member for member, topics in members if partition.topic in topics]
        if takers:
            held[min(takers, key=lambda member: len(held[member]))].append(partition)
    while _move_one(members, held):
        pass
    return {partition: member for member, mine in held.items() for partition in mine}


def _move_one(
    members: Sequence[tuple[UUID, frozenset[str]]], held: dict[UUID, list[TopicPartition]]
) -> bool:
    """Move one partition from a member to one with at least two fewer; say whether one moved."""
    by_load = sorted(members, key=lambda item: len(held[item[0]]))
    for giver, _ in reversed(by_load):
        for taker, topics in by_load:
            if len(held[giver]) - len(held[taker]) < 2:  # noqa: PLR2004 - see the docstring
                break
            for partition in reversed(held[giver]):
                if partition.topic in topics:
                    held[giver].remove(partition)
                    held[taker].append(partition)
                    return True
    return False
