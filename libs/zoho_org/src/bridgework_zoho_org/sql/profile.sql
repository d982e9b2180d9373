-- name: load_profile
-- Reads what the org said last, and how long ago.
select edition, licences, extract(epoch from clock_timestamp() - read_at)::float8 as age_s
from {schema}.org_profile where org_id = $1;

-- name: save_profile
-- Remembers what the org says now.
insert into {schema}.org_profile (org_id, edition, licences) values ($1, $2, $3)
on conflict (org_id) do update
  set edition = excluded.edition, licences = excluded.licences, read_at = clock_timestamp();
