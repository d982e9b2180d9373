-- name: links
-- Finds where records are in Zoho; the arrays are read in pairs. (One index look-up per pair: a plain
-- join would read all rows of the tenant while the planner knows nothing of a young table.)
select w.object, w.key, c.module, c.zoho_id, c.fields_hash
from unnest($2::text[], $3::text[]) as w (object, key)
cross join lateral (
  select module, zoho_id, fields_hash from {schema}.crosswalk
  where tenant_id = $1 and object = w.object and key = w.key limit 1
) c;

-- name: links_with_base
-- The same, with what we last wrote.
select w.object, w.key, c.module, c.zoho_id, c.fields_hash, c.base
from unnest($2::text[], $3::text[]) as w (object, key)
cross join lateral (
  select module, zoho_id, fields_hash, base from {schema}.crosswalk
  where tenant_id = $1 and object = w.object and key = w.key limit 1
) c;

-- name: link
-- Writes crosswalk rows.
insert into {schema}.crosswalk as c
  (tenant_id, object, key, module, zoho_id, fields_hash, base, run_id)
select $1, u.object, u.key, u.module, u.zoho_id, u.fields_hash, u.base, u.run_id
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[])
  as u (object, key, module, zoho_id, fields_hash, base, run_id)
on conflict (tenant_id, object, key) do update
  set module = excluded.module,
      zoho_id = excluded.zoho_id,
      fields_hash = excluded.fields_hash,
      base = excluded.base,
      run_id = excluded.run_id,
      written_at = clock_timestamp();

-- name: unlink
-- Removes the rows of records that are gone from Zoho, unless they were loaded again since.
delete from {schema}.crosswalk c
using unnest($2::text[], $3::text[], $4::text[]) as u (object, key, zoho_id)
where c.tenant_id = $1 and c.object = u.object and c.key = u.key and c.zoho_id = u.zoho_id;

-- name: count_linked
-- Counts the records of one Zoho module that we know.
select count(*) from {schema}.crosswalk where tenant_id = $1 and module = $2;

-- name: keep_parents
-- Notes which records must outlive an undo.
insert into {schema}.kept_parents (run_id, zoho_id)
select u.run_id, u.zoho_id from unnest($1::text[], $2::text[]) as u (run_id, zoho_id)
on conflict do nothing;

-- name: kept_parents
-- Finds which of these records must outlive the undo.
select zoho_id from {schema}.kept_parents where run_id = $1 and zoho_id = any($2::text[]);
