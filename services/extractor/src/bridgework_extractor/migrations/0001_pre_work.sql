-- Audits and extractions asked for by a command; done one after another, resumed after a crash.
create table work (
  work_id bigint generated always as identity,
  tenant_id text not null,
  kind text not null,
  subject_id text not null,
  command_sealed bytea not null,
  done_at timestamptz,
  constraint work_pk primary key (work_id),
  constraint work_once unique (kind, subject_id)
);
create index work_pending on work (tenant_id, work_id) where done_at is null;

-- Where each run's sealed snapshot lies.
create table snapshots (
  run_id text not null,
  tenant_id text not null,
  folder text not null,
  sealed_at timestamptz not null default clock_timestamp(),
  constraint snapshots_pk primary key (run_id)
);
