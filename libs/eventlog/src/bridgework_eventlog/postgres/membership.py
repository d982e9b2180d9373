"""One member's place in a group, kept in rows: lease, partitions, committed offsets.

Each step is one transaction under the group's row lock. A partition has one owner; a member whose
lease ran out is removed by the next member that looks, and its commits are refused from then on
because they name an owner that no longer is one.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from bridgework_store.pool import Connection, Pool, translate_errors
from bridgework_store.statements import Statements

from bridgework_eventlog.errors import MemberFenced
from bridgework_eventlog.port import TopicPartition
from bridgework_eventlog.postgres.assignment import balanced


@dataclass(frozen=True, slots=True)
class Claim:
    """A partition that became ours, and where to start."""

    topic_id: int
    position: int


@dataclass(frozen=True, slots=True)
class Turn:
    """What one look at the group changed for us."""

    claimed: Mapping[TopicPartition, Claim] = field(default_factory=dict)
    surplus: frozenset[TopicPartition] = frozenset()
    lost: frozenset[TopicPartition] = frozenset()
    others_should_look: bool = False


class Membership:
    """One member of one group.

    Attributes:
        owned: What the rows say is ours, with the topic's id; includes what is being drained.
        sure_until: Loop time until which nobody can have taken ``owned`` from us.
    """

    def __init__(
        self,
        pool: Pool,
        statements: Statements,
        *,
        group: str,
        topics: frozenset[str],
        instance_id: str | None,
        lease_s: float,
    ) -> None:
        self._pool = pool
        self._sql = statements
        self._group = group
        self._topics = topics
        self._instance_id = instance_id
        self._lease_s = lease_s
        self._member_id: UUID | None = None
        self.owned: dict[TopicPartition, int] = {}
        self.sure_until = 0.0

    async def take_turn(self) -> Turn:
        """Renew our lease (joining first if need be), then claim what should be ours.

        Returns:
            What was claimed, what we hold too much of (drain it, then ``release``), and what we
            lost without a chance to drain.

        Raises:
            MemberFenced: Another member uses our instance id.
            StoreUnavailable, StoreContended: Nothing changed.
        """
        # Before the first statement: the lease in the row can only end later than this.
        asked_at = asyncio.get_running_loop().time()
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(self._sql.ensure_group, self._group)
                await connection.execute(self._sql.lock_group, self._group)
                joining = self._member_id is None
                if joining:
                    me = await self._join(connection)
                elif not await self._renew(connection):
                    await self._refuse_if_replaced(connection)
                    return self._forget_everything()
                else:
                    me = self._member_id or uuid4()
                expired = await connection.execute(self._sql.expire_members, self._group, me)
                await connection.execute(self._sql.free_orphans, self._group)
                turn = await self._claim(connection, me)
        self._member_id = me
        self.sure_until = asked_at + self._lease_s
        for partition, claim in turn.claimed.items():
            self.owned[partition] = claim.topic_id
        for partition in turn.lost:
            self.owned.pop(partition, None)
        others_should_look = joining or expired != "DELETE 0"
        return Turn(turn.claimed, turn.surplus, turn.lost, others_should_look)

    async def release(self, partitions: Collection[TopicPartition]) -> None:
        """Give partitions to whoever should have them."""
        mine = [(self.owned[tp], tp.partition) for tp in partitions if tp in self.owned]
        if mine:
            with translate_errors():
                await self._pool.execute(
                    self._sql.release,
                    self._group,
                    self._member_id,
                    [topic_id for topic_id, _ in mine],
                    [partition for _, partition in mine],
                )
        for partition in partitions:
            self.owned.pop(partition, None)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> int:
        """Store offsets of partitions that are ours; return how many were."""
        mine = [
            (self.owned[tp], tp.partition, at) for tp, at in offsets.items() if tp in self.owned
        ]
        if not mine:
            return 0
        with translate_errors():
            stored: int = await self._pool.fetchval(
                self._sql.commit,
                self._group,
                self._member_id,
                [topic_id for topic_id, _, _ in mine],
                [partition for _, partition, _ in mine],
                [at for _, _, at in mine],
            )
        return stored

    async def leave(self) -> None:
        """End the membership and free what is still ours."""
        if self._member_id is None:
            return
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(self._sql.lock_group, self._group)
                await connection.execute(self._sql.leave, self._group, self._member_id)
                await connection.execute(self._sql.free_orphans, self._group)
        self._forget_everything()

    async def _join(self, connection: Connection) -> UUID:
        me = uuid4()
        if self._instance_id is not None:
            await connection.execute(
                self._sql.take_over_instance, self._group, me, self._instance_id
            )
        await connection.execute(
            self._sql.join_group,
            self._group,
            me,
            self._instance_id,
            sorted(self._topics),
            self._lease_s,
        )
        return me

    async def _renew(self, connection: Connection) -> bool:
        renewed = await connection.fetchval(
            self._sql.renew_lease, self._group, self._member_id, self._lease_s
        )
        return renewed is not None

    async def _refuse_if_replaced(self, connection: Connection) -> None:
        if self._instance_id is None:
            return
        if await connection.fetchval(
            self._sql.is_replaced, self._group, self._instance_id, self._member_id
        ):
            raise MemberFenced(
                f"Another process joined group {self._group} as {self._instance_id}; "
                "give each process its own instance id.",
                group=self._group,
                instance_id=self._instance_id,
            )

    async def _claim(self, connection: Connection, me: UUID) -> Turn:
        members = [
            (row["member_id"], frozenset(row["topics"]))
            for row in await connection.fetch(self._sql.members, self._group)
        ]
        wanted = frozenset[str]().union(*(topics for _, topics in members))
        rows = await connection.fetch(self._sql.partitions, self._group, sorted(wanted))
        ids = {TopicPartition(row["name"], row["partition"]): row["topic_id"] for row in rows}
        owners = {TopicPartition(row["name"], row["partition"]): row["owner"] for row in rows}
        target = {tp for tp, member in balanced(members, owners).items() if member == me}
        # A deleted topic may have come back under the same name: same partition, another table.
        lost = {tp for tp, topic_id in self.owned.items() if ids.get(tp) != topic_id}
        held = self.owned.keys() - lost
        take = [tp for tp in target - held if owners[tp] in (None, me)]
        claimed = await connection.fetch(
            self._sql.claim, self._group, me, [ids[tp] for tp in take], [tp[1] for tp in take]
        )
        return Turn(
            claimed={
                TopicPartition(row["name"], row["partition"]): Claim(
                    row["topic_id"], row["position"]
                )
                for row in claimed
            },
            surplus=frozenset(held - target),
            lost=frozenset(lost),
        )

    def _forget_everything(self) -> Turn:
        lost = frozenset(self.owned)
        self.owned.clear()
        self._member_id = None
        return Turn(lost=lost)
