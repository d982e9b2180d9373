-- name: put
-- Notes where parents are.
insert into {schema}.parents (tenant_id, object, key, module, zoho_id)
select $1, p.object, p.key, p.module, p.zoho_id
from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as p (object, key, module, zoho_id)
on conflict (tenant_id, object, key) do update
  set module = excluded.module, zoho_id = excluded.zoho_id;

-- name: drop
-- Forgets parents that are gone, and the files that went with them.
with gone as (
  delete from {schema}.parents p
  using unnest($2::text[], $3::text[], $4::text[]) as g (object, key, zoho_id)
  where p.tenant_id = $1 and p.object = g.object and p.key = g.key and p.zoho_id = g.zoho_id
  returning p.zoho_id)
delete from {schema}.files f using gone
where f.tenant_id = $1 and f.zoho_parent_id = gone.zoho_id;

-- name: find
-- Finds where parents are; the arrays are read in pairs.
select p.object, p.key, p.module, p.zoho_id
from unnest($2::text[], $3::text[]) as k (object, key)
join {schema}.parents p on p.tenant_id = $1 and p.object = k.object and p.key = k.key;
