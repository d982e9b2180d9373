-- Where the records that files hang on are in Zoho, learned from outcomes.
create table parents (
  tenant_id text not null,
  object text not null,
  key text not null,
  module text not null,
  zoho_id text not null,
  constraint parents_pk primary key (tenant_id, object, key)
);

-- Attachments that are in Zoho because of us. Names stand in sealed outcomes only.
create table files (
  tenant_id text not null,
  object text not null,
  key text not null,
  module text not null,
  zoho_parent_id text not null,
  zoho_id text not null,
  sha256 text not null,
  size_bytes bigint not null,
  run_id text not null,
  constraint files_pk primary key (tenant_id, object, key)
);
create index files_by_parent on files (tenant_id, zoho_parent_id);

-- Uploads and deletions that may be on their way: a row here means "ask before sending again".
create table intents (
  tenant_id text not null,
  message_id text not null,
  -- When it was first about to be sent, and when last.
  opened_at timestamptz not null default clock_timestamp(),
  tried_at timestamptz not null default clock_timestamp(),
  constraint intents_pk primary key (tenant_id, message_id)
);

-- What was decided about each message, so that a replay repeats it.
create table decisions (
  tenant_id text not null,
  message_id text not null,
  outcome bytea not null,
  -- Refused or missing: tried anew if somebody replays it after a repair.
  refused boolean not null,
  constraint decisions_pk primary key (tenant_id, message_id)
);
alter table decisions alter column outcome set storage external;

-- Files whose parent is not in Zoho, their messages kept whole until it is.
create table parked (
  tenant_id text not null,
  message_id text not null,
  run_id text not null,
  missing_object text not null,
  missing_key text not null,
  log_key bytea,
  message bytea not null,
  parked_at timestamptz not null default clock_timestamp(),
  -- A releasing process has it until then.
  claimed_until timestamptz not null default '-infinity',
  constraint parked_pk primary key (tenant_id, message_id)
);
alter table parked alter column message set storage external;
create index parked_missing on parked (tenant_id, missing_object, missing_key);
create index parked_run on parked (run_id);
