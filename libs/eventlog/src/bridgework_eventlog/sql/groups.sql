-- name: ensure_group
-- Makes the group's row exist.
insert into {schema}.consumer_group (group_id) values ($1) on conflict do nothing;

-- name: lock_group
-- Serialises changes of one group's membership.
select 1 from {schema}.consumer_group where group_id = $1 for update;

-- name: take_over_instance
-- Removes the member that used our instance id and hands us its partitions.
with former as (
  delete from {schema}.group_member
  where group_id = $1 and instance_id = $3::text and member_id <> $2
  returning member_id
)
update {schema}.group_partition g set owner = $2 from former
where g.group_id = $1 and g.owner = former.member_id;

-- name: join_group
-- Adds a member with its lease.
insert into {schema}.group_member (group_id, member_id, instance_id, topics, lease_until)
values ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5));

-- name: renew_lease
-- Extends our lease; no row when we were declared dead or replaced.
update {schema}.group_member set lease_until = clock_timestamp() + make_interval(secs => $3)
where group_id = $1 and member_id = $2
returning 1;

-- name: is_replaced
-- Tells whether another member uses our instance id.
select exists (
  select 1 from {schema}.group_member
  where group_id = $1 and instance_id = $2 and member_id <> $3
);

-- name: expire_members
-- Removes members whose lease is over.
delete from {schema}.group_member
where group_id = $1 and lease_until < clock_timestamp() and member_id <> $2;

-- name: free_orphans
-- Takes partitions from owners that are no members.
update {schema}.group_partition g set owner = null
where g.group_id = $1 and g.owner is not null and not exists (
  select 1 from {schema}.group_member m where m.group_id = $1 and m.member_id = g.owner
);

-- name: members
-- Lists a group's members, the oldest first.
select member_id, topics from {schema}.group_member
where group_id = $1 order by joined_at, member_id;

-- name: partitions
-- Lists every partition the group's members want, with its owner.
select t.name, t.topic_id, p.partition, g.owner
from {schema}.topic t
join {schema}.topic_partition p using (topic_id)
left join {schema}.group_partition g
  on g.group_id = $1 and g.topic_id = p.topic_id and g.partition = p.partition
where t.name = any($2::text[])
order by t.name, p.partition;

-- name: claim
-- Makes us the owner of free partitions; returns where to start reading each.
with claimed as (
  insert into {schema}.group_partition as g (group_id, topic_id, partition, owner)
  select $1, c.topic_id, c.partition, $2 from unnest($3::int[], $4::int[]) c(topic_id, partition)
  on conflict on constraint group_partition_pk do update set owner = excluded.owner
  where g.owner is null or g.owner = excluded.owner
  returning topic_id, partition, committed_offset
)
select t.name, t.topic_id, p.partition,
  greatest(p.first_offset, coalesce(c.committed_offset, 0)) as position
from claimed c
join {schema}.topic_partition p using (topic_id, partition)
join {schema}.topic t using (topic_id);

-- name: release
-- Gives partitions back.
update {schema}.group_partition g set owner = null
from unnest($3::int[], $4::int[]) r(topic_id, partition)
where g.group_id = $1 and g.owner = $2 and g.topic_id = r.topic_id and g.partition = r.partition;

-- name: commit
-- Stores offsets of partitions that are still ours; returns how many were.
with stored as (
  update {schema}.group_partition g set committed_offset = c."offset"
  from unnest($3::int[], $4::int[], $5::bigint[]) c(topic_id, partition, "offset")
  where g.group_id = $1 and g.owner = $2
    and g.topic_id = c.topic_id and g.partition = c.partition
  returning 1
)
select count(*) from stored;

-- name: leave
-- Ends our membership.
delete from {schema}.group_member where group_id = $1 and member_id = $2;
