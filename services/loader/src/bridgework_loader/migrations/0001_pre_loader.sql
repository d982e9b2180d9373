-- Source key -> Zoho id, and what we last wrote there (sealed JSON, live name -> value).
create table crosswalk (
  tenant_id text not null,
  object text not null,
  key text not null,
  module text not null,
  zoho_id text not null,
  fields_hash text not null,
  base bytea not null,
  run_id text not null,
  written_at timestamptz not null default clock_timestamp(),
  constraint crosswalk_pk primary key (tenant_id, object, key)
);
alter table crosswalk alter column base set storage external;

-- Writes that may be on their way to Zoho: a row here means "ask before sending again".
create table intents (
  tenant_id text not null,
  message_id text not null,
  run_id text not null,
  module text not null,
  -- When it was first about to be sent, and when last.
  opened_at timestamptz not null default clock_timestamp(),
  tried_at timestamptz not null default clock_timestamp(),
  -- Sealed JSON of an update's fields and their values before it; null for creations and deletions.
  change bytea,
  constraint intents_pk primary key (tenant_id, message_id)
)
with (
  -- Every row dies within moments of its birth.
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 20000,
  autovacuum_vacuum_cost_delay = 0
);

-- What was decided about each write, so that a replay repeats it instead of doing it again.
-- The outcome is sealed exactly as the event log wants it: a repetition copies it.
create table decisions (
  tenant_id text not null,
  message_id text not null,
  run_id text not null,
  outcome_id text not null,
  log_key bytea,
  outcome bytea not null,
  -- Refused, and may be tried again if somebody replays it after a repair.
  refused boolean not null,
  constraint decisions_pk primary key (tenant_id, message_id)
);
alter table decisions alter column outcome set storage external;

-- Writes whose parent is not in Zoho, kept whole until it is.
create table parked (
  tenant_id text not null,
  message_id text not null,
  run_id text not null,
  object text not null,
  key text not null,
  missing_object text not null,
  missing_key text not null,
  log_key bytea,
  write bytea not null,
  parked_at timestamptz not null default clock_timestamp(),
  -- A releasing process has it until then.
  claimed_until timestamptz not null default '-infinity',
  constraint parked_pk primary key (tenant_id, message_id)
);
alter table parked alter column write set storage external;
create index parked_missing on parked (tenant_id, missing_object, missing_key);
create index parked_record on parked (tenant_id, object, key);
create index parked_run on parked (run_id);

-- Zoho records that an undo must leave because a record that hangs on them was kept.
create table kept_parents (
  run_id text not null,
  zoho_id text not null,
  constraint kept_parents_pk primary key (run_id, zoho_id)
);
