"""Who reads what: balanced and sticky."""

from uuid import UUID

from bridgework_eventlog.port import TopicPartition
from bridgework_eventlog.postgres.assignment import balanced
from hypothesis import given
from hypothesis import strategies as st

_A, _B, _C = (UUID(int=n) for n in (1, 2, 3))


def _partitions(count: int, topic: str = "t") -> list[TopicPartition]:
    return [TopicPartition(topic, n) for n in range(count)]


def test_a_newcomer_gets_its_share_and_the_rest_stays() -> None:
    """Four partitions of one member: two move, two stay where they are."""
    owners: dict[TopicPartition, UUID | None] = dict.fromkeys(_partitions(4), _A)
    target = balanced([(_A, frozenset("t")), (_B, frozenset("t"))], owners)
    assert sorted(target.values()) == [_A, _A, _B, _B]


def test_a_settled_group_does_not_move() -> None:
    """3 and 2 of five is as good as it gets."""
    first, second = _partitions(5)[:3], _partitions(5)[3:]
    owners: dict[TopicPartition, UUID | None] = {
        **dict.fromkeys(first, _B),
        **dict.fromkeys(second, _A),
    }
    assert balanced([(_A, frozenset("t")), (_B, frozenset("t"))], owners) == owners


def test_a_topic_goes_only_to_members_that_want_it() -> None:
    """A member without the topic gets none of it, however idle it is."""
    owners: dict[TopicPartition, UUID | None] = dict.fromkeys(_partitions(4), None)
    target = balanced([(_A, frozenset({"other"})), (_B, frozenset("t"))], owners)
    assert set(target.values()) == {_B}


@given(
    counts=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    members=st.integers(1, 4),
    seed=st.randoms(use_true_random=False),
)
def test_loads_differ_by_one_at_most_and_every_partition_is_read(
    counts: list[int], members: int, seed: object
) -> None:
    """From any former ownership, members with the same topics end up balanced."""
    topics = frozenset(f"t{n}" for n in range(len(counts)))
    everyone = [(UUID(int=n), topics) for n in range(1, members + 1)]
    candidates = [None, *(member for member, _ in everyone), UUID(int=99)]
    owners = {
        partition: seed.choice(candidates)  # type: ignore[attr-defined] # hypothesis's Random
        for n, count in enumerate(counts)
        for partition in _partitions(count, f"t{n}")
    }
    target = balanced(everyone, owners)
    assert target.keys() == owners.keys()
    loads = [list(target.values()).count(member) for member, _ in everyone]
    assert max(loads) - min(loads) <= 1
    again = balanced(everyone, dict(target))
    assert again == target
