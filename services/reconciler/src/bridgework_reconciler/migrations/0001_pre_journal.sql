-- The journal: one row per record or file and run, its latest outcome. What undo reads.
create table journal (
  run_id text not null,
  object text not null,
  key text not null,
  is_file boolean not null,
  outcome text not null,
  effect text not null,
  module text,
  zoho_id text,
  zoho_parent_id text,
  parent_object text,
  parent_key text,
  merged_into text,
  reason jsonb,
  content_hash text not null,
  values_sealed bytea,
  conflict_count int not null,
  parts jsonb,
  provenance jsonb,
  problems jsonb,
  credits double precision not null,
  decided_by text not null,
  recorded_at timestamptz not null default clock_timestamp(),
  constraint journal_pk primary key (run_id, object, key)
);
alter table journal alter column values_sealed set storage external;
create index journal_not_landed on journal (run_id, outcome, object, key)
  where outcome in ('failed', 'parked', 'skipped');
create index journal_with_problems on journal (run_id, object, key) where problems is not null;
create index journal_with_conflicts on journal (run_id, object, key) where conflict_count > 0;

-- Outcomes counted as they come: report object → outcome → records. Sums of the journal.
create table tallies (
  run_id text not null,
  object text not null,
  outcome text not null,
  records bigint not null,
  constraint tallies_pk primary key (run_id, object, outcome)
);

-- What outcomes must add up to.
create table extracted (
  run_id text not null,
  object text not null,
  records bigint not null,
  unchanged bigint not null,
  constraint extracted_pk primary key (run_id, object)
);

create table waves_settled (
  run_id text not null,
  wave int not null,
  settled_at timestamptz not null default clock_timestamp(),
  constraint waves_settled_pk primary key (run_id, wave)
);

create table run_credits (
  run_id text not null,
  purpose text not null,
  credits double precision not null,
  constraint run_credits_pk primary key (run_id, purpose)
);
