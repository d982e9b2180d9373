-- How often handling a record has ended its process: survives the restart that follows.

create table handling_attempt (
  group_id text not null,
  topic text not null,
  partition int not null,
  "offset" bigint not null,
  attempts int not null,
  error_class text not null,
  last_at timestamptz not null default clock_timestamp(),
  constraint handling_attempt_pk primary key (group_id, topic, partition, "offset")
);
