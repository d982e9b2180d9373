-- What GET /org said last, so that a process can size its budget before its first call.
create table org_profile (
  org_id text not null,
  edition text not null,
  licences int not null,
  read_at timestamptz not null default clock_timestamp(),
  constraint org_profile_pk primary key (org_id)
);
