create table jobs (
  job_id text not null,
  tenant_id text not null,
  name text not null,
  state text not null,
  source jsonb not null,
  mapping jsonb not null,
  mapping_hash text not null,
  live_names jsonb not null default '{}',
  owners jsonb not null default '[]',
  fallback_user_id text,
  migration_user_id text,
  audit jsonb,
  schema_plan jsonb,
  error jsonb,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint jobs_pk primary key (job_id)
);
create index jobs_by_tenant on jobs (tenant_id, job_id);

-- Providers and duplicate proposals carry names: sealed with the tenant's key.
create table job_findings (
  job_id text not null,
  kind text not null,
  findings_sealed bytea not null,
  constraint job_findings_pk primary key (job_id, kind),
  constraint job_findings_job foreign key (job_id) references jobs (job_id) on delete cascade
);

create table gates (
  job_id text not null,
  gate text not null,
  evidence jsonb not null,
  evidence_hash text not null,
  approved_by text not null,
  comment text not null default '',
  approved_at timestamptz not null default clock_timestamp(),
  constraint gates_pk primary key (job_id, gate),
  constraint gates_job foreign key (job_id) references jobs (job_id) on delete cascade
);

create table job_runs (
  run_id text not null,
  job_id text not null,
  tenant_id text not null,
  kind text not null,
  state text not null,
  spec jsonb not null,
  -- Where it was when it was paused or failed, and how often it has been resumed since.
  stopped_in text,
  resumes int not null default 0,
  open_wave int not null default 0,
  settled_wave int not null default 0,
  last_wave int not null,
  extracted jsonb not null default '{}',
  outcomes jsonb not null default '{}',
  credits double precision not null default 0,
  fingerprints jsonb not null default '{}',
  diff jsonb,
  report jsonb,
  findings jsonb not null default '[]',
  waiting jsonb,
  error jsonb,
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  constraint job_runs_pk primary key (run_id),
  constraint job_runs_job foreign key (job_id) references jobs (job_id) on delete cascade
);
create index job_runs_by_job on job_runs (job_id, created_at);

-- Long steps asked for through the API; done one after another, resumed after a crash.
create table steps (
  step_id bigint generated always as identity,
  tenant_id text not null,
  job_id text not null,
  step text not null,
  done_at timestamptz,
  constraint steps_pk primary key (step_id)
);
create index steps_pending on steps (tenant_id, step_id) where done_at is null;

create table idempotency (
  scope text not null,
  idempotency_key text not null,
  request_hash text not null,
  status int not null,
  body jsonb not null,
  location text,
  created_at timestamptz not null default clock_timestamp(),
  constraint idempotency_pk primary key (scope, idempotency_key)
);

create table api_keys (
  key_hash text not null,
  name text not null,
  tenant_id text,
  created_at timestamptz not null default clock_timestamp(),
  constraint api_keys_pk primary key (key_hash)
);

create table dead_letters (
  dead_letter_id text not null,
  tenant_id text not null,
  topic text not null,
  partition int not null,
  log_offset bigint not null,
  service text not null,
  error_class text not null,
  code text not null,
  hint text not null,
  attempts int not null,
  letter_sealed bytea not null,
  dead_at timestamptz not null,
  replayed_at timestamptz,
  replayed_by text,
  constraint dead_letters_pk primary key (tenant_id, dead_letter_id)
);
