-- Messages that a committed transaction owes the event log; empty when the relay is up to date.
create table outbox (
  id bigint generated always as identity,
  topic text not null,
  key bytea,
  value bytea not null,
  headers jsonb not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint outbox_pk primary key (id)
)
with (
  -- Every row dies within moments of its birth: vacuum by number, not by share, and do not nap.
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 20000,
  autovacuum_vacuum_insert_threshold = -1,
  autovacuum_vacuum_cost_delay = 0
);

-- Sealed values do not compress; trying costs time.
alter table outbox alter column value set storage external;
