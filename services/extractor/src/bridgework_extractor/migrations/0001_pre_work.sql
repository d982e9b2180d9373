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

-- Where each run's sealed snapshot lies, and the key that opens it (sealed with the tenant's key).
create table snapshots (
  run_id text not null,
  tenant_id text not null,
  folder text not null,
  key_sealed bytea not null,
  sealed_at timestamptz not null default clock_timestamp(),
  constraint snapshots_pk primary key (run_id)
);

-- Content hashes are keyed per tenant, so that equal values of two practices do not look equal.
create table hash_keys (
  tenant_id text not null,
  key_sealed bytea not null,
  constraint hash_keys_pk primary key (tenant_id)
);
