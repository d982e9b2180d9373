-- name: topic_by_name
-- Finds a topic.
select topic_id, partitions from {schema}.topic where name = $1;

-- name: all_topics
-- Lists every topic.
select name, partitions from {schema}.topic order by name;

-- name: insert_topic
-- Registers a topic; nothing when it exists.
insert into {schema}.topic (name, partitions) values ($1, $2)
on conflict on constraint topic_name_unique do nothing
returning topic_id;

-- name: insert_partitions
-- Gives a new topic its counters.
insert into {schema}.topic_partition (topic_id, partition)
select $1, p from generate_series(0, $2::int - 1) p;

-- name: delete_topic
-- Forgets a topic, its counters and what groups committed.
delete from {schema}.topic where name = $1 returning topic_id;

-- name: append
-- Appends one batch: $2 $3 partitions and counts; $4-$8 per record partition, rank, key, value, headers.
with wanted as (
  select partition, count from unnest($2::int[], $3::int[]) w(partition, count)
), locked as materialized (
  -- in order of partition, so that two appends never wait for each other
  select p.partition from {schema}.topic_partition p
  where p.topic_id = $1 and p.partition = any($2::int[])
  order by p.partition for update
), taken as (
  update {schema}.topic_partition p set next_offset = p.next_offset + w.count
  from wanted w join locked l using (partition)
  where p.topic_id = $1 and p.partition = w.partition
  returning p.partition, p.next_offset - w.count as base
)
insert into {records} (partition, "offset", at, key, value, headers)
select r.partition, t.base + r.rank, clock_timestamp(), r.key, r.value, r.headers
from unnest($4::int[], $5::int[], $6::bytea[], $7::bytea[], $8::bytea[])
  r(partition, rank, key, value, headers)
join taken t using (partition);

-- name: read
-- Reads from positions $2 of partitions $1, at most $3 records and about $4 bytes of values.
select partition, "offset", at, key, value, headers from (
  select r.*, sum(octet_length(r.value)) over (rows unbounded preceding) - octet_length(r.value)
    as bytes_before
  from unnest($1::int[], $2::bigint[]) c(partition, position)
  cross join lateral (
    select t.partition, t."offset", t.at, t.key, t.value, t.headers from {records} t
    where t.partition = c.partition and t."offset" >= c.position
    order by t."offset" limit $3
  ) r
  limit $3
) bounded
where bytes_before < $4;

-- name: offsets
-- Returns the bounds of topics' partitions.
select t.name, p.partition, p.first_offset, p.next_offset
from {schema}.topic t join {schema}.topic_partition p using (topic_id)
where t.name = any($1::text[]);

-- name: committed
-- Returns what a group committed in topics.
select t.name, g.partition, g.committed_offset
from {schema}.topic t join {schema}.group_partition g using (topic_id)
where g.group_id = $1 and t.name = any($2::text[]) and g.committed_offset is not null;

-- name: lag
-- Counts what a group has still to commit.
select t.name, p.partition,
  p.next_offset - greatest(p.first_offset, coalesce(g.committed_offset, 0)) as lag
from {schema}.topic t
join {schema}.topic_partition p using (topic_id)
left join {schema}.group_partition g
  on g.group_id = $1 and g.topic_id = p.topic_id and g.partition = p.partition
where t.name = any($2::text[]);

-- name: create_records_table
-- Creates the table of one topic; values of up to 8 KB stay in the row.
create table {records} (
  partition int not null,
  "offset" bigint not null,
  at timestamptz not null,
  key bytea,
  value bytea not null,
  headers bytea,
  primary key (partition, "offset")
) with (toast_tuple_target = 8160);

-- name: store_values_uncompressed
-- Values are encrypted: trying to compress them would be wasted.
alter table {records} alter column value set storage external;

-- name: drop_records_table
-- Drops the table of one topic.
drop table if exists {records};

-- name: notify
-- Wakes readers: the payload names topics and groups.
select pg_notify($1, $2);
