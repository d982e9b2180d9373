-- What each run was told when it started, so that a restart needs nobody else's memory.
create table runs (
  run_id text not null,
  tenant_id text not null,
  spec bytea not null,
  status text not null default 'started',
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  constraint runs_pk primary key (run_id)
);

create index runs_by_tenant on runs (tenant_id, started_at);
