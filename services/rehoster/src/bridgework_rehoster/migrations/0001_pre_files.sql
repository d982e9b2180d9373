-- Which waves of a run are open, and whether it may move files at all.
create table gates (
  run_id text not null,
  state text not null default 'running',
  open_waves int[] not null default '{}',
  constraint gates_pk primary key (run_id),
  constraint gates_state check (state in ('running', 'paused', 'cancelled'))
);

-- Where the records that files hang on are in Zoho, learned from outcomes.
create table parents (
  tenant_id text not null,
  object text not null,
  key text not null,
  module text not null,
  zoho_id text not null,
  constraint parents_pk primary key (tenant_id, object, key)
);

-- Files that are in Zoho because of us. Name and size stand in the sealed outcome.
create table files (
  tenant_id text not null,
  object text not null,
  key text not null,
  module text not null,
  zoho_parent_id text not null,
  zoho_id text not null,
  sha256 text not null,
  run_id text not null,
  constraint files_pk primary key (tenant_id, object, key)
);
create index files_by_parent on files (tenant_id, zoho_parent_id);

-- Uploads that may be on their way: a row here means "ask before sending again".
create table intents (
  tenant_id text not null,
  message_id text not null,
  opened_at timestamptz not null default clock_timestamp(),
  constraint intents_pk primary key (tenant_id, message_id)
);

-- What was decided about each message, so that a replay repeats it.
create table decisions (
  tenant_id text not null,
  message_id text not null,
  outcome_sealed bytea not null,
  constraint decisions_pk primary key (tenant_id, message_id)
);
alter table decisions alter column outcome_sealed set storage external;
