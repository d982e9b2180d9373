-- Places of the export that a person should correct or accept, as audits and runs found them. No values.
create table quarantine (
  job_id text not null,
  item_id text not null,
  state text not null default 'open',
  object text not null,
  source_key text not null,
  file text not null,
  line int not null,
  column_name text not null,
  code text not null,
  shape text not null,
  effect text not null,
  sentence text not null,
  remedy text not null,
  -- Names what the row held; null where only the run that saw the place can tell.
  row_mark text,
  first_seen text not null,
  last_seen text not null,
  seen_at timestamptz not null default clock_timestamp(),
  decided_by text,
  why text not null default '',
  decided_at timestamptz,
  released_in text,
  released_by text,
  note text not null default '',
  constraint quarantine_pk primary key (job_id, item_id),
  constraint quarantine_job foreign key (job_id) references jobs (job_id) on delete cascade
);
create index quarantine_by_place on quarantine (job_id, file, line, item_id);

-- What people corrected; the value is sealed with the tenant's key. Nothing here is ever changed back.
create table corrections (
  correction_id text not null,
  job_id text not null,
  item_id text not null,
  file text not null,
  line int not null,
  column_name text not null,
  row_mark text,
  row_key text not null,
  seen_in text,
  value_sealed bytea not null,
  value_shape text not null,
  made_by text not null,
  why text not null,
  made_at timestamptz not null default clock_timestamp(),
  state text not null default 'active',
  said text,
  said_in text,
  sentence text not null default '',
  constraint corrections_pk primary key (correction_id),
  constraint corrections_job foreign key (job_id) references jobs (job_id) on delete cascade
);
create index corrections_by_item on corrections (job_id, item_id, made_at);

-- When a run's export was sealed, and how many places were found beyond those that are listed.
alter table job_runs add column sealed_at timestamptz;
alter table jobs add column quarantine_left_out int not null default 0;
