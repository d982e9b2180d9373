-- Who may act under a name, until when; rows stay so that fencing tokens only ever grow.
create table leases (
  name text not null,
  holder text not null,
  token bigint not null,
  acquired_at timestamptz not null,
  expires_at timestamptz not null,
  constraint leases_pk primary key (name)
)
with (fillfactor = 50);
