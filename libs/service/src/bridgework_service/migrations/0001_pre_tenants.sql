-- Practices: who they are, their wrapped data key and how to reach their Zoho org.
-- A null data key is a tenant that was erased: nothing sealed for it can be read again.
create table tenants (
  tenant_id text not null,
  display_name text not null,
  wrapped_data_key bytea,
  zoho_connection bytea,
  time_zone text not null,
  partitions int not null,
  settings jsonb not null default '{}',
  status text not null,
  config_version int not null default 1,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint tenants_pk primary key (tenant_id),
  constraint tenants_partitions_positive check (partitions > 0),
  constraint tenants_status_known check (status in ('active', 'paused', 'closed')),
  constraint tenants_closed_has_no_key check ((status = 'closed') = (wrapped_data_key is null))
);
