-- Topics, their partitions' counters, groups, members and committed offsets.
-- Records live in one table per topic (topic_<id>), so that deleting a topic is dropping a table.

create table topic (
  topic_id int generated always as identity,
  name text not null,
  partitions int not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint topic_pk primary key (topic_id),
  constraint topic_name_unique unique (name),
  constraint topic_partitions_positive check (partitions > 0)
);

-- The row an append locks: offsets are dense and become visible in order because nobody else can
-- take the next one before this transaction is over.
create table topic_partition (
  topic_id int not null,
  partition int not null,
  next_offset bigint not null default 0,
  first_offset bigint not null default 0,
  constraint topic_partition_pk primary key (topic_id, partition),
  constraint topic_partition_topic foreign key (topic_id) references topic on delete cascade
) with (fillfactor = 50);

-- One row per group; its lock serialises every change of membership.
create table consumer_group (
  group_id text not null,
  constraint consumer_group_pk primary key (group_id)
);

create table group_member (
  group_id text not null,
  member_id uuid not null,
  instance_id text,
  topics text[] not null,
  joined_at timestamptz not null default clock_timestamp(),
  lease_until timestamptz not null,
  constraint group_member_pk primary key (group_id, member_id),
  constraint group_member_instance_unique unique (group_id, instance_id)
) with (fillfactor = 50);

-- Who reads a partition, and where the group continues. No row: nobody ever did.
create table group_partition (
  group_id text not null,
  topic_id int not null,
  partition int not null,
  owner uuid,
  committed_offset bigint,
  constraint group_partition_pk primary key (group_id, topic_id, partition),
  constraint group_partition_topic foreign key (topic_id) references topic on delete cascade
) with (fillfactor = 50);
