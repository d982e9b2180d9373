-- What the source says now, record by record: the newest canonical record of each key, sealed.
create table expected (
  job_id text not null,
  object text not null,
  key text not null,
  run_id text not null,
  deleted boolean not null,
  record_sealed bytea not null,
  constraint expected_pk primary key (job_id, object, key)
);
alter table expected alter column record_sealed set storage external;

-- Where each record of the job lives in Zoho now.
create table links (
  job_id text not null,
  object text not null,
  key text not null,
  zoho_id text not null,
  run_id text not null,
  seen_by text,
  constraint links_pk primary key (job_id, object, key)
);
create index links_by_zoho_id on links (job_id, zoho_id);

create table fingerprints (
  run_id text not null,
  label text not null,
  modules jsonb not null,
  taken_at timestamptz not null default clock_timestamp(),
  constraint fingerprints_pk primary key (run_id, label)
);

create table diffs (
  run_id text not null,
  compared_records bigint not null,
  compared_fields bigint not null,
  mismatches bigint not null,
  accepted_conflicts bigint not null,
  seconds double precision not null,
  finished_at timestamptz not null default clock_timestamp(),
  constraint diffs_pk primary key (run_id)
);

create table mismatches (
  run_id text not null,
  object text not null,
  key text not null,
  field text not null,
  kind text not null,
  zoho_id text,
  values_sealed bytea,
  constraint mismatches_pk primary key (run_id, object, key, field, kind)
);

-- Long pieces of work asked for by a command; done one after another, resumed after a crash.
create table work (
  work_id bigint generated always as identity,
  tenant_id text not null,
  run_id text not null,
  kind text not null,
  label text not null default '',
  -- Above 1 where a resumed run asks again; a command read twice still asks once.
  attempt int not null default 1,
  done_at timestamptz,
  constraint work_pk primary key (work_id),
  constraint work_once unique (run_id, kind, label, attempt)
);
create index work_pending on work (tenant_id, work_id) where done_at is null;
