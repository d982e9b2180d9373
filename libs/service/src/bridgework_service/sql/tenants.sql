-- name: insert_tenant
-- Adds a tenant with its fresh key.
insert into tenancy.tenants
  (tenant_id, display_name, wrapped_data_key, zoho_connection, time_zone, partitions, settings,
   status)
values ($1, $2, $3, $4, $5, $6, $7, 'active')
returning *;

-- name: select_tenant
-- Reads one tenant.
select * from tenancy.tenants where tenant_id = $1;

-- name: select_tenants
-- Reads all tenants that still have their key, oldest first.
select * from tenancy.tenants where wrapped_data_key is not null order by created_at, tenant_id;

-- name: select_versions
-- Reads which tenants are to be served, in which version, and which are closed.
select tenant_id, config_version, status from tenancy.tenants;

-- name: update_tenant
-- Changes what is given; raises the version when something changes that services work by.
update tenancy.tenants set
  display_name = coalesce($2, display_name),
  zoho_connection = coalesce($3, zoho_connection),
  time_zone = coalesce($4, time_zone),
  settings = coalesce($5, settings),
  status = coalesce($6, status),
  config_version = config_version
    + case when coalesce($3, zoho_connection) is distinct from zoho_connection
             or coalesce($4, time_zone) is distinct from time_zone
             or coalesce($5, settings) is distinct from settings then 1 else 0 end,
  updated_at = clock_timestamp()
where tenant_id = $1 and wrapped_data_key is not null
returning *;

-- name: destroy_key
-- Erases a tenant: without its key nothing sealed for it can ever be read.
update tenancy.tenants set
  wrapped_data_key = null, zoho_connection = null, status = 'closed', updated_at = clock_timestamp()
where tenant_id = $1
returning tenant_id;

-- name: select_wrapped_keys
-- Reads every wrapped key, locked against a change meanwhile.
select tenant_id, wrapped_data_key from tenancy.tenants
where wrapped_data_key is not null order by tenant_id for update;

-- name: update_wrapped_key
-- Replaces a wrapped key by the same key under another master key.
update tenancy.tenants set wrapped_data_key = $2 where tenant_id = $1;
